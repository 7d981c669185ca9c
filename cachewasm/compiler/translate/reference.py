"""Reference instructions. A reference is an i64: see ir.LLVM_TYPES."""

from cachewasm.abi.vmctx import FUNC_REFERS, FUNCREF
from cachewasm.compiler.translate.condition import push_comparison
from cachewasm.compiler.translate.registry import Family
from cachewasm.wasm.types import ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()


@FAMILY.lowers("ref.null")
def _ref_null(t: "FunctionTranslator", _reftype: ValType) -> None:
    t.stack.append("0")


@FAMILY.lowers("ref.is_null")
def _ref_is_null(t: "FunctionTranslator", _imm: None) -> None:
    push_comparison(t, f"icmp eq i64 {t.stack.pop()}, 0")


@FAMILY.lowers("ref.func")
def _ref_func(t: "FunctionTranslator", funcidx: int) -> None:
    if t.context.lazy_tables:
        t.flags |= FUNC_REFERS
    index = t.context.funcref_index[funcidx]
    funcref = t.address("%vmctx", t.context.layout.funcrefs + FUNCREF.size * index)
    t.stack.append(t.value(f"ptrtoint ptr {funcref} to i64"))
