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
)
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import IncompatibleArtifact

assert sys.byteorder == "little"  # as artifact/addrmap.py demands
# Fields of the ELF header: position and number of the section headers; what makes it ours, and the place
# and number of the program headers, which tell of the artifact's file.
_TABLE, _COUNT = 11, 17
_NOT_TOLD = 4, 5, 10, 12, 14, 15
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
    fields = list(ELF_HEADER.unpack_from(data))
    table, count = fields[_TABLE], fields[_COUNT]
    for field in _NOT_TOLD:
        fields[field] = 0
    ELF_HEADER.pack_into(file, 0, *fields)
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
