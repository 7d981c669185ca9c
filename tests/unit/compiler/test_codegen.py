"""Objects from LLVM: tiers, targets, determinism, errors; and the functions that LLVM calls."""

import ctypes
import math
import mmap

import pytest

from cachewasm.compiler.codegen import BASELINE, TIERS, compile_ir
from cachewasm.compiler.linker.fragment import make_fragment
from cachewasm.compiler.linker.link import link
from cachewasm.compiler.linker.object import MACHINE_AARCH64, MACHINE_X86_64, parse_object
from cachewasm.compiler.runtime_library import NAMES, runtime_library_ir
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.errors import CompileError, InternalError

PROGRAM = """(module (memory 1)
  (table 2 funcref) (type $t (func (param i64 f32) (result i64 f32 f64)))
  (func $f (type $t) (local.get 0) (f32.nearest (local.get 1)) (f64.const 1))
  (elem (i32.const 0) $f)
  (func (param i32) (result i64 f32 f64)
    (block (block (block (block (block
      (br_table 0 1 2 3 4 0 1 2 3 4 (local.get 0))) (i32.store (i32.const 1) (i32.const 2)))
      (i32.store (i32.const 3) (i32.const 2))) (i32.store (i32.const 4) (i32.const 2)))
      (i32.store (i32.const 5) (i32.const 2)))
    (call_indirect (type $t) (i64.const 1) (f32.const 2.5) (local.get 0))))"""


@pytest.mark.parametrize(
    ("target", "machine"),
    [("x86-64-v1", MACHINE_X86_64), ("x86-64-v4", MACHINE_X86_64), ("armv8-a", MACHINE_AARCH64)],
)
def test_compile_ir_each_target_gives_a_linkable_object(valid_module, env, tier, target, machine):
    environment = env(target)
    module = valid_module(PROGRAM)
    texts = [
        translate_trampolines(module, environment, range(2), first=True),
        translate(module, environment, range(2), baseline=tier == BASELINE).ir,
    ]
    objects = [compile_ir(ir, environment, tier, verify=True) for ir in texts]
    assert parse_object(objects[0]).machine == machine
    library = runtime_library_ir(NAMES, environment.target)
    objects.append(compile_ir(library, environment, tier, verify=True))
    image = link([make_fragment(each) for each in objects])
    assert {"f0", "f1", "thunk0", "host0", "thunk1", "host1"} <= image.symbols.keys()


def test_compile_ir_same_text_gives_same_bytes(valid_module, env, tier):
    environment = env()
    ir = translate(valid_module(PROGRAM), environment, range(2), baseline=tier == BASELINE).ir
    assert compile_ir(ir, environment, tier) == compile_ir(ir, environment, tier)


def test_compile_ir_tiers_differ(valid_module, env):
    environment = env()
    ir = translate(valid_module(PROGRAM), environment, range(2)).ir
    assert len({compile_ir(ir, environment, each) for each in TIERS}) == len(TIERS)


def test_compile_ir_malformed_text_is_a_compile_error(env):
    with pytest.raises(CompileError, match="LLVM"):
        compile_ir("define nonsense", env(), TIERS[0])


def test_compile_ir_invalid_module_is_found_when_verified(env):
    text = "define i32 @f() {\n  %a = add i32 %b, 1\n  %b = add i32 %a, 1\n  ret i32 %a\n}"
    with pytest.raises(CompileError):
        compile_ir(text, env(), TIERS[0], verify=True)


def test_runtime_library_unknown_name_is_an_internal_error(env):
    with pytest.raises(InternalError, match="fmod, tanh"):
        runtime_library_ir(["tanh", "fmod", "floor"], env().target)


@pytest.fixture
def library(env, tier):
    """The addresses of all functions of the runtime library, compiled without SSE4.1."""
    environment = env("x86-64-v1")
    library = runtime_library_ir(NAMES, environment.target)
    image = link([make_fragment(compile_ir(library, environment, tier))])
    code = mmap.mmap(-1, image.rodata_offset + len(image.rodata) + 4096, prot=7)
    code[: len(image.text)] = image.text
    code[image.rodata_offset : image.rodata_offset + len(image.rodata)] = image.rodata
    base = ctypes.addressof(ctypes.c_char.from_buffer(code))
    yield {name: base + symbol.offset for name, symbol in image.symbols.items()}


VALUES = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 4503599627370495.5, -1e300]
EXPECTED = {
    "floor": [0.0, -0.0, 0.0, -1.0, 1.0, 2.0, -3.0, 0.0, 4503599627370495.0, -1e300],
    "ceil": [0.0, -0.0, 1.0, -0.0, 2.0, 3.0, -2.0, 1.0, 4503599627370496.0, -1e300],
    "trunc": [0.0, -0.0, 0.0, -0.0, 1.0, 2.0, -2.0, 0.0, 4503599627370495.0, -1e300],
    "roundeven": [0.0, -0.0, 0.0, -0.0, 2.0, 2.0, -2.0, 0.0, 4503599627370496.0, -1e300],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_runtime_library_rounds_as_the_name_says(library, name):
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library[name])
    assert [str(function(value)) for value in VALUES] == [str(value) for value in EXPECTED[name]]
    assert math.isnan(function(math.nan))
    assert function(-math.inf) == -math.inf
    narrow = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float)(library[name + "f"])
    assert str(narrow(-2.5)) == str(function(-2.5))
    assert narrow(8388609.0) == 8388609.0


@pytest.mark.parametrize(("to", "source"), [(0, 3), (3, 0), (5, 5)])
def test_runtime_library_memmove_handles_overlap(library, to, source):
    data = bytearray(b"0123456789")
    expected = bytearray(data)
    expected[to : to + 5] = data[source : source + 5]
    buffer = (ctypes.c_char * 10).from_buffer(data)
    base = ctypes.addressof(buffer)
    prototype = ctypes.CFUNCTYPE(*[ctypes.c_void_p] * 3, ctypes.c_size_t)
    assert prototype(library["memmove"])(base + to, base + source, 5) == base + to
    assert data == expected


def test_runtime_library_memset_and_memcpy_write_their_range_only(library):
    data = bytearray(b"0123456789")
    buffer = (ctypes.c_char * 10).from_buffer(data)
    base = ctypes.addressof(buffer)
    fill = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    fill(library["memset"])(base + 1, 0x141, 3)
    assert data == b"0AAA456789"
    prototype = ctypes.CFUNCTYPE(*[ctypes.c_void_p] * 3, ctypes.c_size_t)
    prototype(library["memcpy"])(base + 6, base + 1, 2)
    assert data == b"0AAA45AA89"
