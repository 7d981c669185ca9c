"""Print custom sections as annotations, `(@custom "name" (before first) "content")`.

A section is placed behind the section that it follows; at the end, which is where most are, no place
need be said. Readers of text may skip annotations. Source: specification, appendix A.5.
"""

from cachewasm.wasm import decode
from cachewasm.wasm.leb128 import read_u32
from cachewasm.wasm.module import Module
from cachewasm.wasm.names import SECTION_NAME
from cachewasm.wasm.text import spelling

_SECTIONS = {
    decode.TYPE_SECTION: "after type",
    decode.IMPORT_SECTION: "after import",
    decode.FUNCTION_SECTION: "after func",
    decode.TABLE_SECTION: "after table",
    decode.MEMORY_SECTION: "after memory",
    decode.TAG_SECTION: "after tag",
    decode.GLOBAL_SECTION: "after global",
    decode.EXPORT_SECTION: "after export",
    decode.START_SECTION: "after start",
    decode.ELEMENT_SECTION: "after elem",
    decode.CODE_SECTION: "after code",
    decode.DATA_SECTION: "after data",
    # Not every reader knows a name for this one; the code follows it.
    decode.DATA_COUNT_SECTION: "before code",
}


def print_customs(module: Module) -> list[str]:
    """The annotations of all custom sections but the names, each a line with its end before it."""
    places = _places(module.data)
    lines = []
    for custom, place in zip(module.customs, places, strict=True):
        if custom.name != SECTION_NAME:
            content = spelling.byte_string(module.data[custom.start : custom.start + custom.size])
            lines.append(f"\n  (@custom {spelling.string(custom.name)}{place} {content})")
    return lines


def _places(data: bytes) -> list[str]:
    """Of each custom section in order: its place with a space before, empty at the end."""
    places: list[str] = []
    last = "before first"
    trailing = 0  # customs since the last other section
    pos = len(decode.MAGIC) + len(decode.VERSION)
    while pos < len(data):
        section = data[pos]
        size, pos = read_u32(data, pos + 1)
        pos += size
        if section == decode.CUSTOM_SECTION:
            places.append(f" ({last})")
            trailing += 1
        else:
            last = _SECTIONS[section]
            trailing = 0
    return places[: len(places) - trailing] + [""] * trailing
