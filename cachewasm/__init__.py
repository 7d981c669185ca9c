"""cachewasm: a WebAssembly engine for Python whose compiled code is never compiled twice.

The names are those of the PyPI package `wasmtime`. Each is imported when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.abi.traps import TrapCode as TrapCode
    from cachewasm.cache.cache import Cache as Cache
    from cachewasm.cache.settings import CacheConfig as CacheConfig
    from cachewasm.engine.config import Config as Config
    from cachewasm.engine.operator_cost import OperatorCost as OperatorCost
    from cachewasm.errors import CacheMiss as CacheMiss
    from cachewasm.errors import CachewasmError as CachewasmError
    from cachewasm.errors import CompileError as CompileError
    from cachewasm.errors import ConfigError as ConfigError
    from cachewasm.errors import ExitTrap as ExitTrap
    from cachewasm.errors import HostError as HostError
    from cachewasm.errors import IncompatibleArtifact as IncompatibleArtifact
    from cachewasm.errors import InternalError as InternalError
    from cachewasm.errors import InvalidModule as InvalidModule
    from cachewasm.errors import LinkError as LinkError
    from cachewasm.errors import MalformedModule as MalformedModule
    from cachewasm.errors import ModuleError as ModuleError
    from cachewasm.errors import TextError as TextError
    from cachewasm.errors import Trap as Trap
    from cachewasm.errors import UnsupportedModule as UnsupportedModule
    from cachewasm.errors import WasmtimeError as WasmtimeError
    from cachewasm.managed import Managed as Managed
    from cachewasm.runtime.caller import Caller as Caller
    from cachewasm.runtime.engine import Engine as Engine
    from cachewasm.runtime.engine_weak import EngineWeak as EngineWeak
    from cachewasm.runtime.frames import Frame as Frame
    from cachewasm.runtime.func import Func as Func
    from cachewasm.runtime.global_ import Global as Global
    from cachewasm.runtime.instance import Instance as Instance
    from cachewasm.runtime.instance import InstanceExports as InstanceExports
    from cachewasm.runtime.linker import InstancePre as InstancePre
    from cachewasm.runtime.linker import Linker as Linker
    from cachewasm.runtime.lookup import Lookup as Lookup
    from cachewasm.runtime.lookup import lookup as lookup
    from cachewasm.runtime.memory import Memory as Memory
    from cachewasm.runtime.module import Module as Module
    from cachewasm.runtime.store import Store as Store
    from cachewasm.runtime.table import Table as Table
    from cachewasm.runtime.tag import Tag as Tag
    from cachewasm.runtime.text import wat2wasm as wat2wasm
    from cachewasm.runtime.values import Val as Val
    from cachewasm.wasi.config import WasiConfig as WasiConfig
    from cachewasm.wasi.perms import DirPerms as DirPerms
    from cachewasm.wasi.perms import FilePerms as FilePerms
    from cachewasm.wasm.types import ExportType as ExportType
    from cachewasm.wasm.types import FuncType as FuncType
    from cachewasm.wasm.types import GlobalType as GlobalType
    from cachewasm.wasm.types import ImportType as ImportType
    from cachewasm.wasm.types import Limits as Limits
    from cachewasm.wasm.types import MemoryType as MemoryType
    from cachewasm.wasm.types import TableType as TableType
    from cachewasm.wasm.types import TagType as TagType
    from cachewasm.wasm.types import ValType as ValType

# Where each public name is defined.
_HOMES = {
    "abi.traps": ("TrapCode",),
    "cache.cache": ("Cache",),
    "cache.settings": ("CacheConfig",),
    "engine.config": ("Config",),
    "engine.operator_cost": ("OperatorCost",),
    "errors": (
        "CacheMiss",
        "CachewasmError",
        "CompileError",
        "ConfigError",
        "ExitTrap",
        "HostError",
        "IncompatibleArtifact",
        "InternalError",
        "InvalidModule",
        "LinkError",
        "MalformedModule",
        "ModuleError",
        "TextError",
        "Trap",
        "UnsupportedModule",
        "WasmtimeError",
    ),
    "managed": ("Managed",),
    "runtime.caller": ("Caller",),
    "runtime.engine": ("Engine",),
    "runtime.engine_weak": ("EngineWeak",),
    "runtime.frames": ("Frame",),
    "runtime.func": ("Func",),
    "runtime.global_": ("Global",),
    "runtime.instance": ("Instance", "InstanceExports"),
    "runtime.linker": ("InstancePre", "Linker"),
    "runtime.lookup": ("Lookup", "lookup"),
    "runtime.memory": ("Memory",),
    "runtime.module": ("Module",),
    "runtime.store": ("Store",),
    "runtime.table": ("Table",),
    "runtime.tag": ("Tag",),
    "runtime.text": ("wat2wasm",),
    "runtime.values": ("Val",),
    "wasi.config": ("WasiConfig",),
    "wasi.perms": ("DirPerms", "FilePerms"),
    "wasm.types": (
        "ExportType",
        "FuncType",
        "GlobalType",
        "ImportType",
        "Limits",
        "MemoryType",
        "TableType",
        "TagType",
        "ValType",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import gc

    # Importing makes thousands of objects and no garbage: looking for some in between takes as long
    # as ten modules. Not importlib.import_module: importing importlib is work, too.
    collecting = gc.isenabled()
    gc.disable()
    try:
        value: object = getattr(__import__(f"cachewasm.{home}", fromlist=(name,)), name)
    finally:
        if collecting:
            gc.enable()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
