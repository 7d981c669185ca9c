"""The bytes of the shared library that runtime/debugger.py loads: two symbols, and nothing else.

    header | program headers | .hash | .dynsym | .dynstr | .text: return | .dynamic | .data
    | .shstrtab | section headers

The system's loader needs the program headers, debuggers the sections. What is written at run time
lies 64 KiB, the largest page, behind what is executed.

Source: System V ABI, chapters 4 and 5.
"""

import struct

CHANGED = "__jit_debug_register_code"
DESCRIPTOR = "__jit_debug_descriptor"

# Machine number, and the instruction that returns.
_MACHINES = {
    "x86_64": (62, b"\xc3"),
    "aarch64": (183, bytes.fromhex("c0035fd6")),
}
_PAGE = 1 << 16
# Version 1 of the interface, no action, no entries.
_DATA = struct.pack("<IIQQ", 1, 0, 0, 0)

_HEADER = struct.Struct("<4s5B7xHHIQQQI6H")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_DYNAMIC_ENTRY = struct.Struct("<QQ")
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_PF_X, _PF_W, _PF_R = 1, 2, 4
_PROGBITS, _STRTAB, _HASH, _DYNAMIC, _DYNSYM = 1, 3, 5, 6, 11
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT = 4, 5, 6, 10, 11
_GLOBAL_FUNC, _GLOBAL_OBJECT = 0x12, 0x11
_SECTIONS = (
    (".hash", _HASH, _ALLOC, 2, 4),
    (".dynsym", _DYNSYM, _ALLOC, 3, _SYMBOL.size),
    (".dynstr", _STRTAB, _ALLOC, 0, 0),
    (".text", _PROGBITS, _ALLOC | _EXECUTE, 0, 0),
    (".dynamic", _DYNAMIC, _ALLOC | _WRITE, 3, _DYNAMIC_ENTRY.size),
    (".data", _PROGBITS, _ALLOC | _WRITE, 0, 0),
    (".shstrtab", _STRTAB, 0, 0, 0),
)
_TEXT, _DATA_SECTION, _NAMES = 4, 6, 7


def build(machine: str) -> bytes:
    """The library for a machine as uname(2) names it. Raises OSError for an unknown one."""
    if machine not in _MACHINES:
        raise OSError(f"no library for the machine {machine}")
    number, code = _MACHINES[machine]
    strings = f"\0{CHANGED}\0{DESCRIPTOR}\0".encode()
    # One bucket, whose chain is symbol 2, then symbol 1.
    hashes = struct.pack("<6I", 1, 3, 2, 0, 0, 1)
    dynamic_size = 6 * _DYNAMIC_ENTRY.size
    names = ("\0" + "\0".join(name for name, *_ in _SECTIONS) + "\0").encode()
    bodies = [hashes, bytes(3 * _SYMBOL.size), strings, code, bytes(dynamic_size), _DATA, names]

    offsets = []
    end = _HEADER.size + 4 * _PROGRAM_HEADER.size
    for body in bodies:
        end = -(-end // 16) * 16
        offsets.append(end)
        end += len(body)
    headers_at = -(-end // 16) * 16
    hash_at, symbols_at, strings_at, text_at, dynamic_at, data_at, _ = offsets
    addresses = [
        at + (_PAGE if flags & _WRITE else 0) for at, (_, _, flags, _, _) in _rows(offsets)
    ]
    bodies[1] = b"".join(
        (
            bytes(_SYMBOL.size),
            _SYMBOL.pack(1, _GLOBAL_FUNC, 0, _TEXT, text_at, len(code)),
            _SYMBOL.pack(
                2 + len(CHANGED), _GLOBAL_OBJECT, 0, _DATA_SECTION, data_at + _PAGE, len(_DATA)
            ),
        )
    )
    bodies[4] = b"".join(
        _DYNAMIC_ENTRY.pack(tag, value)
        for tag, value in (
            (_DT_HASH, hash_at),
            (_DT_STRTAB, strings_at),
            (_DT_SYMTAB, symbols_at),
            (_DT_STRSZ, len(strings)),
            (_DT_SYMENT, _SYMBOL.size),
            (0, 0),
        )
    )
    written = data_at + len(_DATA) - dynamic_at
    readable_end = text_at + len(code)
    programs = (
        (_PT_LOAD, _PF_R | _PF_X, 0, 0, 0, readable_end, readable_end, _PAGE),
        _program(_PT_LOAD, dynamic_at, written, _PAGE),
        _program(_PT_DYNAMIC, dynamic_at, dynamic_size, 8),
        # Without it the loader would make every stack executable.
        (_PT_GNU_STACK, _PF_R | _PF_W, 0, 0, 0, 0, 0, 16),
    )
    file = bytearray(headers_at)
    _HEADER.pack_into(
        *(file, 0, b"\x7fELF", 2, 1, 1, 0, 0, 3, number, 1, 0, _HEADER.size, headers_at, 0),
        *(_HEADER.size, _PROGRAM_HEADER.size, len(programs)),
        *(_SECTION_HEADER.size, 1 + len(_SECTIONS), _NAMES),
    )
    for i, program in enumerate(programs):
        _PROGRAM_HEADER.pack_into(file, _HEADER.size + i * _PROGRAM_HEADER.size, *program)
    for at, body in zip(offsets, bodies, strict=True):
        file[at : at + len(body)] = body
    file += bytes(_SECTION_HEADER.size)
    for (at, (name, kind, flags, link, entry_size)), address, body in zip(
        _rows(offsets), addresses, bodies, strict=True
    ):
        name_at = names.index(b"\0" + name.encode() + b"\0") + 1
        shown = address if flags & _ALLOC else 0
        info = 1 if kind == _DYNSYM else 0
        file += _SECTION_HEADER.pack(
            name_at, kind, flags, shown, at, len(body), link, info, 16, entry_size
        )
    return bytes(file)


def _rows(offsets: list[int]) -> "list[tuple[int, tuple[str, int, int, int, int]]]":
    return list(zip(offsets, _SECTIONS, strict=True))


def _program(kind: int, at: int, size: int, align: int) -> tuple[int, ...]:
    """The header of a segment that is written at run time."""
    return (kind, _PF_R | _PF_W, at, at + _PAGE, at + _PAGE, size, size, align)
