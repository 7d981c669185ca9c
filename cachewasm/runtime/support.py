"""The support image of this process: loaded once, told about the process, never unmapped.

It holds the way from Python into wasm code and back, the builtins and the signal handler. Loading
it fills in the process block (addresses of C functions and Python objects). The SIGSEGV handler is
made known to the system by the first instance whose code relies on it; publishing an image tells
that handler which code may fault.

On the warm path.
"""

import ctypes

from cachewasm.abi import process
from cachewasm.abi.builtins import BUILTIN_INDEX, BUILTINS, UNWINDER
from cachewasm.abi.support import OFFSETS, PROCESS_BLOCK, SYMBOLS
from cachewasm.errors import HostError
from cachewasm.loader import native
from cachewasm.loader.image import Image
from cachewasm.runtime.locks import process_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Native: TypeAlias = Callable[..., Any]

    from cachewasm.loader.unwind import Unwinder

_SIGSEGV = 11  # Linux, every architecture
_MAX_IMAGES = 1 << 16
_ROWS_AT_ONCE = 64
_OWN = -1  # no row: what is kept of the support image itself
_SA_SIGINFO, _SA_ONSTACK, _SA_NODEFER = 4, 0x08000000, 0x40000000

# SAFETY: prototypes of POSIX; the pointers passed are to blocks of the sizes of abi/process.py.
_sigaction = native.libc.sigaction
_sigaction.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_key_create = native.libc.pthread_key_create
_key_create.argtypes = (ctypes.c_void_p, ctypes.c_void_p)


class Support:
    """The loaded support image. `address[name]` is where each of abi/support.SYMBOLS lies."""

    __slots__ = (
        "_action",
        "_callbacks",
        "_found",
        "_frames",
        "_free_rows",
        "_functions",
        "_image",
        "_images",
        "_lock",
        "_unwinder",
        "address",
        "builtins",
        "thread_key",
    )

    def __init__(self, image: Image, callbacks: "dict[str, Callable[..., object]]") -> None:
        """`callbacks` are the functions of abi/process.CALLBACKS."""
        offsets = OFFSETS.unpack(image.artifact.part(image.artifact.info_range))
        self._image = image
        self._callbacks = callbacks
        self.address = {
            name: image.text + offset for name, offset in zip(SYMBOLS, offsets, strict=True)
        }
        self.builtins = native.Block.make(8 * len(BUILTIN_INDEX))
        for index, (name, _, _) in enumerate(BUILTINS):
            native.write_u64(self.builtins + 8 * index, self.address[name])
        # The published images. The table is never moved, since the signal handler of another thread
        # may be reading it; the system gives it pages as it fills.
        self._images = native.Block.make(process.IMAGES_HEADER + _MAX_IMAGES * process.IMAGES_ROW)
        self._free_rows: list[int] = []
        # The unwind tables of published images, by row; registered once there is an unwinder.
        self._frames: dict[int, int] = {}
        self._unwinder: Unwinder | None = None
        # Publishing may run finalizers, which may drop images or load others.
        self._lock = process_lock()
        self._action = native.Block.make(process.SIGACTION_SIZE)
        self._functions: dict[str, Native] = {}
        self._found = native.Block.make(process.SIGACTION_SIZE)
        self.thread_key = 0
        self._fill_process_block()

    def function(self, name: str, prototype: "Callable[[int], Native]") -> "Native":
        """A function of abi/support.SYMBOLS; it always has the same ctypes prototype."""
        found = self._functions.get(name)
        if found is None:
            # SAFETY: the image is never unmapped; the caller's prototype is that of its source.
            found = self._functions[name] = prototype(self.address[name])
        return found

    def _field(self, name: str) -> int:
        block: int = self.address[PROCESS_BLOCK]
        return block + process.PROCESS.offsets[name]

    def _fill_process_block(self) -> None:
        # SAFETY: the block is the image's zero-filled area, private to this process and writable.
        for name in (*process.PYTHON_FUNCTIONS, *process.PYTHON_OBJECTS):
            native.write_u64(self._field(name), native.symbol(native.python, name))
        for name in process.C_FUNCTIONS:
            native.write_u64(self._field(name), native.symbol(native.libc, name))
        for name in process.CALLBACKS:
            # Borrowed: self._callbacks holds the reference, and this object is never collected.
            native.write_u64(self._field(name), id(self._callbacks[name]))
        key = native.Block.make(8)
        if _key_create(key, self.address["thread_exit"]):
            raise HostError("cannot run wasm code: the process has no thread-specific key left")
        self.thread_key = native.read_u32(key)
        native.write_u64(self._field("thread_key"), self.thread_key)
        native.write_u64(self._field("images"), self._images)

    def catch_faults(self) -> None:
        """Make the SIGSEGV handler ours, if it is not; keep the one found to pass faults on to.

        Called at each instantiation by an engine that relies on it, because others (faulthandler, for one) install theirs.
        """
        ours = self.address["on_signal"]
        # SAFETY: all blocks have glibc's size of struct sigaction. Of the one that threads share
        # only the handler's address is read, which is written whole.
        _sigaction(_SIGSEGV, None, self._found)
        if native.read_u64(self._found) == ours:
            return
        current = native.Block.make(process.SIGACTION_SIZE)
        _sigaction(_SIGSEGV, None, current)
        if native.read_u64(current) == ours:
            return
        ctypes.memmove(self._field("previous_action"), current, process.SIGACTION_SIZE)
        # NODEFER: a trap leaves the handler by longjmp, which does not unblock the signal.
        native.write_u64(self._action, ours)
        native.write_u32(
            self._action + process.SIGACTION_FLAGS, _SA_SIGINFO | _SA_ONSTACK | _SA_NODEFER
        )
        if _sigaction(_SIGSEGV, self._action, None):
            raise HostError("cannot run wasm code: the SIGSEGV handler cannot be set")

    def publish(self, code: Image) -> None:
        """Let faults in the code of an image be traps, until it is unmapped. Raises HostError."""
        with self._lock:
            if code.published:
                return
            row = self._take_row()
            at = self._images + process.IMAGES_HEADER + row * process.IMAGES_ROW
            # SAFETY: the row is inside the table and belongs to this image alone. An aligned
            # 8-byte store is atomic, and a row whose end is 0 matches no address.
            native.write_u64(at, code.text)
            native.write_u64(at + 8, code.text + code.text_size)
            code.address.before_unmap(lambda: self._unpublish(row, at))
            code.published = True
            if code.artifact.frames_range[1]:
                self._add_frames(row, code)

    def _add_frames(self, row: int, image: Image) -> None:
        frames = image.artifact.part(image.artifact.frames_range)
        address = ctypes.addressof(ctypes.c_char.from_buffer(frames))
        if self._unwinder is not None:
            self._unwinder.register(address)
        self._frames[row] = address

    def unwind(self, *, calls: bool = False) -> None:
        """Let exceptions pass through the code of all images that have unwind tables, those to come
        as well; with `calls` let others unwind calls into wasm code and out of it, too. Raises HostError.
        """
        with self._lock:
            if calls and _OWN not in self._frames:
                self._add_frames(_OWN, self._image)
            if self._unwinder is not None:
                return
            import gc

            from cachewasm.loader.unwind import Unwinder

            unwinder = Unwinder()
            for name in UNWINDER:
                # SAFETY: rows of our own table, which nobody has read before: no code that throws
                # runs before this method has returned.
                at = self.builtins + 8 * BUILTIN_INDEX[name]
                native.write_u64(at, unwinder.address(name))
            # Nor may a finalizer drop an image meanwhile; other threads wait for the lock.
            collecting = gc.isenabled()
            gc.disable()
            try:
                for frames in self._frames.values():
                    unwinder.register(frames)
                self._unwinder = unwinder
            finally:
                if collecting:
                    gc.enable()

    def _take_row(self) -> int:
        if not self._free_rows:
            count = native.read_u64(self._images)
            if count == _MAX_IMAGES:
                raise HostError(f"cannot run wasm code: more than {_MAX_IMAGES} modules are loaded")
            native.write_u64(self._images, count + _ROWS_AT_ONCE)
            self._free_rows.extend(range(count, count + _ROWS_AT_ONCE))
        return self._free_rows.pop()

    def _unpublish(self, row: int, at: int) -> None:
        # SAFETY: as in publish; the end goes first.
        native.write_u64(at + 8, 0)
        native.write_u64(at, 0)
        if row in self._frames:
            with self._lock:
                frames = self._frames.pop(row)
                if self._unwinder is not None:
                    self._unwinder.deregister(frames)
        self._free_rows.append(row)
