"""Import llvmlite without what only its other users need.

It imports `importlib.resources` to find a file beside its own, `platform` for a system that is not
ours, and its IR builder for values that nobody asks for here: more than half of what the import
takes, and a tenth of a process's first compile. In the compile server light stand-ins take their
place while it is imported. Where a version of llvmlite does not get along with them, it is imported
as it is.
"""

import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def import_llvmlite() -> None:
    """Import llvmlite.binding, or leave it to whoever imports it next."""
    stand_ins = {each.__name__: each for each in _stand_ins()}
    if any(name in sys.modules for name in stand_ins):
        return
    sys.modules.update(stand_ins)
    try:
        import llvmlite.binding  # noqa: F401
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
    yield ModuleType("platform")
    builder = ModuleType("llvmlite.ir")
    vars(builder).update(__getattr__=lambda name: type(name, (), {}))
    yield builder


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
