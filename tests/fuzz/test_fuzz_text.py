"""The text parser on damaged and hostile text: a module or an error of ours, soon."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.bounded import run_bounded
from tests.fuzz.checks import check_text
from tests.fuzz.seeds import Corpus
from tests.fuzz.text_mutation import TokenEdit, edited_text, token_edits

EXAMPLES = settings(
    max_examples=600,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@EXAMPLES
@given(seed=st.integers(0, 65535), changes=token_edits)
def test_parse_edited_text_agrees_with_oracle(
    seed_texts: Corpus[str], seed: int, changes: list[TokenEdit]
) -> None:
    check_text(edited_text(seed_texts[seed], changes))


@EXAMPLES
@given(text=st.text(alphabet='()";@$ \\\nax0123._-', max_size=60))
def test_parse_random_text_is_module_or_error(text: str) -> None:
    check_text(text)


def _in_func(code: str) -> str:
    return f"(module (func {code}))"


def _const(literal: str, valtype: str = "i32") -> str:
    return _in_func(f"(drop ({valtype}.const {literal}))")


# What can be nested, repeated, left open or made long, and what it comes to.
N = 100_000
LONG = 10_000_000
HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "parentheses": (lambda: "(" * N, "TextError"),
    "closed parentheses": (lambda: _in_func("(" * N + ")" * N), "TextError"),
    "blocks": (lambda: _in_func("block " * N + "end " * N), "parsed"),
    "folded blocks": (lambda: _in_func("(block " * N + ")" * N), "parsed"),
    "folded ifs": (
        lambda: _in_func("(if (i32.const 1) (then " * N + "))" * N),
        "parsed",
    ),
    "folded operands": (
        lambda: _in_func("(drop " + "(i32.eqz " * N + "(i32.const 0)" + ")" * N + ")"),
        "parsed",
    ),
    "labels": (
        lambda: _in_func("".join(f"(block $l{i} " for i in range(N)) + "(br $l0)" + ")" * N),
        "parsed",
    ),
    "equal labels": (lambda: _in_func("(block $l " * N + "(br $l)" + ")" * N), "parsed"),
    "functions": (
        lambda: "(module " + "".join(f"(func $f{i})" for i in range(N)) + ")",
        "parsed",
    ),
    "duplicate at the end": (
        lambda: "(module " + "".join(f"(func $f{i})" for i in range(N)) + "(func $f0))",
        "TextError",
    ),
    "implicit types": (
        lambda: "(module " + "(func (param i32)) (func (result i64) unreachable)" * (N // 4) + ")",
        "parsed",
    ),
    "locals": (lambda: _in_func("(local " + "i32 " * N + ")"), "parsed"),
    "comments": (lambda: "(module " + "(;" * N + ";)" * N + ")", "parsed"),
    "open comments": (lambda: "(;" * N, "TextError"),
    "comments and one open": (lambda: "(; ;) (;;) " * N + "(;", "TextError"),
    "annotations": (lambda: "(module " + "(@a " * N + ")" * N + ")", "parsed"),
    "open annotations": (lambda: "(@a " * N, "TextError"),
    "digits": (lambda: _const("0" * N + "1"), "parsed"),
    "too many digits": (lambda: _const("9" * N), "TextError"),
    "digits of a float": (lambda: _const("0." + "3" * N, "f64"), "parsed"),
    "large exponent": (lambda: _const("1e" + "9" * N, "f64"), "TextError"),
    "small exponent": (lambda: _const("1e-" + "9" * N, "f32"), "parsed"),
    "exponent that digits undo": (lambda: _const(f"0x0.{'0' * N}1p{4 * N}", "f32"), "parsed"),
    "small hexadecimal exponent": (lambda: _const("0x1p-" + "9" * N, "f64"), "parsed"),
    "underscores": (lambda: _const("0_" * N), "TextError"),
    "identifier of 10 MB": (lambda: f"(module (func ${'x' * LONG}))", "parsed"),
    "name of 10 MB": (lambda: f'(module (func (export "{"x" * LONG}")))', "parsed"),
    "data of 10 MB": (lambda: '(module (data "' + "\\00" * (LONG // 3) + '"))', "parsed"),
    "open string of 10 MB": (lambda: '(module (data "' + "x" * LONG, "TextError"),
    "keyword of 10 MB": (lambda: f"(module ({'x' * LONG}))", "TextError"),
    "lines before an error": (lambda: "\n" * 1_000_000 + "(", "TextError"),
    "branch table": (lambda: _in_func("(br_table " + "0 " * N + "(i32.const 0))"), "parsed"),
}
_PARSE = """
from cachewasm.errors import ModuleError, TextError
from cachewasm.wasm.text.parser import wat2wasm
try:
    wat2wasm(sys.stdin.buffer.read())
except (ModuleError, TextError) as error:
    assert len(str(error)) < 1000
    print(type(error).__name__)
else:
    print("parsed")
"""


@pytest.mark.parametrize("kind", HOSTILE)
def test_parse_hostile_text_ends_soon(kind: str) -> None:
    text, expected = HOSTILE[kind]
    assert run_bounded(_PARSE, text().encode(), seconds=20, megabytes=1024) == expected
