"""Linked images run: they are mapped and called here, or their instructions are decoded."""

import ctypes
import math
import mmap
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import llvmlite.binding as llvm
import pytest

from cachewasm.artifact.addrmap import NO_OFFSET
from cachewasm.compiler.linker.fragment import Fragment, make_fragment
from cachewasm.compiler.linker.link import LinkedImage, UndefinedSymbols, link
from cachewasm.errors import InternalError

X86_64 = "x86_64-unknown-linux-gnu"
AARCH64 = "aarch64-unknown-linux-gnu"
BOTH = pytest.mark.parametrize("triple", [X86_64, AARCH64])

SWITCH = """
@table = internal constant [4 x i32] [i32 7, i32 11, i32 13, i32 17]
define hidden i32 @select(i32 %x) {
  switch i32 %x, label %other [
    i32 0, label %a i32 1, label %b i32 2, label %c i32 3, label %d i32 4, label %e i32 5, label %f]
a: %1 = call i32 @triple(i32 100)
  ret i32 %1
b: %2 = call i32 @triple(i32 207)
  ret i32 %2
c: ret i32 31
d: %3 = call i32 @triple(i32 %x)
  ret i32 %3
e: ret i32 1234
f: ret i32 77
other: ret i32 -1
}
define hidden double @scale(double %x) {
  %y = fmul double %x, 0x3FF8CCCCCCCCCCCD
  %z = fadd double %y, 0x400921FB54442D18
  ret double %z
}
define hidden i32 @at(i32 %i) {
  %wide = zext i32 %i to i64
  %p = getelementptr [4 x i32], ptr @table, i64 0, i64 %wide
  %v = load i32, ptr %p
  ret i32 %v
}
declare hidden i32 @triple(i32)
"""
TRIPLE = """
define hidden i32 @triple(i32 %x) noinline {
  %r = mul i32 %x, 3
  ret i32 %r
}
"""
COUNTER = """
@unused = hidden global [24 x i8] zeroinitializer, align 64
@counter = hidden global i64 0
define hidden i64 @count() {
  %v = load i64, ptr @counter
  %n = add i64 %v, 1
  store i64 %n, ptr @counter
  ret i64 %n
}
"""


def emit(triple: str, source: str, opt: int = 0) -> Fragment:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=opt, reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{source}')
    module.verify()
    return make_fragment(bytes(machine.emit_object(module)))


@contextmanager
def mapped(image: LinkedImage) -> Iterator[int]:
    """Map an image the way the loader does; yield the address of its text."""
    code_end = image.rodata_offset + len(image.rodata)
    size = max(code_end, image.bss_offset + image.bss_size)
    memory = mmap.mmap(-1, size, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    memory[: len(image.text)] = image.text
    memory[image.rodata_offset : code_end] = image.rodata
    anchor = ctypes.c_char.from_buffer(memory)
    address = ctypes.addressof(anchor)
    mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    pages = (code_end + mmap.PAGESIZE - 1) & -mmap.PAGESIZE
    # SAFETY: the pages belong to `memory`, which lives until the block ends.
    assert mprotect(address, pages, mmap.PROT_READ | mmap.PROT_EXEC) == 0
    try:
        yield address
    finally:
        del anchor
        memory.close()


on_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="runs x86-64 code")


@on_x86_64
@pytest.mark.parametrize("opt", [0, 2])
def test_link_jump_table_constants_and_calls_run(opt: int) -> None:
    image = link([emit(X86_64, SWITCH, opt), emit(X86_64, TRIPLE, opt)])
    with mapped(image) as text:
        select = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(
            text + image.symbols["select"].offset
        )
        scale = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(
            text + image.symbols["scale"].offset
        )
        at = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(text + image.symbols["at"].offset)
        assert [select(n) for n in range(7)] == [300, 621, 31, 9, 1234, 77, -1]
        assert scale(2.0) == 2.0 * 1.55 + math.pi
        assert [at(n) for n in range(4)] == [7, 11, 13, 17]


@on_x86_64
def test_link_zero_filled_area_lies_behind_the_code_and_is_used() -> None:
    image = link([emit(X86_64, SWITCH), emit(X86_64, TRIPLE), emit(X86_64, COUNTER)])
    assert image.bss_offset == 1 << 16
    assert image.bss_size >= 24 + 8
    with mapped(image) as text:
        count = ctypes.CFUNCTYPE(ctypes.c_int64)(text + image.symbols["count"].offset)
        assert [count(), count()] == [1, 2]


@on_x86_64
@pytest.mark.parametrize("opt", [0, 2])
def test_link_accesses_through_the_got_are_relaxed_and_run(opt: int) -> None:
    source = """
    declare i32 @there(i32) nonlazybind
    define hidden i32 @call(i32 %x) {
      %1 = call i32 @there(i32 %x)
      %2 = add i32 %1, 1
      ret i32 %2
    }
    define hidden i32 @jump(i32 %x) {
      %1 = tail call i32 @there(i32 %x)
      ret i32 %1
    }
    define hidden ptr @address() { ret ptr @there }
    """
    image = link(
        [emit(X86_64, source, opt), emit(X86_64, TRIPLE.replace("@triple", "@there"), opt)]
    )
    with mapped(image) as text:
        for name, expected in (("call", 22), ("jump", 21)):
            function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32)(
                text + image.symbols[name].offset
            )
            assert function(7) == expected
        address = ctypes.CFUNCTYPE(ctypes.c_void_p)(text + image.symbols["address"].offset)
        assert address() == text + image.symbols["there"].offset


@BOTH
def test_link_again_gives_an_equal_image(triple: str) -> None:
    fragments = [emit(triple, SWITCH), emit(triple, TRIPLE)]
    assert link(fragments) == link(fragments)


@BOTH
def test_link_undefined_symbols_are_all_named(triple: str) -> None:
    source = """
    declare hidden double @fmod(double, double)
    declare hidden void @unused()
    define hidden void @fill(ptr %p, i64 %n) {
      call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 %n, i1 false)
      ret void
    }
    define hidden double @rest(double %a, double %b) {
      %r = frem double %a, %b
      ret double %r
    }
    declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
    """
    fragments = [emit(triple, source), emit(triple, SWITCH)]
    with pytest.raises(UndefinedSymbols) as caught:
        link(fragments)
    assert caught.value.names == ("fmod", "memset", "triple")


@BOTH
def test_link_library_is_asked_once_for_what_is_missing(triple: str) -> None:
    asked = []

    def library(names: tuple[str, ...]) -> Fragment:
        asked.append(names)
        return emit(triple, TRIPLE)

    image = link([emit(triple, SWITCH)], library)
    assert asked == [("triple",)]
    assert image == link([emit(triple, SWITCH), emit(triple, TRIPLE)])


@BOTH
def test_link_library_without_the_symbol_is_undefined_symbols(triple: str) -> None:
    with pytest.raises(UndefinedSymbols, match="undefined symbols: triple"):
        link([emit(triple, SWITCH)], lambda names: emit(triple, COUNTER))


@BOTH
def test_link_symbol_defined_twice_is_an_internal_error(triple: str) -> None:
    with pytest.raises(InternalError, match="'triple' is defined twice"):
        link([emit(triple, TRIPLE), emit(triple, TRIPLE)])


def test_link_fragments_of_two_machines_are_refused() -> None:
    with pytest.raises(InternalError, match="fragments of 2 machines"):
        link([emit(X86_64, TRIPLE), emit(AARCH64, TRIPLE)])


@BOTH
def test_link_line_rows_give_wasm_offsets_back(triple: str) -> None:
    debug = """
    define hidden i32 @NAME(i32 %x) !dbg !3 {
      %1 = call i32 @triple(i32 %x), !dbg !6
      %2 = call i32 @triple(i32 %1), !dbg !7
      ret i32 %2
    }
    declare hidden i32 @triple(i32)
    !llvm.dbg.cu = !{!0}
    !llvm.module.flags = !{!2}
    !0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, emissionKind: LineTablesOnly)
    !1 = !DIFile(filename: "wasm", directory: "")
    !2 = !{i32 2, !"Debug Info Version", i32 3}
    !3 = distinct !DISubprogram(name: "f", file: !1, type: !4, unit: !0, spFlags: 8)
    !4 = !DISubroutineType(types: !5)
    !5 = !{}
    !6 = !DILocation(line: 1, scope: !3)
    !7 = !DILocation(line: 70001, scope: !3)
    """
    image = link(
        [
            emit(triple, debug.replace("NAME", "first")),
            emit(triple, TRIPLE),
            emit(triple, debug.replace("NAME", "second")),
        ]
    )
    rows = list(zip(image.code_offsets, image.wasm_offsets, strict=True))
    assert rows == sorted(rows)
    assert [wasm for _, wasm in rows] == [0, 70000, NO_OFFSET, 0, 70000, NO_OFFSET]
    assert rows[2][0] == image.symbols["triple"].offset
    assert rows[5][0] == len(image.text)
    for name, (start, _), (end, _) in (("first", *rows[1:3]), ("second", *rows[4:6])):
        symbol = image.symbols[name]
        assert symbol.offset < start < symbol.offset + symbol.size <= end


def word_at(image: LinkedImage, offset: int) -> int:
    return struct.unpack_from("<I", image.text, offset)[0]


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("opt", [0, 2])
def test_link_aarch64_calls_and_constants_reach_their_targets(opt: int) -> None:
    # The text is longer than a page, so that page distances differ from zero.
    filler = "\n".join(f"define hidden void @far{n}() align 4096 {{ ret void }}" for n in range(4))
    image = link([emit(AARCH64, SWITCH, opt), emit(AARCH64, filler), emit(AARCH64, TRIPLE, opt)])
    assert image.rodata_offset > 3 * 4096
    branch_targets = set()
    constants = []
    scale = image.symbols["scale"]
    for offset in range(0, len(image.text), 4):
        word = word_at(image, offset)
        if word >> 26 in (0b000101, 0b100101):  # b, bl
            branch_targets.add(offset + 4 * signed(word & 0x3FFFFFF, 26))
        if scale.offset <= offset < scale.offset + scale.size and word & 0x9F000000 == 0x90000000:
            pages = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
            register = word & 31
            load = next(
                w
                for w in (word_at(image, o) for o in range(offset + 4, len(image.text), 4))
                if w >> 22 == 0x3F5 and w >> 5 & 31 == register  # ldr d, [x, imm]
            )
            address = (offset & -4096) + pages * 4096 + 8 * (load >> 10 & 0xFFF)
            constants.append(
                struct.unpack_from("<d", image.rodata, address - image.rodata_offset)[0]
            )
    assert image.symbols["triple"].offset in branch_targets
    assert sorted(constants) == [1.55, math.pi]


def test_link_aarch64_add_reaches_the_table() -> None:
    image = link([emit(AARCH64, SWITCH, 2), emit(AARCH64, TRIPLE)])
    at = image.symbols["at"]
    words = [word_at(image, o) for o in range(at.offset, at.offset + at.size, 4)]
    add = next(word for word in words if word >> 22 == 0x244)  # add x, x, imm
    assert image.rodata[(add >> 10 & 0xFFF) - image.rodata_offset % 4096 :][:8] == struct.pack(
        "<2I", 7, 11
    )
