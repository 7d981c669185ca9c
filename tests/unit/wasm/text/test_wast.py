"""Scripts: text in, commands out."""

import pytest

from cachewasm.errors import TextError
from cachewasm.wasm.decode import decode
from cachewasm.wasm.features import DEFAULT
from cachewasm.wasm.text.commands import (
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertTrap,
    AssertUnlinkable,
    BinaryModule,
    Define,
    Either,
    FunctionReference,
    Get,
    HostReference,
    Instantiate,
    Invoke,
    NanPattern,
    NullReference,
    Number,
    Order,
    Pattern,
    Perform,
    QuotedModule,
    Register,
    TextModule,
    UnknownCommand,
    UnknownValue,
    VectorPattern,
)
from cachewasm.wasm.text.wast import Script, parse_script
from cachewasm.wasm.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128

CALL = Invoke(None, "f", ())


def _orders(text: str) -> list[Order]:
    return [command.order for command in parse_script(text).commands]


def _order(text: str) -> Order:
    (order,) = _orders(text)
    return order


def _module(script: Script) -> TextModule:
    order = script.commands[0].order
    assert isinstance(order, Define)
    assert isinstance(order.module, TextModule)
    return order.module


@pytest.mark.parametrize("text", ["", " \n;; nothing\n(; at all ;)"])
def test_parse_script_without_commands_has_none(text: str) -> None:
    assert _orders(text) == []


@pytest.mark.parametrize(
    ("text", "name", "definition_only"),
    [
        ("(module)", None, False),
        ("(module $m (func))", "m", False),
        ('(module $"a b" (func))', "a b", False),
        ("(module definition $m (func))", "m", True),
        ("(module definition)", None, True),
    ],
)
def test_parse_script_text_module_is_a_definition(
    text: str, name: str | None, definition_only: bool
) -> None:
    order = _order(text)
    assert isinstance(order, Define)
    assert isinstance(order.module, TextModule)
    assert (order.name, order.definition_only) == (name, definition_only)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ('(module binary "\\00asm" "\\01")', Define(None, BinaryModule(b"\0asm\1"), False)),
        ('(module $m quote "(fu" "nc)")', Define("m", QuotedModule(b"(func)"), False)),
        ('(module definition binary "\\00")', Define(None, BinaryModule(b"\0"), True)),
        ("(module instance)", Instantiate(None, None)),
        ("(module instance $i $m)", Instantiate("i", "m")),
        ('(register "a" $m)', Register("a", "m")),
        ('(register "a")', Register("a", None)),
        ('(invoke "f")', Perform(CALL)),
        ('(invoke $i "f" (i32.const 1))', Perform(Invoke("i", "f", (Number(I32, 1),)))),
        ('(get $i "g")', Perform(Get("i", "g"))),
        ('(assert_return (invoke "f"))', AssertReturn(CALL, ())),
        (
            '(assert_return (get "g") (ref.null))',
            AssertReturn(Get(None, "g"), (NullReference(None),)),
        ),
        ('(assert_trap (invoke "f") "why")', AssertTrap(CALL, "why")),
        (
            '(assert_trap (module binary "") "why")',
            AssertTrap(BinaryModule(b""), "why"),
        ),
        ('(assert_exhaustion (invoke "f") "why")', AssertExhaustion(CALL, "why")),
        ('(assert_exception (invoke "f"))', AssertException(CALL)),
        (
            '(assert_malformed (module quote "\\ff") "why")',
            AssertMalformed(QuotedModule(b"\xff"), "why"),
        ),
        ('(assert_invalid (module binary "") "why")', AssertInvalid(BinaryModule(b""), "why")),
        (
            '(assert_unlinkable (module binary "") "why")',
            AssertUnlinkable(BinaryModule(b""), "why"),
        ),
        ("(assert_nothing (at (all)) 1)", UnknownCommand("assert_nothing")),
    ],
)
def test_parse_script_command_is_an_order(text: str, order: Order) -> None:
    assert _order(text) == order


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("i32.const -1", Number(I32, 0xFFFF_FFFF)),
        ("i32.const 0xffff_ffff", Number(I32, 0xFFFF_FFFF)),
        ("i64.const -0x8000000000000000", Number(I64, 1 << 63)),
        ("f32.const -0", Number(F32, 1 << 31)),
        ("f32.const nan:0x200000", Number(F32, 0x7FA0_0000)),
        ("f64.const 0x1p-1074", Number(F64, 1)),
        ("f64.const nan", Number(F64, 0x7FF8 << 48)),
        ("f32.const nan:canonical", NanPattern(F32, True)),
        ("f64.const nan:arithmetic", NanPattern(F64, False)),
        ("ref.null func", NullReference(FUNCREF)),
        ("ref.null extern", NullReference(EXTERNREF)),
        ("ref.null any", UnknownValue("ref.null")),
        ("ref.extern 7", HostReference(7)),
        ("ref.extern", HostReference(None)),
        ("ref.func", FunctionReference()),
        ("ref.i31", UnknownValue("ref.i31")),
        ("v128.const i32x4 1 2 3 -1", Number(V128, 0xFFFF_FFFF_0000_0003_0000_0002_0000_0001)),
        ("v128.const f64x2 1 0", Number(V128, 0x3FF << 52)),
        (
            "v128.const f64x2 nan:canonical 1",
            VectorPattern((NanPattern(F64, True), Number(F64, 0x3FF << 52))),
        ),
        (
            "v128.const f32x4 0 0 nan:arithmetic 0",
            VectorPattern((Number(F32, 0), Number(F32, 0), NanPattern(F32, False), Number(F32, 0))),
        ),
        (
            "either (i32.const 1) (f32.const nan:canonical)",
            Either((Number(I32, 1), NanPattern(F32, True))),
        ),
    ],
)
def test_parse_script_expected_result_is_a_pattern(text: str, pattern: Pattern) -> None:
    assert _order(f'(assert_return (invoke "f") ({text}))') == AssertReturn(CALL, (pattern,))


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("\n  )", "unexpected token", 2, 3),
        ("(module", "unexpected token", 1, 8),
        ('(module binary "" func)', "unexpected token", 1, 19),
        ("(module))", "unexpected token", 1, 9),
        ("(register $m)", "unexpected token", 1, 11),
        ('(register "\\ff")', "malformed UTF-8 encoding", 1, 11),
        ('(assert_return (module) "")', "unexpected token", 1, 17),
        ('(assert_trap (invoke "f"))', "unexpected token", 1, 26),
        ('(assert_invalid (invoke "f") "")', "unexpected token", 1, 18),
        ('(invoke "f" (f32.const nan:canonical))', "unexpected token", 1, 24),
        ('(invoke "f" (v128.const f64x2 0 nan:canonical))', "unexpected token", 1, 25),
        ('(invoke "f" (i32.const 0x1_0000_0000))', "constant out of range", 1, 24),
        ('(assert_return (invoke "f") (either (either)))', "unexpected token", 1, 38),
        ('"', "unclosed string", 1, 1),
    ],
)
def test_parse_script_malformed_command_is_a_text_error(
    text: str, message: str, line: int, column: int
) -> None:
    with pytest.raises(TextError) as caught:
        parse_script(text)
    assert caught.value.message.startswith(message)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_parse_script_bytes_that_are_not_utf8_is_a_text_error() -> None:
    with pytest.raises(TextError, match="malformed UTF-8 encoding"):
        parse_script(b"(module)\n;; \xff")


def test_parse_script_deep_nesting_is_no_recursion() -> None:
    depth = 100_000
    text = f"(unknown {'(' * depth}{')' * depth})"
    assert _order(text) == UnknownCommand("unknown")


def test_script_place_and_excerpt_tell_the_command() -> None:
    script = parse_script('(module)\n  (invoke\n "f")\n')
    place = script.place(script.commands[1])
    assert (place.line, place.column) == (2, 3)
    assert script.excerpt(script.commands[1], 100) == '(invoke\n "f")'
    assert script.excerpt(script.commands[1], 7) == "(invoke"


@pytest.mark.parametrize(
    "text",
    [
        '(module $m (func (export "f")))',
        '(module definition $m (func (export "f")))',
        '(func (export "f"))',
    ],
)
def test_script_binary_of_text_is_the_module(text: str) -> None:
    script = parse_script(f"{text} ;; end")
    module = decode(script.binary(_module(script)), DEFAULT)
    assert [export.name for export in module.exports] == ["f"]


def test_script_binary_of_malformed_text_has_its_place_in_the_script() -> None:
    script = parse_script("(module)\n(module\n  (func (nonsense)))\n(module)")
    order = script.commands[1].order
    assert isinstance(order, Define)
    with pytest.raises(TextError) as caught:
        script.binary(order.module)
    assert caught.value.line == 3


def test_script_binary_of_fields_ends_with_the_script() -> None:
    script = parse_script("(func))")
    with pytest.raises(TextError, match="expected the end of the input"):
        script.binary(_module(script))


def test_script_binary_of_a_quoted_module_is_parsed() -> None:
    script = parse_script("")
    assert decode(script.binary(QuotedModule(b"(func)")), DEFAULT).funcs == (0,)
    with pytest.raises(TextError):
        script.binary(QuotedModule(b"(module"))


def test_script_binary_of_bytes_is_as_it_stands() -> None:
    assert parse_script("").binary(BinaryModule(b"\0as")) == b"\0as"
