"""What entries say of themselves, for listings: from the index if there are many, else from the files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from blake3 import blake3

from cachewasm.cache.local import NAMESPACE
from cachewasm.cache.reasons import ABSENT, CORRUPT
from cachewasm.cache.survey.inspect import ListedFile, read_entry
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.log import DEBUG, log

if TYPE_CHECKING:
    from cachewasm.cache.survey.index import Index

# Fewer entries are read in the time that it takes to open an index.
MIN_ENTRIES = 2000
# What the names of the ingredients of the compiler begin with.
_COMPILER = "compiler."
_COMPILER_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Maker:
    """What many entries have in common: the version and the compiler that made them, and for whom.

    `compiler` stands for all ingredients of the key that are of the compiler (`compiler_of`).
    """

    version: str = ""
    compiler: str = ""
    namespace: str = ""


UNKNOWN_MAKER = Maker()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header and the manifest of an entry say, as far as listings show it.

    `created` is in seconds since the epoch, 0 if it is not told. `reason` is "", or why they cannot be
    read; such facts are not in the index.
    """

    module: str = ""
    compile_ms: int = 0
    raw_size: int = 0
    created: int = 0
    maker: Maker = UNKNOWN_MAKER
    reason: str = ""


Known = tuple[int, int, Facts]

_UNKNOWN: Known = (-1, -1, Facts())


def with_facts(
    directory: str,
    listed: Sequence[ListedFile],
    rules: Rules = DEFAULT_RULES,
    *,
    use_index: bool = True,
) -> Iterator[tuple[ListedFile, Facts]]:
    """Each file of `listed`, which is in the order of the names, with its facts.

    What had to be read is in the index afterwards, if there can be one. Files that are gone are left
    out. Nothing raises.
    """
    index = _Given(directory, rules, wanted=use_index and len(listed) >= MIN_ENTRIES)
    try:
        for shard, group in groupby(listed, key=lambda file: file.name[:2]):
            known = index.read(shard)
            found: list[tuple[ListedFile, Facts]] = []
            has_news = False
            for file in group:
                mtime_ns, size, facts = known.get(file.name, _UNKNOWN)
                if (mtime_ns, size) != (file.mtime_ns, file.size):
                    facts = read_facts(file, rules)
                    has_news = has_news or not facts.reason
                if facts.reason != ABSENT:
                    found.append((file, facts))
            if has_news or len(known) > len(found):
                index.write(shard, found)
            yield from found
    finally:
        index.close()


def read_facts(file: ListedFile, rules: Rules = DEFAULT_RULES) -> Facts:
    """The facts of one entry from its file."""
    info = read_entry(file, rules)
    if info.reason is not None or info.manifest is None or info.header is None:
        return Facts(reason=info.reason or CORRUPT)
    told = info.manifest
    return Facts(
        _text(told, "module_name"),
        _number(told, "compile_ms"),
        info.header.raw_size,
        _number(told, "created"),
        Maker(_text(told, "cachewasm"), compiler_of(told), _text(told, NAMESPACE)),
    )


def compiler_of(pairs: Mapping[str, str | int]) -> str:
    """A short text that is equal for what one compiler has made; "" if nothing tells which it was."""
    parts = sorted(f"{name}={value}" for name, value in pairs.items() if name.startswith(_COMPILER))
    return blake3("\n".join(parts).encode()).hexdigest()[:_COMPILER_DIGITS] if parts else ""


def _text(manifest: Mapping[str, str | int], name: str) -> str:
    value = manifest.get(name, "")
    return value if isinstance(value, str) else ""


def _number(manifest: Mapping[str, str | int], name: str) -> int:
    value = manifest.get(name, 0)
    return value if isinstance(value, int) else 0


class _Given:
    """The index as far as there is one: what goes wrong with it makes it empty."""

    def __init__(self, directory: str, rules: Rules, *, wanted: bool) -> None:
        self._index: Index | None = None
        if not wanted:
            return
        # diskcache and SQLite take longer to import than few entries to read.
        from cachewasm.cache.survey import index

        self._errors = index.ERRORS
        try:
            self._index = index.Index(directory, rules)
        except self._errors as error:
            log(DEBUG, "no index of %s: %s", directory, error)

    def read(self, shard: str) -> dict[str, Known]:
        if self._index is None:
            return {}
        try:
            return self._index.read(shard)
        except self._errors as error:
            self._give_up(self._index, error)
            return {}

    def write(self, shard: str, facts: Sequence[tuple[ListedFile, Facts]]) -> None:
        if self._index is not None:
            try:
                self._index.write(shard, facts)
            except self._errors as error:
                self._give_up(self._index, error)

    def _give_up(self, index: "Index", error: BaseException) -> None:
        log(DEBUG, "the index is given up: %s", error)
        self._index = None
        try:
            index.discard()
        except self._errors as also:
            log(DEBUG, "the index cannot be closed: %s", also)

    def close(self) -> None:
        if self._index is not None:
            self._index.close()
