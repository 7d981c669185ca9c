"""Fragments arrive as they were sent, damaged ones are refused, and images do not show their borders."""

import dataclasses
import struct
from array import array
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from cachewasm.compiler.codegen import BASELINE, OPTIMIZED, compile_ir
from cachewasm.compiler.linker import fragment as fragment_module
from cachewasm.compiler.linker.fragment import Fragment, decode, encode, make_fragment
from cachewasm.compiler.linker.link import LinkedImage, link
from cachewasm.compiler.linker.parts import CONSTANT_SIZES, RODATA, TEXT
from cachewasm.compiler.runtime_library import runtime_library_ir
from cachewasm.compiler.trampolines import representatives
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config
from cachewasm.errors import InternalError
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode as decode_module
from cachewasm.wasm.module import ValidModule
from cachewasm.wasm.validate import validate

KERNELS = Path(__file__).parents[4] / "benchmarks" / "kernels"
X86_64 = "x86_64-unknown-linux-gnu"
AARCH64 = "aarch64-unknown-linux-gnu"
BOTH = pytest.mark.parametrize("triple", [X86_64, AARCH64])
TARGETS = pytest.mark.parametrize("target", ["x86-64-v1", "x86-64-v4", "armv8-a"])

FUNCTIONS = 9


def _function(n: int) -> str:
    """A function with shared and own constants, a jump table, and calls forth and back.

    Some have so much code that LLVM makes the entries of their tables wider than those of others.
    """
    cases = 8 + n
    lines = [
        f"(func $f{n} (type $f)",
        "(block " * (cases + 1),
        f"(br_table {' '.join(map(str, range(cases + 1)))} (local.get 0)))",
    ]
    for case in range(cases):
        lines.append(f"(f64.const {case}.25)")
        for k in range(12 if n % 3 == 2 else 1):
            lines.append(f"(f64.add (call $f{(n + case + k) % FUNCTIONS} (i32.const {k})))")
        lines.append("return)")
    lines += [
        f"(if (i32.load offset={n} (local.get 0))",
        "  (then (return (call_indirect (type $f) (i32.const 7) (local.get 0)))))",
        "(f64.promote_f32 (f32.mul (f32.const 3.14) (f32.load (local.get 0))))",
        f"(f64.mul (f64.convert_i32_s (i32.div_s (local.get 0) (i32.const {n}))))",
        ")",
    ]
    return "\n".join(lines)


MANY = f"""(module
  (type $f (func (param i32) (result f64)))
  (memory 1)
  (table 8 funcref)
  (elem (i32.const 0) $f0 $f1 $f2 $f3)
  {"".join(map(_function, range(FUNCTIONS)))}
  (func $odd (param i32) (result i32) (i32.load8_u offset=70000 (local.get 0)))
  (func (export "run") (param i32) (result i32)
    (i32.add (call $odd (local.get 0)) (i32.trunc_f64_s (call $f0 (local.get 0))))))
"""


def emit(triple: str, source: str) -> bytes:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=0, reloc="pic", codemodel="small"
    )
    return bytes(machine.emit_object(llvm.parse_assembly(f'target triple = "{triple}"\n{source}')))


def image_of(module: ValidModule, env: CompileEnvironment, tier: str, step: int) -> LinkedImage:
    """Compile in shards of `step` functions, send them as bytes, and link."""

    def fragment(ir: str) -> Fragment:
        return decode(encode(make_fragment(compile_ir(ir, env, tier))))

    first, end = module.module.imported_funcs, len(module.module.func_typeidxs)
    typeidxs = sorted(set(representatives(module.module.types)))
    texts = [translate_trampolines(module, env, typeidxs, first=True)]
    for start in range(first, end, step):
        funcs = range(start, min(start + step, end))
        texts.append(translate(module, env, funcs, baseline=tier == BASELINE).ir)
    return link(
        list(map(fragment, texts)), lambda names: fragment(runtime_library_ir(names, env.target))
    )


@TARGETS
def test_link_borders_of_fragments_leave_no_trace(
    valid_module: Callable[[str], ValidModule],
    env: Callable[..., CompileEnvironment],
    tier: str,
    target: str,
) -> None:
    module, environment = valid_module(MANY), env(target)
    whole = image_of(module, environment, tier, 1000)
    assert whole.code_offsets
    assert image_of(module, environment, tier, 1) == whole
    assert image_of(module, environment, tier, 4) == whole


@TARGETS
@pytest.mark.parametrize("name", ["arx", "matmul", "nbody", "quicksort"])
def test_link_borders_in_kernels_leave_no_trace(
    env: Callable[..., CompileEnvironment], tier: str, target: str, name: str
) -> None:
    wasm = (KERNELS / f"{name}.wasm").read_bytes()
    module, environment = validate(decode_module(wasm, features.DEFAULT)), env(target)
    assert image_of(module, environment, tier, 1) == image_of(module, environment, tier, 1000)


def test_link_borders_of_small_code_leave_no_trace(
    valid_module: Callable[[str], ValidModule],
) -> None:
    config = Config()
    config.opt_level = "speed_and_size"
    module, environment = valid_module(MANY), from_config(config)
    whole = image_of(module, environment, OPTIMIZED, 1000)
    assert image_of(module, environment, OPTIMIZED, 1) == whole


def test_link_borders_without_address_map_leave_no_trace(
    valid_module: Callable[[str], ValidModule], env: Callable[..., CompileEnvironment], tier: str
) -> None:
    module, environment = valid_module(MANY), env(generate_address_map=False)
    whole = image_of(module, environment, tier, 1000)
    assert not whole.code_offsets
    assert image_of(module, environment, tier, 1) == whole


TWO = """
define hidden double @first(double %x) align 64 {
  %y = fmul double %x, 0x3FF8CCCCCCCCCCCD
  %z = call double @second(double %y)
  %w = call double @elsewhere(double %z)
  ret double %w
}
define hidden double @second(double %x) align 64 {
  %y = fmul double %x, 0x3FF8CCCCCCCCCCCD
  %z = fadd double %y, 0x400921FB54442D18
  ret double %z
}
declare hidden double @elsewhere(double)
@counter = hidden global i64 0
@table = hidden constant [3 x i16] [i16 7, i16 11, i16 13]
"""


@BOTH
def test_make_fragment_leaves_only_references_to_elsewhere(triple: str) -> None:
    made = make_fragment(emit(triple, TWO))
    assert made.undefined == ["elsewhere"]
    assert made.definitions.names == ["first", "second", "counter", "table"]
    assert made.constants[CONSTANT_SIZES.index(8)] == struct.pack("<2d", 1.55, 3.141592653589793)
    assert bytes(made.rodata) == struct.pack("<3H", 7, 11, 13)
    assert made.bss_size == 8
    assert TEXT not in {target for batch in made.relocations for target in batch.targets}


@BOTH
def test_make_fragment_padding_of_functions_is_that_of_the_linker(triple: str) -> None:
    made = make_fragment(emit(triple, TWO))
    symbols = made.definitions
    first, second = symbols.names.index("first"), symbols.names.index("second")
    end = symbols.offsets[first] + symbols.sizes[first]
    padding = bytes(made.text[end : symbols.offsets[second]])
    assert padding
    assert set(padding) == ({0xCC} if triple == X86_64 else {0})


@BOTH
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("@g = hidden global i32 5", r"section \.data is not supported"),
        ("@g = hidden unnamed_addr constant i64 5", "symbol 'g' lies in no part of an image"),
        ("@g = hidden constant ptr @g", "is not supported"),
        ("define void @f() prefix [4 x i64] zeroinitializer { ret void }", "outside of functions"),
    ],
    ids=["data", "global-constant", "pointer", "data-in-text"],
)
def test_make_fragment_of_what_cannot_be_linked_is_an_internal_error(
    triple: str, source: str, message: str
) -> None:
    data = emit(triple, source)
    with pytest.raises(InternalError, match=message):
        make_fragment(data)


def test_make_fragment_unknown_relocation_kind_is_named() -> None:
    source = "@t = external thread_local global i32\ndefine ptr @f() { ret ptr @t }"
    with pytest.raises(InternalError, match="x86-64 relocation kind 19 is not supported"):
        make_fragment(emit(X86_64, source))


@BOTH
def test_make_fragment_of_damaged_objects_never_fails_otherwise(triple: str) -> None:
    data = emit(triple, TWO)
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        try:
            made = make_fragment(bytes(damaged))
        except InternalError:
            continue
        assert decode(encode(made)) == made


@BOTH
def test_decode_gives_the_fragment_that_was_encoded(triple: str) -> None:
    made = make_fragment(emit(triple, TWO))
    assert decode(encode(made)) == made
    assert decode(bytearray(encode(made))) == made


def test_decode_of_the_smallest_fragment_gives_it_back() -> None:
    made = make_fragment(emit(X86_64, ""))
    assert decode(encode(made)) == made


def test_decode_truncated_or_prolonged_is_an_internal_error() -> None:
    data = encode(make_fragment(emit(X86_64, TWO)))
    for length in range(len(data)):
        with pytest.raises(InternalError):
            decode(data[:length])
    with pytest.raises(InternalError, match="too long"):
        decode(data + b"\0")


def test_decode_damaged_never_fails_otherwise_nor_does_linking() -> None:
    data = encode(
        make_fragment(emit(X86_64, TWO.replace("call double @elsewhere", "call double @second")))
    )
    for position in range(len(data)):
        for flip in (0xFF, 1):
            damaged = bytearray(data)
            damaged[position] ^= flip
            try:
                link([decode(damaged)])
            except InternalError:
                continue


def test_decode_counts_beyond_the_bytes_allocate_nothing() -> None:
    data = bytearray(encode(make_fragment(emit(X86_64, TWO))))
    for position in range(24, fragment_module._HEADER.size, 4):
        damaged = data[:]
        damaged[position : position + 4] = b"\xff\xff\xff\xff"
        with pytest.raises(InternalError):
            decode(damaged)


@pytest.mark.parametrize(
    "change",
    [
        {"machine": 3},
        {"text_align": 3},
        {"rodata_align": 0},
        {"bss_align": 1 << 17},
        {"constants": (b"", b"", b"1234", b"")},
        {"distances": array("I", [3])},
        {"code_offsets": array("I", [1 << 20]), "wasm_offsets": array("I", [0])},
    ],
    ids=lambda change: next(iter(change)),
)
def test_decode_fragment_that_points_outside_is_refused(change: dict[str, object]) -> None:
    made = make_fragment(emit(X86_64, TWO))
    with pytest.raises(InternalError, match="a fragment "):
        decode(encode(dataclasses.replace(made, **change)))


def test_decode_symbol_outside_of_its_part_is_refused() -> None:
    for column, value in (("parts", 3), ("offsets", 1 << 30), ("sizes", 1 << 30)):
        made = make_fragment(emit(X86_64, TWO))
        getattr(made.definitions, column)[0] = value
        with pytest.raises(InternalError, match="symbol outside"):
            decode(encode(made))


def test_link_equal_constants_of_fragments_become_one_in_the_order_of_use() -> None:
    def source(name: str, *bits: str) -> str:
        lines = [f"define hidden double @{name}(double %v0) {{"]
        for n, value in enumerate(bits):
            lines.append(f"  %v{n + 1} = fadd double %v{n}, {value}")
        return "\n".join([*lines, f"  ret double %v{len(bits)}", "}"])

    pi, e, third = "0x400921FB54442D18", "0x4005BF0A8B145769", "0x3FD5555555555555"
    image = link(
        [
            make_fragment(emit(X86_64, source("a", pi, e, pi))),
            make_fragment(emit(X86_64, source("b", third, e))),
            make_fragment(emit(X86_64, source("c", pi))),
        ]
    )
    assert image.rodata == b"".join(struct.pack("<Q", int(each, 16)) for each in (pi, e, third))


def test_link_symbols_of_read_only_data_lie_in_it() -> None:
    fragments = [
        make_fragment(emit(X86_64, TWO.replace("call double @elsewhere", "call double @second"))),
        make_fragment(emit(X86_64, "@more = hidden constant [3 x i32] [i32 1, i32 2, i32 3]")),
    ]
    assert fragments[1].definitions.parts[0] == RODATA
    image = link(fragments)
    at = image.symbols["more"].offset - image.rodata_offset
    assert image.rodata[at : at + 12] == struct.pack("<3I", 1, 2, 3)
    assert image.symbols["more"].offset % 4 == 0
