"""Errors of this package as byte strings, for the way from a worker to the application.

No pickle: only the exceptions of errors.py can arrive.
"""

from cachewasm import errors
from cachewasm.errors import CompileError, InternalError, ModuleError, WasmtimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_CLASSES: dict[str, type[WasmtimeError]] = {
    each.__name__: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, WasmtimeError)
}


def to_fields(error: Exception) -> list[bytes]:
    """The class, the message and, where it has one, the offset of an error.

    What is no error of ours becomes an InternalError, but for a lack of memory.
    """
    if isinstance(error, ModuleError):
        place = b"" if error.offset is None else str(error.offset).encode()
        return [type(error).__name__.encode(), _utf8(error.message), place]
    if isinstance(error, WasmtimeError):
        return [type(error).__name__.encode(), _utf8(str(error)), b""]
    if isinstance(error, MemoryError):
        return [CompileError.__name__.encode(), b"the compiler ran out of memory", b""]
    reason = f"{type(error).__name__}: {error}"
    return [InternalError.__name__.encode(), _utf8(reason), b""]


def from_fields(fields: "Sequence[bytes]") -> WasmtimeError:
    """The error that `to_fields` described. Raises ValueError for what describes none."""
    name, message, place = fields
    text = message.decode("utf-8", "replace")
    kind = _CLASSES.get(name.decode("ascii", "replace"))
    if kind is None:
        raise ValueError("what came describes no error")
    if issubclass(kind, ModuleError):
        return kind(text, offset=int(place) if place else None)
    return kind(text)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
