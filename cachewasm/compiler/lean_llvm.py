"""Import llvmlite without what only its other users need.

It imports `importlib.resources` to find a file beside its own, `platform` for a system that is not
ours, `threading` for one lock, its IR builder, and wrappers of values, types and JIT compilers that
nobody asks for here: more than half of what the import takes, and a tenth of a process's first
compile. In the compile server light stand-ins take their place while it is imported. Where a version
of llvmlite does not get along with them, it is imported as it is.
"""

import _thread
import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Modules of llvmlite that only others use; and what must be there without them (codegen.py).
_UNUSED = (
    "ir",
    "binding.executionengine",
    "binding.linker",
    "binding.object_file",
    "binding.orcjit",
    "binding.typeref",
    "binding.value",
)
_NEEDED = (
    "ModuleRef",
    "Target",
    "TargetMachine",
    "create_new_module_pass_manager",
    "create_pass_builder",
    "create_pipeline_tuning_options",
    "initialize_all_asmprinters",
    "initialize_all_targets",
    "parse_assembly",
    "set_option",
)


def import_llvmlite() -> None:
    """Import llvmlite.binding, or leave it to whoever imports it next."""
    stand_ins = {each.__name__: each for each in _stand_ins()}
    if any(name in sys.modules for name in stand_ins):
        return
    sys.modules.update(stand_ins)
    try:
        import llvmlite.binding as llvm

        if any(not hasattr(llvm, name) for name in _NEEDED):
            raise ImportError("llvmlite has its names elsewhere")
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] == "llvmlite"]:
            del sys.modules[name]
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)


def _stand_ins() -> "Iterator[ModuleType]":
    resources = ModuleType("importlib.resources")
    vars(resources).update(files=_Resource, as_file=lambda resource: resource)
    yield resources
    if "threading" not in sys.modules:
        threads = ModuleType("threading")
        vars(threads).update(RLock=_thread.RLock)
        yield threads
    for name in ("platform", *(f"llvmlite.{each}" for each in _UNUSED)):
        unused = ModuleType(name)
        vars(unused).update(__all__=(), __getattr__=lambda name: type(name, (), {}))
        yield unused


class _Resource:
    """A file of an imported package; as a context, its path."""

    def __init__(self, package: str) -> None:
        self._path = os.path.dirname(sys.modules[package].__file__ or "")

    def __truediv__(self, name: str) -> "_Resource":
        self._path = f"{self._path}/{name}"
        return self

    def __enter__(self) -> str:
        return self._path

    def __exit__(self, *exc: object) -> None:
        pass
