"""The `name` custom section: names for backtraces and tools (specification, appendix).

It never decides whether a module is acceptable: what cannot be read is left out. Reading a section
ends at the first fault, and what stands before that is kept; of several sections the later one adds
to the earlier, and its names win.
"""

from cachewasm.errors import ModuleError
from cachewasm.wasm.leb128 import unsigned
from cachewasm.wasm.module import Names
from cachewasm.wasm.reader import Reader

SECTION_NAME = "name"

_MODULE = 0
_FUNCTIONS = 1


def add_names(known: Names, data: bytes, start: int, end: int) -> Names:
    """`known`, to which the names in the content of a `name` section have been added."""
    module = known.module
    try:
        # Readers over the section, and each part of it, alone: a name must not reach beyond it.
        section = Reader(data[start:end], 0, 0)
        while section.pos < len(section.data):
            code, size = section.byte(), section.length()
            at = section.skip(size)
            part = Reader(section.data[at : at + size], 0, 0)
            if code == _MODULE:
                name = part.name()
                if part.pos != size:
                    break
                module = name
            elif code == _FUNCTIONS:
                for _ in range(part.length()):
                    funcidx = part.u32()
                    known.funcs[funcidx] = part.name()
    except ModuleError:
        pass  # the rest is left out
    return Names(module, known.funcs)


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
