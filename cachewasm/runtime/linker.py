"""`Linker`: names for imports, and instantiation by them. On the warm path."""

from cachewasm.errors import LinkError, WasmtimeError
from cachewasm.managed import ALREADY_CLOSED, Closable, Uncopied
from cachewasm.runtime.engine import Engine, require_open
from cachewasm.runtime.externs import kind_of
from cachewasm.runtime.global_ import Global
from cachewasm.runtime.host_functions import HostFunction
from cachewasm.runtime.instance import Instance
from cachewasm.runtime.memory import Memory
from cachewasm.runtime.module import Module
from cachewasm.runtime.store import Store, store_of
from cachewasm.runtime.table import Table
from cachewasm.wasm.types import FuncType, GlobalType, MemoryType, TableType, TagType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cachewasm.runtime.caller import Caller
    from cachewasm.runtime.externs import Extern
    from cachewasm.runtime.func import Func


class Linker(Closable, Uncopied):
    """Definitions by module and name. Not tied to a store, unless an extern of one is defined."""

    __slots__ = ("_allow_shadowing", "_definitions", "engine")

    def __init__(self, engine: Engine) -> None:
        require_open(engine)
        self.engine = engine
        self._allow_shadowing = False
        self._definitions: dict[tuple[str, str], Extern | HostFunction] = {}

    @property
    def allow_shadowing(self) -> bool:
        """Whether a name may be defined again."""
        return self._allow_shadowing

    @allow_shadowing.setter
    def allow_shadowing(self, allow: bool) -> None:
        if not isinstance(allow, bool):
            raise TypeError("expected a bool")
        self._allow_shadowing = allow

    def define(self, store: "Store | Caller", module: str, name: str, item: "Extern") -> None:
        """Define an extern of `store`. Raises WasmtimeError if the name is taken."""
        kind_of(store_of(store), item)
        self._define(module, name, item)

    def define_func(
        self,
        module: str,
        name: str,
        ty: FuncType,
        func: "Callable[..., Any]",
        access_caller: bool = False,
    ) -> None:
        """Define a Python function for any store. With `access_caller` its first argument is the
        `Caller`.
        """
        if not isinstance(ty, FuncType):
            raise TypeError("expected a FuncType")
        if not callable(func):
            raise TypeError("expected a callable")
        self._define(module, name, HostFunction(ty, func, access_caller=access_caller))

    def define_instance(self, store: "Store | Caller", name: str, instance: Instance) -> None:
        """Define every export of an instance under `name`."""
        if not isinstance(instance, Instance):
            raise TypeError("expected an `Instance`")
        for export, item in instance.exports(store).items():
            self._define(name, export, item)

    def define_wasi(self) -> None:
        """Define the functions of WASI preview 1; they use what `Store.set_wasi` was given."""
        from cachewasm.runtime.wasi import WasiHostFunction
        from cachewasm.wasi.preview1.table import FUNCTIONS, MODULE_NAME

        for name, function in FUNCTIONS.items():
            self._define(MODULE_NAME, name, WasiHostFunction(function))

    def define_module(self, store: "Store | Caller", name: str, module: Module) -> None:
        """Define a module's exports under `name`: of one instance for a reactor (whose
        `_initialize` is called first), of a new instance for each call for a command.
        """
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        owner = store_of(store)
        exports = {export.name: export.type for export in module.exports}
        if "_start" in exports:
            for export, extern_type in exports.items():
                if isinstance(extern_type, FuncType):
                    call = self._command(owner, module, export)
                    self._define(name, export, HostFunction(extern_type, call).make(owner))
            return
        instance = self.instantiate(owner, module)
        found = instance.exports(owner)
        initialize: Any = found.get("_initialize")
        if initialize is not None:
            initialize(owner)
        self.define_instance(owner, name, instance)

    def _command(self, store: Store, module: Module, export: str) -> "Callable[..., object]":
        def call(*args: object) -> object:
            func: Any = self.instantiate(store, module).exports(store)[export]
            result: object = func(store, *args)
            return result

        return call

    def instantiate(self, store: "Store | Caller", module: Module) -> Instance:
        """Instantiate with this linker's definitions. Raises LinkError for one that is missing."""
        return InstancePre(self, module).instantiate(store)

    def instantiate_pre(self, module: Module) -> "InstancePre":
        """Look the imports up now, to instantiate several times. Raises LinkError."""
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        return InstancePre(self, module)

    def get_default(self, store: "Store | Caller", name: str) -> "Func":
        """The default export of a defined module: "" or "_start", else a function that does
        nothing. Raises WasmtimeError if it is no function.
        """
        owner = store_of(store)
        for export in ("", "_start"):
            if (name, export) in self._definitions:
                found: Any = self.get(owner, name, export)
                if not isinstance(found, owner._func_type):
                    raise WasmtimeError(f"default export in '{name}' is not a function")
                return found
        return HostFunction(FuncType((), ()), lambda: None).make(owner)

    def get(self, store: "Store | Caller", module: str, name: str) -> "Extern":
        """A definition, as an extern of `store`. Raises WasmtimeError if there is none."""
        found = self._definitions.get((module, name))
        if found is None:
            raise WasmtimeError("item not defined in linker")
        owner = store_of(store)
        return found.make(owner) if isinstance(found, HostFunction) else found

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Define each function that `module` imports and nobody defined as one that traps."""
        for want in _imports(module):
            if (want.module, want.name) not in self._definitions:
                if not isinstance(want.type, FuncType):
                    continue
                trap = _trapping(want.module, want.name)
                self._define(want.module, want.name, HostFunction(want.type, trap))

    def define_unknown_imports_as_default_values(
        self, store: "Store | Caller", module: Module
    ) -> None:
        """Define everything that `module` imports and nobody defined as zero, null or empty."""
        owner = store_of(store)
        for want in _imports(module):
            if (want.module, want.name) not in self._definitions:
                item = _default(owner, want.type)
                self._define(want.module, want.name, item)

    def _define(self, module: str, name: str, item: "Extern | HostFunction") -> None:
        if not self._allow_shadowing and (module, name) in self._definitions:
            raise WasmtimeError(f"import of `{module}::{name}` defined twice")
        self._definitions[module, name] = item


class InstancePre(Closable, Uncopied):
    """A module with its imports looked up."""

    __slots__ = ("_items", "module")

    def __init__(self, linker: Linker, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError("expected a Module")
        if module._closed:
            raise ValueError(ALREADY_CLOSED)
        self.module = module
        self._items: list[Extern | HostFunction] = []
        for want in module._wanted:
            found = linker._definitions.get((want.module, want.name))
            if found is None:
                raise LinkError(
                    f"unknown import: `{want.module}::{want.name}` has not been defined"
                )
            self._items.append(found)

    def instantiate(self, store: "Store | Caller") -> Instance:
        """A new instance. Raises LinkError if a definition has the wrong type."""
        instance = Instance.__new__(Instance)
        # The module may have been closed by now.
        instance._instantiate(store, self.module, self._items)
        return instance


def _imports(module: Module) -> "Sequence[Any]":
    if not isinstance(module, Module):
        raise TypeError("expected a `Module`")
    return module.imports


def _trapping(module: str, name: str) -> "Callable[..., object]":
    def trap(*args: object) -> object:
        raise WasmtimeError(f"unknown import: `{module}::{name}` has not been defined")

    return trap


def _default(store: Store, type: "Any") -> "Extern | HostFunction":
    """Zero, null or empty, of an imported type."""
    if isinstance(type, FuncType):
        results = [_zero(t) for t in type.result_types]
        value = results[0] if len(results) == 1 else results or None
        return HostFunction(type, lambda *args: value)
    if isinstance(type, GlobalType):
        return Global(store, type, _zero(type.content))
    if isinstance(type, TableType):
        return Table(store, type, None)
    if isinstance(type, TagType):
        from cachewasm.runtime.tag import Tag

        return Tag(store, type)
    assert isinstance(type, MemoryType)
    return Memory(store, type)


def _zero(type: "Any") -> object:
    if type.is_ref:
        return None
    return 0 if type.name in ("i32", "i64") else 0.0
