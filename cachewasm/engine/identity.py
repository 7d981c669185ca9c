"""Which compiler this is: a digest of everything installed that may change the machine code.

That is this package's sources (but for those that only store, run or serve compiled code), the
version of llvmlite, and the build ids of the native libraries that hold LLVM. Nothing of it is
imported, and neither paths nor times are in the digest: two environments with the same content are
the same compiler, wherever and whenever they were installed. Builds that are known to be of the same
compiler for machines that differ count as one, so code for one machine can be made on another.

A built package carries the digest of its sources as a constant, which the build writes (setup.py);
in a checkout it is computed. Since sources can be edited while they run, `sources_changed()` says
whether what is on disk may differ from what this process has loaded: what such a process compiles
is used, but never stored under a key that speaks of the disk.
"""

import os
import sys
import time

from blake3 import blake3

from cachewasm.engine import encoding
from cachewasm.engine.buildid import BUILD_ID, library_ids
from cachewasm.engine.version import VERSION
from cachewasm.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LOADED_AT = time.time_ns()

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD_CONSTANT = "_build.py"
SOURCES, LLVMLITE, LIBRARY = "sources", "llvmlite", "library"
# These store, map, run and serve compiled code. What they and the code expect of each other is
# stated in abi/, which counts.
_NOT_COMPILER = ("cache", "runtime", "wasi", "wast")

# The libraries in the wheels of one release of llvmlite, all made of the same sources: on whichever
# machine they run, they give the same bytes (tests/aarch64/). An id stands for all in its row.
_SAME_LIBRARIES = (
    (  # llvmlite 0.50.0 on PyPI: x86-64, AArch64
        BUILD_ID + bytes.fromhex("58b53e4d8cf32e1c7ec71e5cc59cdece1b11682a"),
        BUILD_ID + bytes.fromhex("487169c6ad54d0e0cf4906d70f7d36b939e3edae"),
    ),
)
_STANDS_FOR = {build_id: row[0] for row in _SAME_LIBRARIES for build_id in row}


class _Known:
    """What has been found out so far in this process."""

    __slots__ = ("identity", "snapshot", "sources")

    def __init__(self) -> None:
        self.identity: bytes | None = None
        self.sources: bytes | None = None
        self.snapshot: list[tuple[str, int, int, int]] = []


_known = _Known()


def compiler_identity() -> bytes:
    """32 bytes that differ where the compiler does. Computed once per process.

    Without llvmlite it is the identity of a compiler that cannot compile: compiled code can still
    be loaded. Raises HostError if something that is installed cannot be read.
    """
    if _known.identity is None:
        digest = blake3(derive_key_context="cachewasm compiler identity v1")
        for name, value in compiler_parts():
            digest.update(encoding.field(name, value))
        _known.identity = digest.digest()
    return _known.identity


def compiler_parts() -> list[tuple[str, bytes]]:
    """What the identity is made of: each part by its name, SOURCES, LLVMLITE or LIBRARY.

    These are a digest, the file in which llvmlite states its version, and what `library_ids` gives,
    or what that stands for. Raises HostError.
    """
    parts = [(SOURCES, source_digest())]
    place = _find_llvmlite()
    if place is not None:
        parts.append((LLVMLITE, _read(f"{place}/_version.py")))
        for build_id in library_ids(f"{place}/binding/libllvmlite.so"):
            parts.append((LIBRARY, _STANDS_FOR.get(build_id, build_id)))
    return parts


def source_digest() -> bytes:
    """32 bytes that differ where this package's sources do. Computed once per process."""
    if _known.sources is None:
        _known.snapshot = _snapshot()
        _known.sources = _built_digest() or digest_sources(PACKAGE)
    return _known.sources


def engine_version() -> str:
    """The version that artifacts carry by default.

    It tells two states of a checkout apart, too: code relies on sources that change between
    releases. A release has one state, so for releases this is the version.
    """
    return f"{VERSION}+{source_digest().hex()[:12]}"


def sources_changed() -> bool:
    """Whether the sources on disk may be others than the ones that this process has loaded.

    Asked only before something is stored: it looks at each file's times, not at its content.
    """
    source_digest()
    before = _known.snapshot
    return _snapshot() != before or any(changed > _LOADED_AT for _, _, _, changed in before)


def digest_sources(package: str) -> bytes:
    """The digest of the sources of the package in a directory. Raises HostError."""
    digest = blake3(derive_key_context="cachewasm sources v1")
    for path in sorted(_sources(package, "")):
        digest.update(encoding.field(path, _read(f"{package}/{path}")))
    return digest.digest()


def _built_digest() -> bytes | None:
    try:
        from cachewasm._build import SOURCE_DIGEST  # type: ignore[import-not-found]
    except ImportError:
        return None
    return bytes.fromhex(SOURCE_DIGEST)


def _sources(package: str, folder: str) -> "Iterator[str]":
    """The paths below `package`, with slashes, of the sources that make the compiler."""
    try:
        entries = list(os.scandir(f"{package}/{folder}"))
    except OSError as error:
        raise HostError(f"cannot read the sources of cachewasm: {error}") from None
    for entry in entries:
        path = folder + entry.name
        if entry.name.endswith(".py"):
            if path != BUILD_CONSTANT:
                yield path
        elif entry.is_dir() and entry.name != "__pycache__" and path not in _NOT_COMPILER:
            yield from _sources(package, path + "/")


def _snapshot() -> list[tuple[str, int, int, int]]:
    """Path, size, inode and time of change of what the source digest was made from."""
    paths: Iterable[str] = (BUILD_CONSTANT,)
    if not os.path.exists(f"{PACKAGE}/{BUILD_CONSTANT}"):
        paths = sorted(_sources(PACKAGE, ""))
    snapshot = []
    for path in paths:
        try:
            status = os.stat(f"{PACKAGE}/{path}")
        except OSError:
            snapshot.append((path, -1, 0, 0))
        else:
            snapshot.append((path, status.st_size, status.st_ino, status.st_ctime_ns))
    return snapshot


def _find_llvmlite() -> str | None:
    """The directory of the llvmlite that `import llvmlite` takes, without importing it."""
    loaded = sys.modules.get("llvmlite")
    if loaded is not None:
        origin = loaded.__file__
        return os.path.dirname(origin) if origin else None
    for finder in sys.meta_path:
        spec = finder.find_spec("llvmlite", None)
        if spec is not None:
            return os.path.dirname(spec.origin) if spec.origin else None
    return None


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            pieces = []
            while piece := os.read(fd, 1 << 20):
                pieces.append(piece)
            return b"".join(pieces)
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(f"cannot identify the compiler: {error}") from None
