"""The format of a cache entry: one self-contained file per key, never changed in place.

    header | padding (raw payload only) | payload | manifest | BLAKE3 of all before | seal, or nothing

Every byte is checked on every read, in this order: lengths against the file's, the digest over the
file, the key, the payload's size and digest. A truncated or altered file is therefore refused, and
so is an intact copy under another key's name. Digests without a secret find damage, not forgery:
who may write the file is trust.py's question, or the seal's if the reader has its secret. Format:
docs/format/cache.md.

On the warm path; a hit parses the header and the payload and nothing else.
"""

from struct import Struct

from cachewasm.cache import manifest as manifests
from cachewasm.cache import zstd
from cachewasm.cache.reasons import (
    CORRUPT,
    FOREIGN_VERSION,
    TORN,
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

    from cachewasm.cache.keys import ArtifactKey
    from cachewasm.cache.secret import Secret

# Not ASCII, so that text is never taken for an entry and a 7-bit transfer is noticed.
MAGIC = b"\x93cwentry"
FORMAT_VERSION = 1

CODEC_RAW, CODEC_ZSTD = 0, 1

# magic, format version, codec, manifest size, key digest, payload offset, stored size, raw size,
# raw digest, entry size
_HEADER = Struct("<8sHHI32sQQQ32sQ")
HEADER_SIZE = _HEADER.size
DIGEST_SIZE = 32
# The largest page size of a supported kernel, so that a raw payload can be mapped from the file.
RAW_ALIGNMENT = 1 << 16

# Generous: the code of the largest modules in use is under a third of it.
MAX_RAW_SIZE = 1 << 30
# Incompressible bytes grow by 1/256 at most; the rest of an entry is far smaller than that.
MAX_ENTRY_SIZE = MAX_RAW_SIZE + (MAX_RAW_SIZE >> 7)

# The manifest pairs that pack() adds: the key in full, so that a listing can tell it.
KEY_PAIRS = ("wasm_digest", "compat", "isa", "tier")


class Header:
    """The fixed part of an entry, internally consistent; the digest is not checked yet."""

    __slots__ = (
        "codec",
        "entry_size",
        "key_digest",
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
        self.manifest_size = manifest_size
        self.key_digest = key_digest
        self.payload_offset = payload_offset
        self.stored_size = stored_size
        self.raw_size = raw_size
        self.raw_digest = raw_digest
        self.entry_size = entry_size

    @property
    def manifest_offset(self) -> int:
        """Where the manifest starts."""
        return self.payload_offset + self.stored_size

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
        magic, version, codec, *sizes = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise EntryError(CORRUPT, "the file does not start like an entry")
        if version != FORMAT_VERSION:
            raise EntryError(FOREIGN_VERSION, f"format version {version}, not {FORMAT_VERSION}")
        if codec not in (CODEC_RAW, CODEC_ZSTD):
            raise EntryError(FOREIGN_VERSION, f"codec {codec} is unknown")
        header = cls(codec, *sizes)
        if file_size < header.entry_size:
            raise EntryError(TORN, f"the file has {file_size} of {header.entry_size} bytes")
        if (
            file_size - header.entry_size not in (0, SEAL_SIZE)
            or header.payload_offset != _payload_offset(codec)
            or not 0 < header.raw_size <= MAX_RAW_SIZE
            or (codec == CODEC_RAW and header.stored_size != header.raw_size)
            or header.manifest_size > manifests.MAX_SIZE
            or header.manifest_offset + header.manifest_size + DIGEST_SIZE != header.entry_size
        ):
            raise EntryError(CORRUPT, "the sizes in the header do not agree")
        return header


class Entry:
    """An entry whose every byte has been checked. Immutable by convention.

    `raw` is the artifact, decompressed, as a read-only view; `raw_digest` is its BLAKE3.
    """

    __slots__ = ("_manifest", "key", "raw", "raw_digest")

    def __init__(
        self, key: "ArtifactKey", raw: memoryview, raw_digest: bytes, manifest: bytes
    ) -> None:
        self.key = key
        self.raw = raw
        self.raw_digest = raw_digest
        self._manifest = manifest

    @property
    def manifest(self) -> dict[str, str | int]:
        """The manifest's pairs, decoded on each use. Raises EntryError if the writer was wrong."""
        return manifests.decode(self._manifest)

    @property
    def compile_ms(self) -> int:
        """What compiling took, in milliseconds, by the manifest; 0 if it does not tell."""
        return max(0, manifests.find_integer(self._manifest, "compile_ms"))


def pack(
    key: "ArtifactKey",
    raw: "bytes | memoryview",
    manifest: "Mapping[str, str | int]",
    *,
    codec: int = CODEC_ZSTD,
    level: int = 3,
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
    payload = raw if codec == CODEC_RAW else zstd.compress(raw, level)
    offset = _payload_offset(codec)
    header = Header(
        codec=codec,
        manifest_size=len(encoded),
        key_digest=key.digest,
        payload_offset=offset,
        stored_size=len(payload),
        raw_size=len(raw),
        raw_digest=digest_of(raw),
        entry_size=offset + len(payload) + len(encoded) + DIGEST_SIZE,
    )
    body = b"".join((header.to_bytes(), bytes(offset - HEADER_SIZE), payload, encoded))
    digest = digest_of(body)
    return body + digest if secret is None else b"".join((body, digest, secret.seal(digest)))


def unpack(data: bytes, key: "ArtifactKey", secret: "Secret | None" = None) -> Entry:
    """Check the whole file `data` as the entry of `key`; it must be sealed with `secret` if there is
    one. Raises EntryError with the reason.
    """
    header = Header.from_bytes(data, len(data))
    view = memoryview(data)
    end = header.entry_size
    digest = digest_of(view[: end - DIGEST_SIZE])
    if digest != view[end - DIGEST_SIZE : end]:
        raise EntryError(CORRUPT, "the digest over the entry does not match")
    if secret is not None:
        problem = secret.problem(view[end:], digest)
        if problem is not None:
            raise EntryError(UNTRUSTED, problem)
    if header.key_digest != key.digest:
        raise EntryError(WRONG_KEY, f"the entry is of key {header.key_digest.hex()}")
    raw = view[header.payload_offset : header.manifest_offset]
    if header.codec == CODEC_ZSTD:
        try:
            raw = memoryview(zstd.decompress(raw, header.raw_size))
        except zstd.ZstdError as error:
            raise EntryError(CORRUPT, f"the payload cannot be decompressed: {error}") from None
    if digest_of(raw) != header.raw_digest:
        raise EntryError(CORRUPT, "the digest of the payload does not match")
    return Entry(key, raw, header.raw_digest, data[header.manifest_offset : end - DIGEST_SIZE])


def _payload_offset(codec: int) -> int:
    return RAW_ALIGNMENT if codec == CODEC_RAW else HEADER_SIZE
