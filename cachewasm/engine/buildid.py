"""The build ids of native libraries, read from their files without loading them.

The linker puts a digest of a library's content into a note (NT_GNU_BUILD_ID), so a few reads of
some bytes tell one library of 180 MB from another. A library without the note is digested whole:
slower, and just as certain. Format: System V gABI, chapters 4 and 5.
"""

import os
import struct

from blake3 import blake3

from cachewasm.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_NOTE_HEADER = struct.Struct("<III")
_DYNAMIC_ENTRY = struct.Struct("<qQ")
_ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 15, 29
_NT_GNU_BUILD_ID = 3
_MAX_TABLE = 1 << 16
_MAX_NAME = 4096

# What an id begins with: whether the note follows, or a digest of the whole file.
BUILD_ID, CONTENT = b"build id ", b"content "

# Where the dynamic linker looks in the end; the names of multiarch and of bi-arch systems.
_MULTIARCH = f"{os.uname().machine}-linux-gnu"
_SYSTEM_DIRECTORIES = (
    f"/lib/{_MULTIARCH}",
    f"/usr/lib/{_MULTIARCH}",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)


def library_ids(path: str) -> list[bytes]:
    """The build id of the library at `path`, then those of the libLLVM* that it links, by name.

    Raises HostError if a file is not readable or a libLLVM is not where the dynamic linker looks.
    """
    try:
        with _Library(path) as library:
            ids = [library.build_id()]
            for needed in sorted(library.needed_llvm()):
                with _Library(library.locate(needed)) as other:
                    ids.append(other.build_id())
    except (OSError, struct.error) as error:
        raise HostError(f"cannot identify the compiler library {path}: {error}") from None
    return ids


class _Library:
    """An open ELF file, read piece by piece."""

    __slots__ = ("_dynamic", "_fd", "_path", "_segments")

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._segments = self._read_segments()
            self._dynamic = list(self._read_dynamic())
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> "_Library":
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)

    def _table(self, size: int, offset: int) -> bytes:
        table = os.pread(self._fd, min(size, _MAX_TABLE), offset)
        if len(table) != size:
            raise HostError(f"{self._path} is truncated or not a plausible library")
        return table

    def _read_segments(self) -> list[tuple[int, int, int, int]]:
        """Type, file offset, address and file size of each segment."""
        header = _HEADER.unpack(os.pread(self._fd, _HEADER.size, 0))
        if not header[0].startswith(_ELF64_LITTLE_ENDIAN):
            raise HostError(f"{self._path} is not a 64-bit little-endian ELF file")
        table = self._table(header[10] * _PROGRAM_HEADER.size, header[5])
        rows = _PROGRAM_HEADER.iter_unpack(table)
        return [(row[0], row[2], row[3], row[5]) for row in rows]

    def _read_dynamic(self) -> "Iterator[tuple[int, int]]":
        for kind, offset, _, size in self._segments:
            if kind == _PT_DYNAMIC:
                for tag, value in _DYNAMIC_ENTRY.iter_unpack(self._table(size, offset)):
                    if tag == _DT_NULL:
                        return
                    yield tag, value

    def build_id(self) -> bytes:
        """The build id, or a digest of the whole file if it has none."""
        for kind, offset, _, size in self._segments:
            if kind == _PT_NOTE:
                notes = self._table(size, offset)
                position = 0
                while position + _NOTE_HEADER.size <= len(notes):
                    name_size, size, note_type = _NOTE_HEADER.unpack_from(notes, position)
                    name = position + _NOTE_HEADER.size
                    start = name + (name_size + 3 & ~3)
                    if note_type == _NT_GNU_BUILD_ID and notes[name : name + 4] == b"GNU\0":
                        return BUILD_ID + notes[start : start + size]
                    position = start + (size + 3 & ~3)
        return CONTENT + blake3().update_mmap(self._path).digest()

    def needed_llvm(self) -> list[str]:
        """The libraries that are linked and called libLLVM*."""
        names = self._strings(_DT_NEEDED)
        return [name for name in names if name.startswith("libLLVM")]

    def locate(self, name: str) -> str:
        """The file that the dynamic linker takes for `name`, needed by this library."""
        origin = os.path.dirname(os.path.realpath(self._path))
        places = ":".join(self._strings(_DT_RPATH) + self._strings(_DT_RUNPATH))
        places = places.replace("$ORIGIN", origin).replace("${ORIGIN}", origin)
        listed = [*places.split(":"), *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
        for directory in (*filter(None, listed), *_SYSTEM_DIRECTORIES):
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                return path
        raise HostError(f"cannot find {name}, which {self._path} links")

    def _strings(self, wanted: int) -> list[str]:
        table = next((value for tag, value in self._dynamic if tag == _DT_STRTAB), 0)
        return [
            os.pread(self._fd, _MAX_NAME, self._file_offset(table + value))
            .partition(b"\0")[0]
            .decode("utf-8", "surrogateescape")
            for tag, value in self._dynamic
            if tag == wanted
        ]

    def _file_offset(self, address: int) -> int:
        for kind, offset, start, size in self._segments:
            if kind == _PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise HostError(f"{self._path} has a string outside its segments")
