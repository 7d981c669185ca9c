"""The format of a cache entry: one self-contained file per key, never changed in place.

    header | padding (raw payload only) | payload | manifest | BLAKE3 of all before | seal, or nothing

Every byte is checked on every read, in this order: lengths against the file's, the digest over the
file, the reader's seal, the key, the payload's size. A truncated or altered file is therefore
refused, and so is an intact copy under another key's name. The artifact's own digest is for verify:
once the file is what was written, only a fault of the writer or of zstd could show in it. Digests
without a secret find damage, not forgery: who may write the file is trust.py's question, or the
seal's if the reader has its secret. Format: docs/format/cache.md.

On the warm path; a hit parses the header and the payload and nothing else.
"""

from struct import Struct

from cachewasm.cache import manifest as manifests
from cachewasm.cache import payload, zstd
from cachewasm.cache.reasons import (
    CORRUPT,
    FOREIGN_VERSION,
    TORN,
    UNREADABLE,
    UNTRUSTED,
    WRONG_KEY,
    EntryError,
)
from cachewasm.cache.trust import SEAL_SIZE
from cachewasm.errors import InternalError
from cachewasm.hashing import digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.payload import MakePlace, Place
    from cachewasm.cache.secret import Secret

    class Source(Protocol):
        """An open file, as files.EntryFile is."""

        @property
        def size(self) -> int: ...

        def read(self, offset: int, size: int) -> bytes: ...

        def copy(self, place: Place, offset: int, size: int) -> None: ...


# Not ASCII, so that text is never taken for an entry and a 7-bit transfer is noticed.
MAGIC = b"\x93cwentry"
FORMAT_VERSION = 1

CODEC_RAW, CODEC_ZSTD = 0, 1

# magic, format version, codec, manifest size, key digest, payload offset, stored size, raw size,
# raw digest, entry size
_HEADER = Struct("<8sHHI32sQQQ32sQ")
HEADER_SIZE = _HEADER.size
DIGEST_SIZE = 32
# A page, so that the kernel copies whole ones; hashing more padding would cost every hit.
RAW_ALIGNMENT = 1 << 12
_PAYLOAD_OFFSETS = {CODEC_RAW: RAW_ALIGNMENT, CODEC_ZSTD: HEADER_SIZE}

# Generous: the code of the largest modules in use is under a third of it.
MAX_RAW_SIZE = 1 << 30
# Incompressible bytes grow by 1/256 at most; the rest of an entry is far smaller than that.
MAX_ENTRY_SIZE = MAX_RAW_SIZE + (MAX_RAW_SIZE >> 7)

# Below, reading a raw payload takes less than the page faults of hashing it where it will stay.
_MUCH = 1 << 20

_COMPILE_MS = manifests.mark_of_integer("compile_ms")

# The manifest pairs that pack() adds: the key in full, so that a listing can tell it.
KEY_PAIRS = ("wasm_digest", "compat", "isa", "tier")


class Header:
    """The fixed part of an entry, internally consistent; the digest is not checked yet."""

    __slots__ = (
        "codec",
        "entry_size",
        "key_digest",
        "manifest_offset",
        "manifest_size",
        "payload_offset",
        "raw_digest",
        "raw_size",
        "stored_size",
    )

    def __init__(
        self,
        codec: int,
        manifest_size: int,
        key_digest: bytes,
        payload_offset: int,
        stored_size: int,
        raw_size: int,
        raw_digest: bytes,
        entry_size: int,
    ) -> None:
        self.codec = codec
        # Where the manifest starts.
        self.manifest_offset = payload_offset + stored_size
        self.manifest_size = manifest_size
        self.key_digest = key_digest
        self.payload_offset = payload_offset
        self.stored_size = stored_size
        self.raw_size = raw_size
        self.raw_digest = raw_digest
        self.entry_size = entry_size

    def to_bytes(self) -> bytes:
        """The header's HEADER_SIZE bytes."""
        return _HEADER.pack(
            MAGIC,
            FORMAT_VERSION,
            self.codec,
            self.manifest_size,
            self.key_digest,
            self.payload_offset,
            self.stored_size,
            self.raw_size,
            self.raw_digest,
            self.entry_size,
        )

    @classmethod
    def from_bytes(cls, data: bytes, file_size: int) -> "Header":
        """Read the header at the start of `data`, the start or the whole of a file.

        Raises EntryError if the file is too short or too long for it, or if a field contradicts
        another: then nothing of the sizes may be believed or allocated.
        """
        if len(data) < HEADER_SIZE or file_size < HEADER_SIZE + DIGEST_SIZE:
            raise EntryError(TORN, f"the file has only {file_size} bytes")
        header = cls.__new__(cls)
        (
            magic,
            version,
            header.codec,
            header.manifest_size,
            header.key_digest,
            header.payload_offset,
            header.stored_size,
            header.raw_size,
            header.raw_digest,
            header.entry_size,
        ) = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise EntryError(CORRUPT, "the file does not start like an entry")
        if version != FORMAT_VERSION:
            raise EntryError(FOREIGN_VERSION, f"format version {version}, not {FORMAT_VERSION}")
        if header.codec not in _PAYLOAD_OFFSETS:
            raise EntryError(FOREIGN_VERSION, f"codec {header.codec} is unknown")
        header.manifest_offset = header.payload_offset + header.stored_size
        if file_size < header.entry_size:
            raise EntryError(TORN, f"the file has {file_size} of {header.entry_size} bytes")
        if (
            file_size - header.entry_size not in (0, SEAL_SIZE)
            or header.payload_offset != _PAYLOAD_OFFSETS[header.codec]
            or not 0 < header.raw_size <= MAX_RAW_SIZE
            or (header.codec == CODEC_RAW and header.stored_size != header.raw_size)
            or header.manifest_size > manifests.MAX_SIZE
            or header.manifest_offset + header.manifest_size + DIGEST_SIZE != header.entry_size
        ):
            raise EntryError(CORRUPT, "the sizes in the header do not agree")
        return header


class Entry:
    """An entry whose every byte has been checked. Immutable by convention.

    `raw` is the artifact, decompressed, as a read-only view: of `place`, which it does not keep, or
    where that is None of bytes that it keeps. `raw_digest` is its BLAKE3 as the header has it.
    """

    __slots__ = ("_manifest", "key", "place", "raw", "raw_digest")

    def __init__(
        self,
        key: "ArtifactKey",
        raw: memoryview,
        place: "Place | None",
        raw_digest: bytes,
        manifest: bytes,
    ) -> None:
        self.key = key
        self.raw = raw
        self.place = place
        self.raw_digest = raw_digest
        self._manifest = manifest

    @property
    def manifest(self) -> dict[str, str | int]:
        """The manifest's pairs, decoded on each use. Raises EntryError if the writer was wrong."""
        return manifests.decode(self._manifest)

    @property
    def compile_ms(self) -> int:
        """What compiling took, in milliseconds, by the manifest; 0 if it does not tell."""
        return max(0, manifests.find_integer(self._manifest, _COMPILE_MS))


def pack(
    key: "ArtifactKey",
    raw: "bytes | memoryview",
    manifest: "Mapping[str, str | int]",
    *,
    codec: int = CODEC_ZSTD,
    level: int | None = None,
    secret: "Secret | None" = None,
) -> bytes:
    """The bytes of an entry; equal arguments give equal bytes (with one version of zstd).

    The key's parts are added to `manifest`. Raises InternalError for what no entry can hold; the
    caller has checked that `raw` has 1 to MAX_RAW_SIZE bytes.
    """
    if not 0 < len(raw) <= MAX_RAW_SIZE:
        raise InternalError(f"no entry can hold {len(raw)} bytes")
    if not manifest.keys().isdisjoint(KEY_PAIRS):
        raise InternalError("a manifest cannot set the parts of the key")
    key_values = (key.wasm_digest.hex(), key.compat.hex(), key.isa, key.tier)
    encoded = manifests.encode({**manifest, **dict(zip(KEY_PAIRS, key_values, strict=True))})
    stored = raw if codec == CODEC_RAW else payload.encode(raw, level)
    offset = _PAYLOAD_OFFSETS[codec]
    header = Header(
        codec=codec,
        manifest_size=len(encoded),
        key_digest=key.digest,
        payload_offset=offset,
        stored_size=len(stored),
        raw_size=len(raw),
        raw_digest=digest_of(raw),
        entry_size=offset + len(stored) + len(encoded) + DIGEST_SIZE,
    )
    body = b"".join((header.to_bytes(), bytes(offset - HEADER_SIZE), stored, encoded))
    digest = digest_of(body)
    return body + digest if secret is None else b"".join((body, digest, secret.seal(digest)))


def read(
    file: "Source",
    key: "ArtifactKey",
    *,
    make_place: "MakePlace" = payload.Memory,
    secret: "Secret | None" = None,
) -> Entry:
    """Check a whole open file as the entry of `key`; it must be sealed with `secret` if there is one.

    A large artifact goes to a new place. Raises EntryError with the reason, also if there is no
    memory.
    """
    try:
        return _read(file, key, make_place, secret)
    except (OSError, MemoryError) as error:
        why = str(error) or "it is used up"
        raise EntryError(UNREADABLE, f"there is no memory for it: {why}") from None


def _read(
    file: "Source", key: "ArtifactKey", make_place: "MakePlace", secret: "Secret | None"
) -> Entry:
    if file.size <= _MUCH:
        data = file.read(0, file.size)
        return _checked(
            memoryview(data), Header.from_bytes(data, file.size), key, make_place, secret
        )
    # Nothing of the file's size is allocated before its first bytes agree with it.
    head = file.read(0, HEADER_SIZE)
    header = Header.from_bytes(head, file.size)
    if header.codec == CODEC_RAW and header.raw_size > _MUCH:
        return _read_in_place(file, head, header, key, make_place, secret)
    view, kept = _whole(file, make_place)
    if view[:HEADER_SIZE] != head:
        raise EntryError(CORRUPT, "the file was changed while it was read")
    entry = _checked(view, header, key, make_place, secret)
    del kept  # no sooner: it has what `view` shows
    return entry


def _checked(
    view: memoryview,
    header: Header,
    key: "ArtifactKey",
    make_place: "MakePlace",
    secret: "Secret | None",
) -> Entry:
    """The entry in all bytes of a file."""
    end = header.entry_size - DIGEST_SIZE
    _check(digest_of(view[:end]), view[end:], header, key, secret)
    manifest_offset = header.manifest_offset
    stored = view[header.payload_offset : manifest_offset]
    place: Place | None = None
    if header.codec == CODEC_ZSTD:
        try:
            raw, place = payload.decode(stored, header.raw_size, make_place)
        except zstd.ZstdError as error:
            raise EntryError(CORRUPT, f"the payload cannot be decompressed: {error}") from None
    elif header.raw_size <= payload.FRAME_SIZE:
        raw = stored
    else:
        place = make_place(header.raw_size)
        place.write(0, stored)
        raw = place.sealed()
    return Entry(key, raw, place, header.raw_digest, bytes(view[manifest_offset:end]))


def _whole(file: "Source", make_place: "MakePlace") -> "tuple[memoryview, Place | None]":
    """The bytes of a large file, and the place that keeps them."""
    place = make_place(file.size)
    view = place.writable()
    if view is not None:
        file.copy(place, 0, file.size)
        return view, place
    return memoryview(file.read(0, file.size)), None


def unpack(data: bytes, key: "ArtifactKey", *, make_place: "MakePlace" = payload.Memory) -> Entry:
    """`read` of what is in memory already."""
    return read(_Bytes(data), key, make_place=make_place)


class _Bytes:
    """The bytes of an entry, as a file."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def copy(self, place: "Place", offset: int, size: int) -> None:
        place.write(0, memoryview(self._data)[offset : offset + size])


def _read_in_place(
    file: "Source",
    head: bytes,
    header: Header,
    key: "ArtifactKey",
    make_place: "MakePlace",
    secret: "Secret | None",
) -> Entry:
    """`read` of a large raw entry, without a copy in between: the place itself is hashed."""
    front = head + file.read(HEADER_SIZE, RAW_ALIGNMENT - HEADER_SIZE)
    place = make_place(header.raw_size)
    file.copy(place, RAW_ALIGNMENT, header.raw_size)
    back = file.read(header.manifest_offset, file.size - header.manifest_offset)
    manifest, end = back[: header.manifest_size], memoryview(back)[header.manifest_size :]
    raw = place.sealed()
    _check(digest_of(front, raw, manifest), end, header, key, secret)
    return Entry(key, raw, place, header.raw_digest, manifest)


def _check(
    digest: bytes, end: memoryview, header: Header, key: "ArtifactKey", secret: "Secret | None"
) -> None:
    """`end` is what the file has behind the manifest, `digest` that of all before."""
    if digest != bytes(end[:DIGEST_SIZE]):
        raise EntryError(CORRUPT, "the digest over the entry does not match")
    if secret is not None:
        problem = secret.problem(end[DIGEST_SIZE:], digest)
        if problem is not None:
            raise EntryError(UNTRUSTED, problem)
    if header.key_digest != key.digest:
        raise EntryError(WRONG_KEY, f"the entry is of key {header.key_digest.hex()}")


def check_raw_digest(entry: Entry) -> None:
    """What a hit need not look at. Raises EntryError(CORRUPT)."""
    if digest_of(entry.raw) != entry.raw_digest:
        raise EntryError(CORRUPT, "the digest of the payload does not match")
