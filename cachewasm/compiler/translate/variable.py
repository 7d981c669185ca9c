"""Locals, globals, and the parametric instructions."""

from cachewasm.abi.vmctx import GLOBAL_CELL_SIZE
from cachewasm.compiler.translate.condition import pop_condition
from cachewasm.compiler.translate.ir import LLVM_TYPES
from cachewasm.compiler.translate.registry import Family
from cachewasm.wasm.types import V128, GlobalType, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()


@FAMILY.lowers("local.get")
def _local_get(t: "FunctionTranslator", localidx: int) -> None:
    value = t.locals.known.get(localidx)
    if value is None:
        value = t.locals.load(t, localidx)
    t.stack.append(value)


@FAMILY.lowers("local.set")
def _local_set(t: "FunctionTranslator", localidx: int) -> None:
    t.locals.set(t.lines, localidx, t.stack.pop())


@FAMILY.lowers("local.tee")
def _local_tee(t: "FunctionTranslator", localidx: int) -> None:
    t.locals.set(t.lines, localidx, t.stack[-1])


def _global(t: "FunctionTranslator", globalidx: int) -> tuple[GlobalType, str]:
    """The type and the address of a global: in the context, or behind a pointer if imported."""
    layout = t.context.layout
    imported = t.module.imported_globals
    globaltype = t.module.global_types[globalidx]
    if globalidx < imported:
        return globaltype, t.field("%vmctx", layout.imported_globals + 8 * globalidx)
    offset = layout.defined_globals + GLOBAL_CELL_SIZE * (globalidx - imported)
    return globaltype, t.address("%vmctx", offset)


@FAMILY.lowers("global.get")
def _global_get(t: "FunctionTranslator", globalidx: int) -> None:
    globaltype, address = _global(t, globalidx)
    llvm_type = LLVM_TYPES[globaltype.content]
    if globaltype.content is V128:
        t.uses_vectors = True
    if globaltype.mutable:
        # In order with traps and calls, which may let others see or change it.
        t.stack.append(t.value(f"load volatile {llvm_type}, ptr {address}"))
    else:
        t.stack.append(t.value(f"load {llvm_type}, ptr {address}{t.context.invariant}"))


@FAMILY.lowers("global.set")
def _global_set(t: "FunctionTranslator", globalidx: int) -> None:
    globaltype, address = _global(t, globalidx)
    t.emit(f"  store volatile {LLVM_TYPES[globaltype.content]} {t.stack.pop()}, ptr {address}")


@FAMILY.lowers("nop")
def _nop(t: "FunctionTranslator", _imm: None) -> None:
    pass


@FAMILY.lowers("drop")
def _drop(t: "FunctionTranslator", _imm: None) -> None:
    t.stack.pop()


@FAMILY.lowers("select", "select t")
def _select(t: "FunctionTranslator", _imm: tuple[ValType, ...] | None) -> None:
    condition = pop_condition(t)
    otherwise, value = t.stack.pop(), t.stack.pop()
    valtype = t.validator.vals[-1]
    assert valtype is not None  # Unknown is found in unreachable code only
    llvm_type = LLVM_TYPES[valtype]
    t.stack.append(t.value(f"select i1 {condition}, {llvm_type} {value}, {llvm_type} {otherwise}"))
