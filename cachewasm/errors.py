"""Every exception that cachewasm raises on purpose.

    CachewasmError                    the base of all
    ├── WasmtimeError                 the drop-in API's error; each leaf below says what went wrong
    │   ├── ModuleError               bad bytes from outside; carries the byte offset
    │   │   ├── MalformedModule       the binary cannot be decoded
    │   │   ├── InvalidModule         decodes, but breaks a validation rule
    │   │   └── UnsupportedModule     needs a feature or exceeds a limit of this implementation
    │   ├── TextError                 text that is no module or script; carries line and column
    │   ├── LinkError                 an import is missing or of another type
    │   ├── ConfigError               an option is unknown, wrongly typed or contradicts another
    │   ├── HostError                 this machine lacks something that is needed to run code
    │   ├── IncompatibleArtifact      compiled code that this engine must not load
    │   ├── CacheMiss             the cache lacks what may not be compiled; carries the reason
    │   ├── CompileError              LLVM or the compile worker failed
    │   ├── ExitTrap                  WASI's proc_exit; carries the exit code
    │   └── InternalError             a bug in cachewasm: please report it
    └── Trap                          wasm code trapped; carries code and frames

`WasmtimeError`, `Trap` and `ExitTrap` have the names, attributes and relations of the PyPI package
`wasmtime`, so an application's `except` clauses keep working: there, as here, a `Trap` is not a
`WasmtimeError`.

This module is on the warm path: it imports next to nothing.
"""

from cachewasm.managed import Managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cachewasm.runtime.frames import Frame


class CachewasmError(Exception, Managed):
    """Base of every exception that cachewasm raises on purpose.

    All of them survive `copy` and `pickle` with their attributes, as what a worker process raises must.
    """

    def __reduce__(self) -> "tuple[Callable[..., CachewasmError], tuple[object, ...], object]":
        # Not by calling the class, which takes other arguments than the text that is kept.
        return _remade, (type(self), self.args), self.__dict__


def _remade(kind: "type[CachewasmError]", args: "tuple[object, ...]") -> CachewasmError:
    return kind.__new__(kind, *args)


class WasmtimeError(CachewasmError):
    """An operation failed for a reason other than a trap."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ModuleError(WasmtimeError):
    """Bytes that should be a module are not acceptable.

    `offset` counts bytes from the start of the module; None where no single place is at fault.
    `message` is the reason alone; `str()` adds the place.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        self.message = message
        self.offset = offset
        place = "" if offset is None else f" (at offset 0x{offset:x})"
        super().__init__(message + place)


class MalformedModule(ModuleError):
    """The binary format is violated (specification, chapter 5)."""


class InvalidModule(ModuleError):
    """A validation rule is violated (specification, chapter 3)."""


class UnsupportedModule(ModuleError):
    """The module uses a proposal that is not enabled, or exceeds an implementation limit."""


class TextError(WasmtimeError):
    """Text breaks the grammar of the text format (specification, chapter 6).

    `line` and `column` count from 1, columns in characters. `message` is the reason alone; `str()`
    adds the place.
    """

    def __init__(self, message: str, *, line: int, column: int) -> None:
        self.message = message
        self.line = line
        self.column = column
        super().__init__(f"{message} (at line {line}, column {column})")


class LinkError(WasmtimeError):
    """An import has no definition, or one of an incompatible type."""


class ConfigError(WasmtimeError):
    """A configuration is not acceptable; the message names the option."""


class HostError(WasmtimeError):
    """The host cannot run compiled code, or has run out of a resource that it needs."""


class IncompatibleArtifact(WasmtimeError):
    """Compiled code was made for another engine, target or version, or is damaged."""


class CacheMiss(WasmtimeError):
    """The cache has no usable artifact where nothing may be compiled (the mode `must-hit`).

    `reason` is that of the miss, as the cache counts it.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class CompileError(WasmtimeError):
    """The compiler or its worker process failed on a valid module."""


class InternalError(WasmtimeError):
    """A bug in cachewasm. Please report it with the module that shows it."""


class ExitTrap(WasmtimeError):
    """The program ended itself with WASI's `proc_exit(code)`."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Trap(CachewasmError):
    """Execution of wasm code trapped.

    `trap_code` is a `TrapCode`, or None for a trap that the embedder made; `frames` lists the wasm
    functions on the stack, innermost first.
    """

    def __init__(
        self, message: str, *, code: int | None = None, frames: "Sequence[Frame]" = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.frames = list(frames)
        self._code = code

    @property
    def trap_code(self) -> object:
        """The `TrapCode` that says why, or None."""
        if self._code is None:
            return None
        # TrapCode is an Enum: imported only by whoever asks, enum costs the warm path 5 ms.
        from cachewasm.abi.traps import TrapCode

        return TrapCode(self._code)
