"""What LLVM writes for `!pcsections` metadata is read as rows of the address map."""

import re

import llvmlite.binding as llvm
import pytest

from cachewasm.compiler.linker.fragment import make_fragment
from cachewasm.errors import InternalError

TRIPLES = pytest.mark.parametrize(
    "triple", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
)
SOURCE = """
declare hidden i32 @x(i32, i32)
define hidden void @a(ptr %p) !pcsections !{!"fn", !{i32 10}} {
  %1 = call i32 @x(i32 1, i32 2), !pcsections !{!"pc", !{i32 12}}
  store volatile i32 %1, ptr %p, !pcsections !{!"pc", !{i32 11}}
  %2 = call i32 @x(i32 %1, i32 2), !pcsections !{!"pc", !{i32 12}}
  ret void
}
define hidden void @b() !pcsections !{!"fn", !{i32 20}} {
  ret void
}
"""


def emit(triple: str, source: str) -> bytes:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        opt=0, reloc="pic", codemodel="small"
    )
    return bytes(machine.emit_object(llvm.parse_assembly(f'target triple = "{triple}"\n{source}')))


@TRIPLES
def test_pc_sections_give_rows_in_the_order_of_the_code(triple: str) -> None:
    fragment = make_fragment(emit(triple, SOURCE))
    assert list(fragment.wasm_offsets) == [9, 11, 10, 11, 19]
    offsets = list(fragment.code_offsets)
    assert offsets == sorted(set(offsets))
    starts = dict(zip(fragment.definitions.names, fragment.definitions.offsets, strict=True))
    assert (offsets[0], offsets[-1]) == (starts["a"], starts["b"])


@TRIPLES
def test_pc_sections_number_that_is_no_place_is_an_internal_error(triple: str) -> None:
    with pytest.raises(InternalError, match="damaged"):
        make_fragment(emit(triple, SOURCE.replace("i32 20", "i32 0")))


@TRIPLES
def test_pc_sections_without_numbers_is_an_internal_error(triple: str) -> None:
    with pytest.raises(InternalError, match="damaged"):
        make_fragment(emit(triple, re.sub(r", !\{i32 \d+\}", "", SOURCE)))
