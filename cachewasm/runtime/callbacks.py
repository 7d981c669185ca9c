"""The Python functions that the support image calls when its quick paths end (abi/process.CALLBACKS).

Each runs with the GIL held, inside an entry or just before one. On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import DESCRIPTOR, FUNC_OBJECT, FUNCREF, HOST, KIND_BY_NAME, THREAD
from cachewasm.errors import InternalError, Trap, WasmtimeError
from cachewasm.loader import native
from cachewasm.runtime import threads
from cachewasm.runtime.func import descriptor_of, funcref_of, store_address, type_of
from cachewasm.runtime.values import from_raw, to_raw, to_vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cachewasm.runtime.func import Func
    from cachewasm.runtime.store import Store


def _store_of(func: "Func") -> "Store":
    # SAFETY: the function holds a reference to its store while it is alive.
    store: Store = ctypes.cast(store_address(func), ctypes.py_object).value
    return store


def call_slowly(func: "Func", /, *args: "Any", **keywords: "Any") -> object:
    """A call that is not `func(its store, the right number of arguments)`, or to a host function
    that has no code yet.
    """
    if keywords:
        args = _without_keywords(args, keywords)
    from cachewasm.runtime.caller import Caller
    from cachewasm.runtime.store import Store

    if not args or not isinstance(args[0], (Store, Caller)):
        raise TypeError("expected a Store as the first argument")
    if not descriptor_of(func):
        raise WasmtimeError("the function is not initialized")
    store = args[0]._own_store()
    if store is not _store_of(func):
        raise WasmtimeError("object used with the wrong store")
    params = type_of(func).param_types
    given = len(args) - 1
    if given != len(params):
        many = "many" if given > len(params) else "few"
        raise WasmtimeError(
            f"too {many} parameters provided: given {given}, expected {len(params)}"
        )
    if native.read_u64(descriptor_of(func) + DESCRIPTOR.thunk):
        # SAFETY: the slot is this object's own; func_vectorcall is what its descriptor is for.
        native.write_u64(
            id(func) + FUNC_OBJECT.vectorcall, store._support.address["func_vectorcall"]
        )
        return func(store, *args[1:])
    return _call_host(store, func, args[1:])


def _without_keywords(args: "tuple[Any, ...]", keywords: "dict[str, Any]") -> "tuple[Any, ...]":
    """The arguments by position: only the store has a name. Raises TypeError."""
    for name in keywords:
        if name != "store":
            raise TypeError(f"Func.__call__() got an unexpected keyword argument {name!r}")
    if args:
        raise TypeError("Func.__call__() got multiple values for argument 'store'")
    return (keywords["store"],)


def _call_host(store: "Store", func: "Func", args: "tuple[object, ...]") -> object:
    """Call the Python callable behind a function, its values converted as if by wasm code."""
    functype = type_of(func)
    host = native.read_u64(funcref_of(func) + FUNCREF.context)
    # SAFETY: the store keeps the callable as long as the function.
    callable_: Callable[..., object] = ctypes.cast(
        native.read_u64(host + HOST.callable), ctypes.py_object
    ).value
    values = []
    for kind, arg in zip(_kinds(functype.param_types), args, strict=True):
        values.append(from_raw(store, kind, to_raw(store, kind, arg)))
    if native.read_u64(host + HOST.wants_caller):
        values.insert(0, 0)
    result = callable_(*values)
    kinds = _kinds(functype.result_types)
    results = (result,) if len(kinds) == 1 else unpack_results(len(kinds), result)
    raws = [to_raw(store, kind, value) for kind, value in zip(kinds, results, strict=True)]
    converted = [from_raw(store, kind, raw) for kind, raw in zip(kinds, raws, strict=True)]
    if len(converted) == 1:
        return converted[0]
    return converted or None


def _kinds(types: "tuple[Any, ...]") -> list[int]:
    return [KIND_BY_NAME[t.name] for t in types]


def store_busy(func: "Func") -> None:
    """Another thread is inside the store."""
    raise WasmtimeError(threads.BUSY)


def raise_trap(func: "Func") -> None:
    """Raise what the thread's record says of the trap that just ended an entry."""
    from cachewasm.abi.traps import (
        EXCEPTION,
        EXCEPTION_MESSAGE,
        HOST_EXCEPTION,
        MESSAGES,
        NO_MEMORY,
        OUT_OF_FUEL,
    )
    from cachewasm.runtime import frames

    store = _store_of(func)
    record = threads.record(store._support.thread_key)
    code = native.read_u64(record + THREAD.trap_code)
    if code == HOST_EXCEPTION:
        raise InternalError("a host function failed without an exception")
    if code == NO_MEMORY:
        raise MemoryError("no memory for an exception")
    if code == OUT_OF_FUEL:
        store._fuel_used_up()
    found = frames.read(store, record)
    if code == EXCEPTION:
        # As in the drop-in API: a trap of no code.
        raise Trap(frames.explain(EXCEPTION_MESSAGE, found), frames=found)
    raise Trap(frames.describe(MESSAGES[code], found, record), code=code, frames=found)


def collect_exceptions(store: "Store", _kind: int, lowest: int) -> None:
    """Free the exceptions that code of the store cannot reach."""
    from cachewasm.runtime import exceptions

    exceptions.collect(store, lowest)


def unpack_results(count: int, result: "Any") -> "tuple[object, ...]":
    """The results of a host function, unless there is just one. Raises WasmtimeError."""
    if count == 0:
        if result is not None:
            raise WasmtimeError("callback produced results when it shouldn't")
        return ()
    values = tuple(result)
    if len(values) != count:
        raise WasmtimeError("callback produced wrong number of results")
    return values


def table(thread_key: "Callable[[], int]") -> "dict[str, Callable[..., object]]":
    """The functions by their names in abi/process.CALLBACKS."""

    def set_up_thread() -> None:
        threads.set_up(thread_key())

    return {
        "call_slowly": call_slowly,
        "set_up_thread": set_up_thread,
        "store_busy": store_busy,
        "raise_trap": raise_trap,
        "to_raw": to_raw,
        "from_raw": from_raw,
        "to_vector": to_vector,
        "collect_exceptions": collect_exceptions,
        "unpack_results": unpack_results,
    }
