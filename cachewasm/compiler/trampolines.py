"""Trampolines: the way between the array calls of the support image and wasm's own convention.

Every type of a module's type section gets two. The *thunk* calls a wasm function with arguments
from an array of slots; the *host stub* is what wasm code calls where a host function is imported:
it puts its arguments into an array and calls the builtin `host_call`. So neither a warm start nor a
host function of a type that the module has ever needs LLVM.

A slot is 16 bytes; a value occupies its low bytes. Types that LLVM cannot tell apart share their
code, which bears the name of the first of them.
"""

from collections.abc import Iterable, Iterator, Sequence

from cachewasm.abi import symbols
from cachewasm.abi.vmctx import CONTEXT, SLOT_SIZE, STORE
from cachewasm.compiler.translate.ir import (
    CODE,
    Signature,
    at,
    load_builtin,
    load_field,
    return_lines,
)
from cachewasm.wasm.types import FuncType


def representatives(types: Sequence[FuncType]) -> list[int]:
    """Per type the index of the first one whose trampolines are the same code."""
    first_of: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    indices = []
    for typeidx, func_type in enumerate(types):
        signature = Signature(func_type)
        indices.append(first_of.setdefault((signature.params, signature.result_types), typeidx))
    return indices


def trampolines(types: Sequence[FuncType], typeidxs: Iterable[int]) -> list[str]:
    """The IR of the trampolines of some of a module's types, for a module's body."""
    lines: list[str] = []
    for typeidx in typeidxs:
        signature = Signature(types[typeidx])
        lines.extend(_thunk(symbols.thunk(typeidx), signature))
        lines.extend(_host_stub(symbols.host_stub(typeidx), signature))
    return lines


def _load_slots(types: Sequence[str], name: str, base: str) -> Iterator[str]:
    for i, t in enumerate(types):
        yield at(f"%{name}{i}.at", base, i * SLOT_SIZE)
        yield f"  %{name}{i} = load {t}, ptr %{name}{i}.at, align {SLOT_SIZE}"


def _store_slots(types: Sequence[str], name: str, base: str) -> Iterator[str]:
    for i, t in enumerate(types):
        yield at(f"%{name}{i}.to", base, i * SLOT_SIZE)
        yield f"  store {t} %{name}{i}, ptr %{name}{i}.to, align {SLOT_SIZE}"


def _result_area(context: str) -> Iterator[str]:
    yield load_field("%store", context, CONTEXT.store)
    yield load_field("%area", "%store", STORE.results)


def _thunk(name: str, signature: Signature) -> Iterator[str]:
    results = signature.result_types
    yield f"define hidden void @{name}(ptr %code, ptr %vmctx, ptr %slots) {CODE} {{"
    yield from _load_slots(signature.params, "p", "%slots")
    values = [f"%p{i}" for i in range(len(signature.params))]
    call = f"call {signature.result} %code({signature.arguments('%vmctx', values)})"
    if signature.result == "void":
        yield f"  {call}"
    elif len(results) == 1:
        yield f"  %r0 = {call}"
    else:
        yield f"  %pair = {call}"
        for i in range(len(results)):
            yield f"  %r{i} = extractvalue {signature.result} %pair, {i}"
    if not signature.in_registers:
        yield from _result_area("%vmctx")
        yield from _load_slots(results, "r", "%area")
    yield from _store_slots(results, "r", "%slots")
    yield "  ret void"
    yield "}"


def _host_stub(name: str, signature: Signature) -> Iterator[str]:
    results = signature.result_types
    slots = max(len(signature.params), len(results), 1)
    yield f"define hidden {signature.result} @{name}({signature.parameters()}) {CODE} {{"
    yield f"  %slots = alloca [{slots * SLOT_SIZE} x i8], align {SLOT_SIZE}"
    yield from _store_slots(signature.params, "p", "%slots")
    yield load_builtin("%host_call", "%vmctx", "host_call")
    yield "  call void %host_call(ptr %vmctx, ptr %slots)"
    yield from _load_slots(results, "r", "%slots")
    if not signature.in_registers:
        yield from _result_area("%vmctx")
        yield from _store_slots(results, "r", "%area")
    yield from return_lines(signature, [f"%r{i}" for i in range(len(results))])
    yield "}"
