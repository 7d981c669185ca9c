"""The key of an artifact: what it is made of, its digest and the name of its entry.

    digest = BLAKE3(derive_key "cachewasm artifact v1", wasm digest, compat hash, ISA, tier)
    name   = <2 hex>/<wasm digest>.<compat hash>.<isa>.<tier>

Each hashed part is preceded by its length, so no two keys hash the same bytes. The name holds
prefixes, for people and for listings: all entries of one module lie in one directory and begin
alike, so finding the nearest entry to a miss is reading a directory. A name proves nothing; the
entry carries the digest and the full parts. Format: docs/format/cache.md.

On the warm path.
"""

from blake3 import blake3

from cachewasm.errors import InternalError

KEY_CONTEXT = "cachewasm artifact v1"
DIGEST_SIZE = 32

WASM_DIGITS = 32
COMPAT_DIGITS = 16
ISA_DIGITS = 8
MAX_LABEL = 32

_HEX = frozenset("0123456789abcdef")
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class ArtifactKey:
    """Everything that may change the machine code of one module. Immutable by convention.

    `wasm_digest` and `compat` are 32-byte digests. `isa` is the canonical text of the instruction
    set: a label for people, then, after a colon, whatever else tells it apart
    ("x86-64-v3:+avx,+avx2"). `tier` is a label. Labels are of a-z, 0-9, "-" and "_".
    """

    __slots__ = ("_digest", "_tail", "compat", "isa", "tier", "wasm_digest")

    def __init__(self, wasm_digest: bytes, compat: bytes, isa: str, tier: str) -> None:
        if len(wasm_digest) != DIGEST_SIZE:
            raise InternalError("an artifact key needs two digests of 32 bytes")
        self._tail = _tails.get((compat, isa, tier)) or _new_tail(compat, isa, tier)
        self.wasm_digest = wasm_digest
        self.compat = compat
        self.isa = isa
        self.tier = tier
        self._digest = b""

    @property
    def digest(self) -> bytes:
        """32 bytes over all parts; computed once."""
        if not self._digest:
            hashed = _hashed(self.wasm_digest) + self._tail[1]
            self._digest = blake3(hashed, derive_key_context=KEY_CONTEXT).digest()
        return self._digest

    @property
    def entry_name(self) -> str:
        """The entry's path below entries/v1/."""
        wasm = self.wasm_digest.hex()[:WASM_DIGITS]
        return f"{wasm[:2]}/{wasm}{self._tail[0]}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactKey) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"ArtifactKey({self.entry_name})"


# What the keys of different modules have in common, by (compat, isa, tier): the end of the name, and
# of what is hashed. A process has few of them.
_tails: dict[tuple[bytes, str, str], tuple[str, bytes]] = {}
_MAX_TAILS = 256


def _new_tail(compat: bytes, isa: str, tier: str) -> tuple[str, bytes]:
    label = isa.partition(":")[0]
    if len(compat) != DIGEST_SIZE:
        raise InternalError("an artifact key needs two digests of 32 bytes")
    if not _is_label(label) or not _is_label(tier):
        raise InternalError(f"no artifact key can be made of isa {isa!r}, tier {tier!r}")
    isa_digits = blake3(isa.encode()).hexdigest()[:ISA_DIGITS]
    name = f".{compat.hex()[:COMPAT_DIGITS]}.{label}-{isa_digits}.{tier}"
    if len(_tails) >= _MAX_TAILS:
        _tails.clear()
    hashed = _hashed(compat) + _hashed(isa.encode()) + _hashed(tier.encode())
    tail = _tails[compat, isa, tier] = name, hashed
    return tail


def _hashed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "little") + part


class EntryName:
    """What the name of an entry tells: prefixes of the key's parts, as written in the name."""

    __slots__ = ("compat", "isa", "tier", "wasm")

    def __init__(self, wasm: str, compat: str, isa: str, tier: str) -> None:
        self.wasm = wasm
        self.compat = compat
        self.isa = isa
        self.tier = tier


def wasm_prefix(wasm_digest: bytes) -> str:
    """What the names of all entries of one module begin with."""
    return wasm_digest.hex()[:WASM_DIGITS]


def parse_entry_name(name: str) -> EntryName | None:
    """Take "<2 hex>/<file name>" apart; None for a name that no key has."""
    shard, slash, file_name = name.partition("/")
    parts = file_name.split(".")
    if not slash or len(parts) != 4:
        return None
    wasm, compat, isa, tier = parts
    label, dash, isa_digits = isa.rpartition("-")
    if (
        shard != wasm[:2]
        or not is_hex(wasm, WASM_DIGITS)
        or not is_hex(compat, COMPAT_DIGITS)
        or not (dash and _is_label(label) and is_hex(isa_digits, ISA_DIGITS))
        or not _is_label(tier)
    ):
        return None
    return EntryName(wasm, compat, isa, tier)


def is_hex(text: str, digits: int) -> bool:
    """Whether `text` is this many lower-case hexadecimal digits."""
    return len(text) == digits and _HEX.issuperset(text)


def _is_label(text: str) -> bool:
    return 0 < len(text) <= MAX_LABEL and _LABEL.issuperset(text)
