"""The symbol file of a mapped artifact: what a debugger is given to name its functions.

An ELF file of the artifact's descriptions alone, for the address at which its code is mapped: what
comes after the sections that describe is said to have no bytes, as in files of separate debug
information, and every address counts from the start of the process's memory. Of what lies behind the
code only unwind tables are copied, since debuggers read them from the file.
"""

import sys
from array import array

from cachewasm.artifact import lines
from cachewasm.artifact.format import (
    ELF_HEADER,
    SECTION_HEADER,
    SHF_ALLOC,
    SHT_NOBITS,
    SHT_SYMTAB,
    SYMBOL,
    U32,
)
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import IncompatibleArtifact

assert sys.byteorder == "little"  # as artifact/addrmap.py demands
_OS_ABI_AT, _ABI_VERSION_AT, _FLAGS_AT = 7, 8, 48
_SYMBOL_WORDS = SYMBOL.size // 8
_VALUE_WORD = 1
_MAX_ADDRESS = (1 << 64) - 1
_FRAMES = ".eh_frame"


def symbol_file(artifact: Artifact, text: int) -> bytearray:
    """The symbol file of an artifact whose code lies at address `text`.

    Raises IncompatibleArtifact if what it is made from is damaged.
    """
    start = artifact.text_range[0]
    moved = text - start
    data = artifact.data
    file = bytearray(data[:start])
    file[_OS_ABI_AT] = file[_ABI_VERSION_AT] = 0
    U32.pack_into(file, _FLAGS_AT, 0)
    _, *fields = ELF_HEADER.unpack_from(data)
    table, count = fields[10], fields[16]
    if table + count * SECTION_HEADER.size > start:
        raise IncompatibleArtifact("failed to parse section headers")
    names = {offset: name for name, (offset, size) in artifact.sections.items() if size}
    for number in range(1, count):
        at = table + number * SECTION_HEADER.size
        header = list(SECTION_HEADER.unpack_from(file, at))
        _, kind, flags, _, offset, size = header[:6]
        if flags & SHF_ALLOC:
            header[3] = (header[3] + moved) & _MAX_ADDRESS
        if offset + size > start and names.get(offset) == _FRAMES:
            file += bytes(-len(file) % 8)
            header[4] = len(file)
            file += data[offset : offset + size]
        elif offset + size > start:
            header[1] = SHT_NOBITS
        elif kind == SHT_SYMTAB:
            file[offset : offset + size] = _moved_symbols(file[offset : offset + size], moved)
        elif offset in names:
            body = file[offset : offset + size]
            lines.move(names[offset], body, moved)
            file[offset : offset + size] = body
        SECTION_HEADER.pack_into(file, at, *header)
    return file


def _moved_symbols(table: bytearray, moved: int) -> bytes:
    if len(table) % SYMBOL.size:
        raise IncompatibleArtifact("the symbol table is damaged")
    words = array("Q")
    words.frombytes(table)
    # The first symbol is nothing.
    values = words[_VALUE_WORD + _SYMBOL_WORDS :: _SYMBOL_WORDS]
    words[_VALUE_WORD + _SYMBOL_WORDS :: _SYMBOL_WORDS] = array(
        "Q", [(value + moved) & _MAX_ADDRESS for value in values]
    )
    return words.tobytes()
