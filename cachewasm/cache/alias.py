"""Aliases: which wasm digest a text has, so that a warm start need not parse the text.

    magic | version | text digest | encoder | wasm digest | BLAKE3 of all before | seal, or nothing

A record is small, of a fixed size, and carries its whole key: the digest of the text and the identity
of the encoder that made a binary of it. It is published, trusted and checked as entries are; one
that is wrong in any way is a miss. It says nothing of entries: whether there is one under the wasm
digest is for the next lookup to find out. Format: docs/format/cache.md.

On the warm path of text; a hit of a binary does not import it.
"""

from struct import Struct

from blake3 import blake3

from cachewasm.cache.keys import DIGEST_SIZE, is_hex
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.secret import Secret

MAGIC = b"\x93cwalias"
FORMAT_VERSION = 1

_RECORD = Struct("<8sH32s32s32s")
ALIAS_SIZE = _RECORD.size + DIGEST_SIZE
MAX_ALIAS_SIZE = ALIAS_SIZE + SEAL_SIZE

_TEXT_DIGITS = 32
_ENCODER_DIGITS = 16


class AliasKey:
    """What decides about the binary of a text: the text and its encoder, as 32-byte digests."""

    __slots__ = ("encoder", "text_digest")

    def __init__(self, text_digest: bytes, encoder: bytes) -> None:
        if len(text_digest) != DIGEST_SIZE or len(encoder) != DIGEST_SIZE:
            raise InternalError("the key of an alias needs two digests of 32 bytes")
        self.text_digest = text_digest
        self.encoder = encoder

    @property
    def alias_name(self) -> str:
        """The path of the record below aliases/v1/. It holds prefixes and proves nothing."""
        text = self.text_digest.hex()[:_TEXT_DIGITS]
        return f"{text[:2]}/{text}.{self.encoder.hex()[:_ENCODER_DIGITS]}"

    def __repr__(self) -> str:
        return f"AliasKey({self.alias_name})"


class Alias:
    """A record whose every byte has been checked. Immutable by convention."""

    __slots__ = ("key", "wasm_digest")

    def __init__(self, key: AliasKey, wasm_digest: bytes) -> None:
        self.key = key
        self.wasm_digest = wasm_digest

    def to_bytes(self, secret: "Secret | None" = None) -> bytes:
        """The record's ALIAS_SIZE bytes, and a seal if there is a secret."""
        key = self.key
        record = _RECORD.pack(MAGIC, FORMAT_VERSION, key.text_digest, key.encoder, self.wasm_digest)
        digest = blake3(record).digest()
        return record + digest + (secret.seal(digest) if secret is not None else b"")

    @classmethod
    def from_bytes(cls, data: bytes, secret: "Secret | None" = None) -> "Alias":
        """Check the whole file `data` as a record of any key, sealed with `secret` if there is one.

        Raises EntryError with the reason.
        """
        if len(data) < ALIAS_SIZE:
            raise EntryError(TORN, f"the file has {len(data)} of {ALIAS_SIZE} bytes")
        magic, version, text_digest, encoder, wasm_digest = _RECORD.unpack_from(data)
        if magic != MAGIC:
            raise EntryError(CORRUPT, "the file does not start like an alias")
        if version != FORMAT_VERSION:
            raise EntryError(FOREIGN_VERSION, f"format version {version}, not {FORMAT_VERSION}")
        if len(data) not in (ALIAS_SIZE, MAX_ALIAS_SIZE):
            raise EntryError(CORRUPT, f"{len(data)} bytes are too many for an alias")
        digest = blake3(data[: _RECORD.size]).digest()
        if digest != data[_RECORD.size : ALIAS_SIZE]:
            raise EntryError(CORRUPT, "the digest over the alias does not match")
        if secret is not None:
            problem = secret.problem(data[ALIAS_SIZE:], digest)
            if problem is not None:
                raise EntryError(UNTRUSTED, problem)
        return cls(AliasKey(text_digest, encoder), wasm_digest)


def unpack(data: bytes, key: AliasKey, secret: "Secret | None" = None) -> Alias:
    """Check the whole file `data` as the record of `key`. Raises EntryError with the reason."""
    alias = Alias.from_bytes(data, secret)
    found = alias.key
    if found.text_digest != key.text_digest or found.encoder != key.encoder:
        raise EntryError(WRONG_KEY, f"it is the alias {found.alias_name}")
    return alias


def is_alias_name(name: str) -> bool:
    """Whether "<2 hex>/<file name>" is a name that some key has."""
    shard, slash, file_name = name.partition("/")
    text, dot, encoder = file_name.partition(".")
    return (
        bool(slash and dot)
        and shard == text[:2]
        and is_hex(text, _TEXT_DIGITS)
        and is_hex(encoder, _ENCODER_DIGITS)
    )
