"""Backtraces: native return addresses -> frames of wasm functions.

On the warm path as a module; its functions run when something traps.
"""

from cachewasm.abi.vmctx import MAX_BACKTRACE, MEMORY, THREAD, noted_frames
from cachewasm.loader import native
from cachewasm.managed import Managed
from cachewasm.runtime.demangle import demangle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.runtime.store import Store


# In place of an offset where nothing says what instruction some code was made for: as in the drop-in
# API, which has the largest number of 64 bits there.
NO_OFFSET = 2**64 - 1


# Of an address in a process, on every supported architecture.
_ADDRESS_BITS = (1 << 48) - 1


class Frame(Managed):
    """A wasm function on the stack when a trap happened; offsets are bytes of the wasm binary.

    They are NO_OFFSET where code is compiled without an address map.
    """

    __slots__ = ("func_index", "func_name", "func_offset", "module_name", "module_offset")

    def __init__(
        self,
        func_index: int,
        func_name: str | None,
        module_name: str | None,
        module_offset: int,
        func_offset: int,
    ) -> None:
        self.func_index = func_index
        self.func_name = func_name
        self.module_name = module_name
        self.module_offset = module_offset
        self.func_offset = func_offset

    def __repr__(self) -> str:
        place = "" if self.module_offset == NO_OFFSET else f" at 0x{self.module_offset:x}"
        return (
            f"<Frame {self.func_index} {self.func_name or ''}{place} "
            f"in {self.module_name or '<unknown>'}>"
        )


def read(store: "Store", record: int) -> list[Frame]:
    """The frames that a thread's record holds, innermost first; host frames are left out.

    They are at most as many as the engine's `wasm_backtrace_max_frames`.
    """
    noted = native.read_u64(record + THREAD.frame_count)
    limit = store.engine._max_frames
    frames: list[Frame] = []
    for i in range(min(noted, noted_frames(MAX_BACKTRACE))):
        if len(frames) == limit:
            break
        # A call's return address may be the first byte of the next function: look before it.
        # The bits above may be a signature (Config.branch_protection on AArch64).
        address = (native.read_u64(record + THREAD.frames + 8 * i) & _ADDRESS_BITS) - 1
        module = store._module_at(address)
        if module is not None:
            frame = module._frame_at(address - module._image.text)
            if frame is not None:
                frames.append(frame)
    return frames


def describe(reason: str, frames: "Sequence[Frame]", record: int = 0) -> str:
    """The message of a trap that wasm code ran into for `reason`, in the drop-in API's form."""
    return explain(f"wasm trap: {reason}", frames, record)


def explain(cause: str, frames: "Sequence[Frame]", record: int = 0) -> str:
    """The message for whatever ended wasm code, in the drop-in API's form."""
    fault = _fault(record) if record else None
    if not frames:
        return f"{fault}\n\nCaused by:\n    {cause}\n" if fault else cause
    lines = ["error while executing at wasm backtrace:"]
    for i, frame in enumerate(frames):
        name = f"<wasm function {frame.func_index}>"
        if frame.func_name is not None:
            name = demangle(frame.func_name)
        module = "<unknown>" if frame.module_name is None else frame.module_name
        place = "" if frame.module_offset == NO_OFFSET else f"{frame.module_offset:#8x} - "
        lines.append(f"{i:5}: {place}{module}!{name}")
    causes = [f"    0: {fault}", f"    1: {cause}"] if fault else [f"    {cause}"]
    return "\n".join([*lines, "", "Caused by:", *causes, ""])


def _fault(record: int) -> str | None:
    memory = native.read_u64(record + THREAD.fault_memory)
    if not memory:
        return None
    address = native.read_u64(record + THREAD.fault_address) - native.read_u64(memory + MEMORY.base)
    length = native.read_u64(memory + MEMORY.length)
    return f"memory fault at wasm address {address:#x} in linear memory of size {length:#x}"
