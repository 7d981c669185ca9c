"""Tell debuggers of mapped code, by GDB's interface for code that is made at run time.

A debugger looks for two symbols in the files that a process has loaded: a function, on which it sets a
breakpoint, and a list of symbol files in memory. Neither can be in an artifact, which is no file to
the system's loader, so a shared library of a few bytes that has both is made and loaded once.

With `Config.debug_info` alone: each module costs a copy of its symbols and lines, and the first one
the library. Source: GDB manual, "JIT Compilation Interface".
"""

import ctypes
import os

from cachewasm.abi.layout import Layout
from cachewasm.artifact.symfile import symbol_file
from cachewasm.errors import HostError
from cachewasm.loader import native
from cachewasm.loader.image import Image
from cachewasm.runtime import debugger_library
from cachewasm.runtime.locks import process_lock

_ENTRY = Layout("jit_code_entry", ("next", 8), ("previous", 8), ("file", 8), ("file_size", 8))
_DESCRIPTOR = Layout("jit_descriptor", ("version", 4), ("action", 4), ("relevant", 8), ("first", 8))
_REGISTER, _UNREGISTER = 1, 2

_lock = process_lock()
# The addresses of the images that debuggers know.
_known: set[int] = set()


class _Library:
    """The loaded library: the list's head, and the function to call when the list has changed."""

    __slots__ = ("_loaded", "descriptor")

    def __init__(self) -> None:
        """Raises OSError."""
        library = debugger_library.build(os.uname().machine)
        fd = os.memfd_create("cachewasm-debugger", os.MFD_CLOEXEC)
        try:
            os.write(fd, library)
            # A debugger opens the library by the name that it was loaded under, so that must mean
            # the same in its process; and the descriptor stays open.
            self._loaded = ctypes.CDLL(f"/proc/{os.getpid()}/fd/{fd}")
        except OSError:
            os.close(fd)
            raise
        self.descriptor = native.symbol(self._loaded, debugger_library.DESCRIPTOR)

    def change(self, entry: int, action: int) -> None:
        """Say that an entry has been put into the list, or taken out."""
        # SAFETY: the descriptor is the library's, which is never unloaded; the function takes and
        # returns nothing.
        native.write_u32(self.descriptor + _DESCRIPTOR.action, action)
        native.write_u64(self.descriptor + _DESCRIPTOR.relevant, entry)
        self._loaded[debugger_library.CHANGED]()


_library: _Library | None = None


def register(image: Image) -> None:
    """Let debuggers know the functions of an image, until it is unmapped.

    Raises HostError if the system refuses the library, IncompatibleArtifact if the image's symbols
    are damaged.
    """
    global _library
    with _lock:
        if int(image.address) in _known:
            return
        if _library is None:
            try:
                _library = _Library()
            except (OSError, AttributeError) as error:
                raise HostError(f"cannot tell debuggers of compiled code: {error}") from error
        file = symbol_file(image.artifact, image.text)
        content = native.Block.make(len(file))
        entry = native.Block.make(_ENTRY.size)
        # SAFETY: both blocks are of this size, and live until the entry is out of the list.
        native.view(content, len(file))[:] = file
        native.write_u64(entry + _ENTRY.file, content)
        native.write_u64(entry + _ENTRY.file_size, len(file))
        _link(_library, entry)
        _known.add(int(image.address))
        image.address.before_unmap(_Forget(_library, int(image.address), content, entry))


class _Forget:
    """What to do before an image is unmapped; keeps its entry in the list and what that names."""

    __slots__ = ("_address", "_content", "_entry", "_library")

    def __init__(
        self, library: _Library, address: int, content: native.Block, entry: native.Block
    ) -> None:
        self._library = library
        self._address = address
        self._content = content
        self._entry = entry

    def __call__(self) -> None:
        with _lock:
            _unlink(self._library, self._entry)
            _known.discard(self._address)


def _link(library: _Library, entry: int) -> None:
    # SAFETY: entries in the list are blocks that a _Forget keeps.
    first = native.read_u64(library.descriptor + _DESCRIPTOR.first)
    native.write_u64(entry + _ENTRY.next, first)
    if first:
        native.write_u64(first + _ENTRY.previous, entry)
    native.write_u64(library.descriptor + _DESCRIPTOR.first, entry)
    library.change(entry, _REGISTER)


def _unlink(library: _Library, entry: int) -> None:
    # SAFETY: as in _link; the entry is in the list.
    following = native.read_u64(entry + _ENTRY.next)
    previous = native.read_u64(entry + _ENTRY.previous)
    if previous:
        native.write_u64(previous + _ENTRY.next, following)
    else:
        native.write_u64(library.descriptor + _DESCRIPTOR.first, following)
    if following:
        native.write_u64(following + _ENTRY.previous, previous)
    library.change(entry, _UNREGISTER)
