"""The `name` custom section: names for backtraces and tools (specification, appendix).

It never decides whether a module is acceptable: a section that cannot be read gives no names.
"""

from cachewasm.errors import ModuleError
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.module import Names
from cachewasm.wasm.reader import Reader

SECTION_NAME = "name"

_MODULE = 0
_FUNCTIONS = 1


def decode_names(data: bytes, start: int, end: int) -> Names:
    """The names in the content of a `name` section; empty if any of it is malformed."""
    module: str | None = None
    funcs: dict[int, str] = {}
    try:
        # A reader over the section alone: a name must not reach beyond it.
        r = Reader(data[start:end], 0, 0)
        while r.pos < len(r.data):
            subsection, size = r.byte(), r.length()
            after = r.pos + size
            if subsection == _MODULE:
                module = r.name()
            elif subsection == _FUNCTIONS:
                for _ in range(r.length()):
                    funcidx = r.u32()
                    funcs[funcidx] = r.name()
            else:
                r.skip(size)
            if r.pos != after:
                return Names()
    except ModuleError:
        return Names()
    return Names(module, funcs)


def encode_names(names: Names) -> bytes:
    """The content of a `name` section."""
    content = b""
    if names.module is not None:
        content += _subsection(_MODULE, encode_name(names.module))
    if names.funcs:
        entries = [unsigned(idx) + encode_name(name) for idx, name in sorted(names.funcs.items())]
        content += _subsection(_FUNCTIONS, unsigned(len(entries)) + b"".join(entries))
    return content


def _subsection(code: int, content: bytes) -> bytes:
    return bytes([code]) + unsigned(len(content)) + content


def encode_name(name: str) -> bytes:
    """A name as the binary format has it: its size and UTF-8."""
    encoded = name.encode()
    return unsigned(len(encoded)) + encoded
