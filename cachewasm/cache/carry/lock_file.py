"""Lock files: which compiled code an application runs, by digest, for people to review and keep.

A lock file is a small part of TOML, with one table for each artifact, in one order: equal artifacts
make equal bytes, and a change shows as lines that differ. It is written from what a cache holds; a
bundle, a directory and a process that must not compile can be held to it. Reading takes just that part
of TOML, without tomllib, which takes as long to import as a hit. Format: docs/format/lock.md.
"""

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.keys import DIGEST_SIZE, ArtifactKey, is_hex
from cachewasm.cache.reasons import Miss
from cachewasm.errors import ConfigError, InternalError
from cachewasm.hashing import digest_of
from cachewasm.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cachewasm.cache.store import ArtifactStore

    Table = Mapping[str, str | int]

VERSION = 1
SUPPORT_TIER = "support"
# Thousands of artifacts; a process that must hit reads all of it when it starts.
MAX_SIZE = 4 << 20

# Besides those of Miss: what is there is not what the lock file says.
DIFFERENT = "different"

_HEAD = """\
# Compiled code that has to be in the cache: made by `cachewasm cache lock`.
# What the lines mean: docs/format/lock.md of cachewasm.
"""
_TABLE = "[[artifact]]"
_DIGESTS = ("wasm", "text", "compat", "compiler", "key", "artifact")
_TEXTS = ("module", "target", "isa", "tier")
_ORDER = (
    *("module", "wasm", "text", "target", "isa", "tier"),
    *("compat", "compiler", "key", "artifact", "size"),
)
_OPTIONAL = "text"
_ESCAPES = {'"': '"', "\\": "\\", "b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_MAX_SIZE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class LockedArtifact:
    """An artifact, and all parts of its key.

    `module` is the path of the module, for people; `compiler` the identity of the compiler, `size` in
    bytes. `text` is the digest of a module in text format, None for a binary.
    """

    module: str
    wasm: bytes
    text: bytes | None
    target: str
    isa: str
    tier: str
    compat: bytes
    compiler: bytes
    artifact: bytes
    size: int

    @property
    def key(self) -> ArtifactKey:
        """The key of the entry."""
        return ArtifactKey(self.wasm, self.compat, self.isa, self.tier)

    @property
    def alias(self) -> AliasKey | None:
        """The key of the alias that a text needs besides."""
        return None if self.text is None else AliasKey(self.text, self.compiler)

    @property
    def label(self) -> str:
        """The instruction set as people call it."""
        return self.isa.partition(":")[0]

    @property
    def is_support(self) -> bool:
        """Whether it is the support image, which every process needs, rather than a module."""
        return self.tier == SUPPORT_TIER


@dataclass(frozen=True, slots=True)
class Lock:
    """All artifacts of a lock file, in its order."""

    artifacts: tuple[LockedArtifact, ...]

    def to_text(self) -> str:
        """The lock file: sorted, so that equal artifacts make equal text."""
        tables = [_table(each) for each in sorted(self.artifacts, key=_rank)]
        return "\n".join([f"{_HEAD}version = {VERSION}\n", *dict.fromkeys(tables)])

    @classmethod
    def from_text(cls, text: str, path: str) -> "Lock":
        """Read a lock file. Raises ConfigError with `path` and line."""
        tables: list[tuple[int, dict[str, str | int]]] = [(1, {})]
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.removesuffix("\r").strip(" \t")
            if not line.replace("\t", "").isprintable():
                raise _wrong(path, number, "a character that is not to be seen")
            if not line or line.startswith("#"):
                continue
            if line == _TABLE:
                tables.append((number, {}))
                continue
            name, equals, value = line.partition("=")
            name = name.rstrip(" \t")
            if not equals or name in tables[-1][1]:
                raise _wrong(path, number, f"expected `{_TABLE}` or a name that is not there yet")
            try:
                tables[-1][1][name] = _value(value.lstrip(" \t"))
            except ValueError as error:
                raise _wrong(path, number, f"`{name}`: {error}") from None
        if tables[0][1] != {"version": VERSION}:
            raise _wrong(path, 1, f"expected `version = {VERSION}` before all else, and only that")
        return cls(tuple(_artifact(table, path, number) for number, table in tables[1:]))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an artifact is not there as it should be: a reason of a miss or DIFFERENT, and a clause."""

    artifact: LockedArtifact
    reason: str
    detail: str

    def __str__(self) -> str:
        artifact = self.artifact
        return f"{artifact.module}: {artifact.label}, tier {artifact.tier}: {self.reason}: {self.detail}"


def check_lock(store: "ArtifactStore", artifacts: "Iterable[LockedArtifact]") -> list[Problem]:
    """Which of these artifacts of a lock the store does not have, believe or have just so.

    Each is read and checked in every byte. No event.
    """
    problems = []
    for wanted in artifacts:
        entry = store.peek(wanted.key)
        if isinstance(entry, Miss):
            problems.append(Problem(wanted, entry.reason, entry.detail))
            continue
        # What a hit need not look at, the header's word for it, does not make an artifact the right one.
        found = digest_of(entry.raw)
        if found != wanted.artifact:
            detail = f"the artifact is {found.hex()}, not {wanted.artifact.hex()}"
            problems.append(Problem(wanted, DIFFERENT, detail))
        if wanted.alias is None:
            continue
        known = store.peek_alias(wanted.alias)
        if isinstance(known, Miss):
            problems.append(Problem(wanted, known.reason, f"its text is not known: {known.detail}"))
        elif known != wanted.wasm:
            problems.append(Problem(wanted, DIFFERENT, "its text leads to another module"))
    return problems


def _rank(artifact: LockedArtifact) -> "tuple[bool, str, str, str, str, str]":
    """Modules by their paths, then support images."""
    parts = (artifact.module, artifact.target, artifact.isa, artifact.tier, artifact.wasm.hex())
    return (artifact.is_support, *parts)


def _table(artifact: LockedArtifact) -> str:
    lines = [_TABLE]
    for name in _ORDER:
        value = artifact.key.digest if name == "key" else getattr(artifact, name)
        if value is None:
            continue
        if isinstance(value, bytes):
            value = value.hex()
        lines.append(f"{name} = {_quoted(value) if isinstance(value, str) else value}")
    return "\n".join(lines) + "\n"


def _artifact(table: "Table", path: str, number: int) -> LockedArtifact:
    """The artifact of a table, which begins on this line. Raises ConfigError."""
    for name in table:
        if name not in _ORDER:
            raise _wrong(path, number, f"unknown name `{name}`")
    for name in _ORDER:
        value = table.get(name)
        if value is None:
            if name != _OPTIONAL:
                raise _wrong(path, number, f"`{name}` is missing")
        elif name in _DIGESTS and not (isinstance(value, str) and is_hex(value, 2 * DIGEST_SIZE)):
            raise _wrong(path, number, f"`{name}` has to be {2 * DIGEST_SIZE} hexadecimal digits")
        elif isinstance(value, str) is (name == "size"):
            raise _wrong(path, number, f"`{name}` is of the wrong type")
    digests = {name: bytes.fromhex(str(table[name])) for name in _DIGESTS if name in table}
    module, target, isa, tier = (str(table[name]) for name in _TEXTS)
    artifact = LockedArtifact(
        module=module,
        wasm=digests["wasm"],
        text=digests.get("text"),
        target=target,
        isa=isa,
        tier=tier,
        compat=digests["compat"],
        compiler=digests["compiler"],
        artifact=digests["artifact"],
        size=int(table["size"]),
    )
    try:
        is_right = artifact.key.digest == digests["key"]
    except InternalError:
        is_right = False
    if not is_right:
        raise _wrong(path, number, "`key` is not the digest of wasm, compat, isa and tier")
    return artifact


def _quoted(text: str) -> str:
    """A basic string of TOML, with everything escaped that is not to be seen."""
    written = []
    # What is not Unicode in a path cannot stand in TOML.
    for character in text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"):
        if character in '"\\':
            written.append("\\" + character)
        elif character.isprintable():
            written.append(character)
        else:
            written.append(f"\\U{ord(character):08X}")
    return f'"{"".join(written)}"'


def _value(text: str) -> str | int:
    """A decimal number or a basic string, with nothing behind it. Raises ValueError."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_SIZE_DIGITS:
        if text != "0" and text.startswith("0"):
            raise ValueError("a number that begins with 0")
        return int(text)
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise ValueError("expected a number or a string in double quotes")
    parts = []
    at, end = 1, len(text) - 1
    while at < end:
        stop = text.find("\\", at, end)
        stop = end if stop < 0 else stop
        part = text[at:stop]
        if '"' in part or not part.isprintable():
            raise ValueError("a quote or a control character inside a string")
        parts.append(part)
        at = stop
        if at < end:
            character, size = _escape(text[at + 1 : end])
            parts.append(character)
            at += 1 + size
    return "".join(parts)


def _escape(text: str) -> "tuple[str, int]":
    """The character of an escape that begins like this, and its length. Raises ValueError."""
    kind = text[:1]
    if kind in _ESCAPES:
        return _ESCAPES[kind], 1
    size = {"u": 4, "U": 8}.get(kind, 0)
    digits = text[1 : 1 + size]
    if not size or not is_hex(digits.lower(), size):
        raise ValueError("an unknown escape")
    number = int(digits, 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise ValueError("an escape that is no character")
    return chr(number), 1 + size


def _wrong(path: str, number: int, what: str) -> ConfigError:
    return ConfigError(f"{path}: line {number}: {what}")
