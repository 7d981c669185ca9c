"""Backtraces: native return addresses -> frames of wasm functions.

On the warm path as a module; its functions run when something traps.
"""

from cachewasm.abi.vmctx import BACKTRACE_FRAMES, MEMORY, THREAD
from cachewasm.loader import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cachewasm.runtime.store import Store


class Frame:
    """A wasm function on the stack when a trap happened; offsets are bytes of the wasm binary."""

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
        return (
            f"<Frame {self.func_index} {self.func_name or ''} at 0x{self.module_offset:x} "
            f"in {self.module_name or '<unknown>'}>"
        )


def read(store: "Store", record: int) -> list[Frame]:
    """The frames that a thread's record holds, innermost first; host frames are left out."""
    count = min(native.read_u64(record + THREAD.frame_count), BACKTRACE_FRAMES)
    frames = []
    for i in range(count):
        # A call's return address may be the first byte of the next function: look before it.
        address = native.read_u64(record + THREAD.frames + 8 * i) - 1
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
    lines = []
    if frames:
        lines.append("error while executing at wasm backtrace:")
        for i, frame in enumerate(frames):
            name = frame.func_name or f"<wasm function {frame.func_index}>"
            lines.append(
                f"{i:5}: {frame.module_offset:#8x} - {frame.module_name or '<unknown>'}!{name}"
            )
        lines.append("")
        lines.append("Caused by:")
    fault = _fault(record) if record else None
    if fault:
        lines.append(f"    0: {fault}")
        lines.append(f"    1: {cause}")
    else:
        lines.append(f"{'    ' if frames else ''}{cause}")
    return "\n".join(lines) + ("\n" if frames else "")


def _fault(record: int) -> str | None:
    memory = native.read_u64(record + THREAD.fault_memory)
    if not memory:
        return None
    address = native.read_u64(record + THREAD.fault_address) - native.read_u64(memory + MEMORY.base)
    length = native.read_u64(memory + MEMORY.length)
    return f"memory fault at wasm address {address:#x} in linear memory of size {length:#x}"
