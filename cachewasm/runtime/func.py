"""The class `Func`: functions of a store, callable from Python at the speed of C.

`Func` is a heap type made through the C API with a vectorcall slot: calling an instance jumps
straight into the support image, with no Python frame between. Its slots (traverse, clear, dealloc)
are code of the support image, so the type exists from the first time that image is needed. An
instance holds its store, which owns code, contexts and descriptors.

On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import DESCRIPTOR, FUNC_OBJECT, FUNCREF, HOST
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import Uncopied
from cachewasm.runtime.support import Support
from cachewasm.runtime.typeids import TypeEntry, entry_by_id, entry_of
from cachewasm.wasm.types import FuncType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cachewasm.runtime.caller import Caller
    from cachewasm.runtime.store import Store

    class Func:
        """A function of a store: of an instance, or a Python callable.

        `Func(store, type, callable, access_caller=False)` makes one from a Python callable; with
        `access_caller` its first argument is the `Caller`. Call it as `func(store, *args)`: the
        result is None, a value, or a list, by the number of results.
        """

        def __init__(
            self,
            store: Store,
            ty: FuncType,
            func: Callable[..., object],
            access_caller: bool = False,
        ) -> None: ...

        def type(self, store: Store | Caller) -> FuncType: ...

        def __call__(self, store: Store | Caller, *params: object) -> object: ...


# Numbers of PyType_Slot and flags of PyType_Spec (stable ABI of CPython).
_TP_CALL, _TP_CLEAR, _TP_DEALLOC, _TP_DOC, _TP_TRAVERSE, _TP_MEMBERS = 50, 51, 52, 56, 71, 72
_HAVE_VECTORCALL, _HAVE_GC, _HAVE_VERSION_TAG = 1 << 11, 1 << 14, 1 << 18
_T_PYSSIZET, _READONLY = 19, 1
_DOC = b"A function of a store: of an instance, or made from a Python callable."


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Slot(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_int), ("function", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    )


_HOST_ROW = HOST.size + FUNCREF.size

# What the type refers to for as long as the process lives.
_spec_parts: list[object] = []


def make_func_type(support: Support) -> type:
    """The type `Func`, whose slots are code of `support`. Called once in a process."""
    members = (_Member * 3)(
        _Member(b"__vectorcalloffset__", _T_PYSSIZET, FUNC_OBJECT.vectorcall, _READONLY, None),
        _Member(b"__weaklistoffset__", _T_PYSSIZET, FUNC_OBJECT.weakrefs, _READONLY, None),
        _Member(None, 0, 0, 0, None),
    )
    doc = ctypes.create_string_buffer(_DOC)
    slots = (_Slot * 7)(
        _Slot(_TP_CALL, native.symbol(native.python, "PyVectorcall_Call")),
        _Slot(_TP_CLEAR, support.address["func_clear"]),
        _Slot(_TP_DEALLOC, support.address["func_dealloc"]),
        _Slot(_TP_TRAVERSE, support.address["func_traverse"]),
        _Slot(_TP_MEMBERS, ctypes.addressof(members)),
        _Slot(_TP_DOC, ctypes.addressof(doc)),
        _Slot(0, None),
    )
    spec = _Spec(
        b"cachewasm.Func",
        FUNC_OBJECT.size,
        0,
        _HAVE_VECTORCALL | _HAVE_GC | _HAVE_VERSION_TAG,
        ctypes.addressof(slots),
    )
    _spec_parts.extend((members, doc, slots, spec))
    from_spec = native.python.PyType_FromSpec
    from_spec.argtypes = (ctypes.c_void_p,)
    from_spec.restype = ctypes.py_object
    # SAFETY: the specification and all it points at live in _spec_parts; the functions are code of
    # the support image, which is never unmapped.
    made: type = from_spec(ctypes.addressof(spec))
    made.__init__ = _init  # type: ignore[misc]
    made.__module__ = "cachewasm"
    made.type = _type  # type: ignore[attr-defined]
    made.__reduce_ex__ = Uncopied.__reduce_ex__  # type: ignore[assignment]
    return made


def _init(
    self: "Func",
    store: "Store",
    ty: FuncType,
    func: "Callable[..., object]",
    access_caller: bool = False,
) -> None:
    from cachewasm.runtime.store import Store

    if not isinstance(store, Store):
        raise TypeError("expected a Store")
    store._own_store()
    if not isinstance(ty, FuncType):
        raise TypeError("expected a FuncType")
    if not callable(func):
        raise TypeError("expected a callable")
    if descriptor_of(self):
        raise WasmtimeError("a function cannot be initialized twice")
    if access_caller:
        func = with_caller(store, func)
    _attach(self, store, host_funcrefs(store, [(entry_of(ty), func, access_caller)])[0][0])


def with_caller(store: "Store", func: "Callable[..., object]") -> "Callable[..., object]":
    """`func` taking a Caller in place of the address of the calling context."""
    from cachewasm.runtime.caller import Caller

    def call(context: int, *args: object) -> object:
        caller = Caller(store, context)
        try:
            return func(caller, *args)
        finally:
            caller._close()

    return call


def _type(self: "Func", store: "Store | Caller") -> FuncType:
    """The function's type."""
    from cachewasm.runtime.store import store_of

    store_of(store)
    return type_of(self)


def type_of(func: "Func") -> FuncType:
    """The type of a function."""
    return entry_by_id(native.read_u32(funcref_of(func) + FUNCREF.type_id)).type


def descriptor_of(func: "Func") -> int:
    """The address of a function's descriptor; 0 before `__init__` and after collection."""
    # SAFETY: `func` is an instance of the type made above, whose layout is FUNC_OBJECT.
    return native.read_u64(id(func) + FUNC_OBJECT.descriptor)


def store_address(func: "Func") -> int:
    """`id()` of the store of a function."""
    return native.read_u64(id(func) + FUNC_OBJECT.store)


def funcref_of(func: "Func") -> int:
    """The address of a function's Funcref. Raises WasmtimeError for a function without one."""
    descriptor = descriptor_of(func)
    if not descriptor:
        raise WasmtimeError("the function is not initialized")
    return native.read_u64(descriptor + DESCRIPTOR.funcref)


def host_funcrefs(
    store: "Store", functions: "Sequence[tuple[TypeEntry, Callable[..., object], bool]]"
) -> list[tuple[int, int]]:
    """New Funcrefs in `store` that call Python functions: type, callable, and whether its first
    argument is the address of the caller's context. Each comes with its code, 0 until the store has a
    host stub of that type, which is before any wasm code can call it. Its context is the HostContext
    in front of it.
    """
    store._objects.extend([func for _, func, _ in functions])
    at = block = store._allocate(_HOST_ROW * len(functions))
    words: list[int] = []
    context, builtins = store._context, store._support.builtins
    funcrefs = []
    for entry, func, wants_context in functions:
        funcref = at + HOST.size
        code = store._host_code(entry.id)
        # A HostContext and its Funcref, whose type and flags (none) are one word. The callable is
        # borrowed; the store keeps it as long as the block.
        words += (context, builtins, id(func), entry.signature, wants_context)
        words += (code, at, entry.id, 0)
        funcrefs.append((funcref, code))
        at += _HOST_ROW
    # SAFETY: as many words as the new block has.
    native.write_words(block, words)
    # Only now: whoever brings the code may come at any time, and must not be overwritten.
    for (entry, _, _), (funcref, code) in zip(functions, funcrefs, strict=True):
        if not code:
            store._await_host_code(entry.id, funcref)
    return funcrefs


def func_of(store: "Store", funcref: int) -> "Func":
    """A new `Func` for a Funcref that lives in `store`."""
    func_type = store._func_type
    func: Func = func_type.__new__(func_type)
    _attach(func, store, funcref)
    return func


def _attach(func: "Func", store: "Store", funcref: int) -> None:
    descriptor = store._descriptor(funcref)
    thunk = native.read_u64(descriptor + DESCRIPTOR.thunk)
    entry = "func_vectorcall" if thunk else "func_slow"
    # SAFETY: the fields are this new object's own; the reference to the store is counted, and
    # func_clear gives it back.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(store))
    native.write_u64(id(func) + FUNC_OBJECT.store, id(store))
    native.write_u64(id(func) + FUNC_OBJECT.descriptor, descriptor)
    native.write_u64(id(func) + FUNC_OBJECT.vectorcall, store._support.address[entry])


def __getattr__(name: str) -> object:
    if name == "Func":
        from cachewasm.runtime.engine import Engine
        from cachewasm.runtime.process import support_image

        return support_image(Engine()._cache)[1]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
