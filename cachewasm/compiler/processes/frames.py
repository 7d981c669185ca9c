"""Messages between processes that compile: lists of byte strings, on a pipe or as bytes.

    u32 number of fields | per field: u64 length, bytes

No pickle: neither side can make the other do more than compile.
"""

import struct
from io import BytesIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_COUNT = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_MAX_FIELDS = 1 << 20


def write(stream: "BinaryIO", fields: "Sequence[bytes]") -> None:
    """Send a message. Raises OSError."""
    stream.write(_COUNT.pack(len(fields)))
    for field in fields:
        stream.write(_LENGTH.pack(len(field)))
        stream.write(field)
    stream.flush()


def read(stream: "BinaryIO") -> list[bytes] | None:
    """Receive a message; None at the end of the stream. Raises EOFError if it ends within one."""
    head = stream.read(_COUNT.size)
    if not head:
        return None
    if len(head) != _COUNT.size:
        raise EOFError("a message was cut off")
    count: int = _COUNT.unpack(head)[0]
    if count > _MAX_FIELDS:
        raise EOFError("what came is no message")
    return [
        _exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]) for _ in range(count)
    ]


def encode(fields: "Sequence[bytes]") -> bytes:
    """A message as bytes."""
    stream = BytesIO()
    write(stream, fields)
    return stream.getvalue()


def decode(data: bytes) -> list[bytes]:
    """The inverse of `encode`. Raises EOFError for anything else."""
    stream = BytesIO(data)
    fields = read(stream)
    if fields is None or stream.tell() != len(data):
        raise EOFError("what came is no message")
    return fields


def _exactly(stream: "BinaryIO", size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("a message was cut off")
    return data
