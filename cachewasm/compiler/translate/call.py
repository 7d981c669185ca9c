"""Calls, direct and indirect.

Functions of the module call each other directly, with their own context. An imported function and
a funcref are called through their code pointer, with their own context: they may be a host
function or belong to another instance. More results than two arrive in the store's result area,
from where they are taken at once.
"""

from cachewasm.abi import symbols, traps
from cachewasm.abi.vmctx import FUNCREF, IMPORTED_FUNC, INSTANCE, SLOT_SIZE, STORE
from cachewasm.compiler.translate.ir import Signature
from cachewasm.compiler.translate.registry import Family
from cachewasm.compiler.translate.table import element_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()


@FAMILY.lowers("call")
def _call(t: "FunctionTranslator", funcidx: int) -> None:
    signature = t.context.callee(funcidx)
    if funcidx >= t.module.imported_funcs:
        _call_code(t, signature, f"@{symbols.function(funcidx)}", "%vmctx")
        return
    imported = t.context.layout.imported_funcs + IMPORTED_FUNC.size * funcidx
    code = t.field("%vmctx", imported + IMPORTED_FUNC.code)
    context = t.field("%vmctx", imported + IMPORTED_FUNC.context)
    t.may_leave_instance()
    _call_code(t, signature, code, context)


@FAMILY.lowers("call_indirect")
def _call_indirect(t: "FunctionTranslator", imm: tuple[int, int]) -> None:
    typeidx, tableidx = imm
    signature = t.context.signature(typeidx)
    element = element_address(t, tableidx, t.stack.pop())
    funcref = t.value(f"load volatile ptr, ptr {element}")
    t.trap_if(t.value(f"icmp eq ptr {funcref}, null"), traps.INDIRECT_CALL_TO_NULL)
    # Type ids are those of the process: read, never constants.
    type_ids = t.field("%vmctx", INSTANCE.type_ids)
    expected = t.field(type_ids, 4 * typeidx, "i32")
    found = t.field(funcref, FUNCREF.type_id, "i32")
    t.trap_if(t.value(f"icmp ne i32 {found}, {expected}"), traps.BAD_SIGNATURE)
    code = t.field(funcref, FUNCREF.code)
    context = t.field(funcref, FUNCREF.context)
    t.may_leave_instance()
    _call_code(t, signature, code, context)


def _call_code(t: "FunctionTranslator", signature: Signature, code: str, context: str) -> None:
    t.carry(len(signature.params) + len(signature.result_types))
    if signature.gives_vectors:
        t.uses_vectors = True
    stack = t.stack
    base = len(stack) - len(signature.params)
    arguments = signature.arguments(context, stack[base:])
    del stack[base:]
    result = t.call(signature.result, code, arguments, may_throw=True)
    if not signature.in_registers:
        area = t.field(t.store_context(), STORE.results)
        for i, llvm_type in enumerate(signature.result_types):
            stack.append(t.value(f"load {llvm_type}, ptr {t.address(area, i * SLOT_SIZE)}"))
    elif len(signature.result_types) == 1:
        stack.append(result)
    else:
        for i in range(len(signature.result_types)):
            stack.append(t.value(f"extractvalue {signature.result} {result}, {i}"))
