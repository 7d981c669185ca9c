"""The kinds of files that the cache reads, and all that may happen to their bytes.

A new kind is one more row of `KINDS`; test_damaged_files.py does the rest.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from blake3 import blake3

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.config_file import read
from cachewasm.cache.entry import CODEC_RAW, Entry, pack
from cachewasm.cache.history import misses, statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import ABSENT, MISS_REASONS, EntryError
from cachewasm.cache.secret import Secret
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.trust import DEFAULT_RULES, Rules
from cachewasm.errors import ConfigError

KEY = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
OTHER = ArtifactKey(bytes(32), bytes(32), "x86-64-v1", "baseline")
SEALED = Rules(secret=Secret(bytes(range(32))))
ALIAS = AliasKey(bytes(range(32)), bytes(range(32, 64)))
RAW = b"artifact, of which there is some more than fits into a word" * 3
DIGEST = bytes(range(64, 96))

RIGHT = "right"
# Not what was written, but what the bytes say, which nothing protects: a comment, another value.
OTHERWISE = "otherwise"
# Of an artifact. Only a forger gets that far.
WRONG_BYTES = "wrong bytes"


@dataclass(frozen=True)
class Kind:
    """A kind of file: `make` it in a cache directory, `read` what it says there.

    `read` returns RIGHT, OTHERWISE, WRONG_BYTES or the reason why not, and raises nothing. A kind that
    `is_sealed` is protected in every byte: it is read RIGHT only as it was written. With `seal` a
    forger makes the last digest fit. `rules` are those of the reader.
    """

    make: Callable[[str], str]
    read: Callable[[str], str]
    is_sealed: bool = True
    seal: Callable[[bytes], bytes] | None = None
    rules: Rules = DEFAULT_RULES


def _sealing(directory: str) -> LocalStore:
    """A store that believes what bears its seal."""
    store = LocalStore(directory)
    store.rules = SEALED
    return store


def _make_sealed_entry(directory: str) -> str:
    assert _sealing(directory).put(KEY, RAW, {"compile_ms": 5, "module": "demo"}) is None
    return layout.entry_path(directory, KEY)


def _make_sealed_alias(directory: str) -> str:
    assert _sealing(directory).put_alias(ALIAS, DIGEST) is None
    return layout.alias_path(directory, ALIAS)


def _make_entry(directory: str) -> str:
    assert LocalStore(directory).put(KEY, RAW, {"compile_ms": 5, "module": "demo"}) is None
    return layout.entry_path(directory, KEY)


def _make_raw_entry(directory: str) -> str:
    path = _make_entry(directory)
    with open(path, "wb") as file:
        file.write(pack(KEY, RAW, {"compile_ms": 5, "module": "demo"}, codec=CODEC_RAW))
    return path


def _read_entry(directory: str, rules: Rules = DEFAULT_RULES) -> str:
    store = LocalStore(directory)
    store.rules = rules
    found = store.peek(KEY)
    if not isinstance(found, Entry):
        return _reason(found)
    if bytes(found.raw) != RAW:
        return WRONG_BYTES
    assert found.compile_ms >= 0
    try:
        manifest = found.manifest
    except EntryError as error:
        return error.reason
    return (
        RIGHT if (manifest.get("compile_ms"), manifest.get("module")) == (5, "demo") else OTHERWISE
    )


def _reason(missed: Miss) -> str:
    assert missed.reason in MISS_REASONS and missed.detail
    return missed.reason


def _make_alias(directory: str) -> str:
    assert LocalStore(directory).put_alias(ALIAS, DIGEST) is None
    return layout.alias_path(directory, ALIAS)


def _read_alias(directory: str, rules: Rules = DEFAULT_RULES) -> str:
    store = LocalStore(directory)
    store.rules = rules
    found = store.get_alias(ALIAS)
    if isinstance(found, Miss):
        return _reason(found)
    return RIGHT if found == DIGEST else OTHERWISE


_CONFIG = b"""\
[cache]
# why
directory = "/srv/cache"
baseline-compression-level = 5
lock-timeout = "20s"
sync = true # whatever happens
payload = 'raw'
"""


def _make_config(directory: str) -> str:
    os.mkdir(directory, 0o700)
    path = os.path.join(directory, "config.toml")
    with open(path, "wb") as file:
        file.write(_CONFIG)
    os.chmod(path, 0o600)
    return path


def _read_config(directory: str) -> str:
    path = os.path.join(directory, "config.toml")
    try:
        found = CacheConfig.from_file(path, environ={"HOME": "/home"})
    except ConfigError as error:
        assert path in str(error)
        return str(error)
    values = (found.directory, found.baseline_compression_level, found.sync, found.payload)
    assert read(path) is not None
    return RIGHT if values == ("/srv/cache", 5, True, "raw") else OTHERWISE


def _counted(directory: str, times: int) -> None:
    for _ in range(times):
        store = LocalStore(directory)
        store.counters.add("hit", 3)
        store.amounts.add("hit-bytes", 1000)
        store.record()


def _make_log(directory: str) -> str:
    _make_entry(directory)
    _counted(directory, 2)
    return layout.statistics_path(directory, layout.LOG)


def _make_log_aside(directory: str) -> str:
    _make_log(directory)
    assert statistics.fold(directory)
    return layout.statistics_path(directory, f"{layout.LOG}.1")


def _make_totals(directory: str) -> str:
    _make_log_aside(directory)
    assert statistics.fold(directory) is False  # there is no log to put aside
    return layout.statistics_path(directory, layout.TOTALS)


def _read_statistics(directory: str) -> str:
    found = statistics.read(directory)
    # A whole record, which a splice may double, counts 3 and 1000.
    assert found.count("hit") * 1000 == found.count("hit-bytes") * 3
    if found.count(statistics.DAMAGED):
        return statistics.DAMAGED
    # A record that is gone with its line end leaves no trace; nor does a byte between records.
    return RIGHT if found.count("hit") == 6 else OTHERWISE


def _make_misses(directory: str) -> str:
    _make_entry(directory)
    for _ in range(2):
        store = LocalStore(directory)
        store.get(OTHER)
        store.record()
    return layout.statistics_path(directory, layout.MISSES)


def _read_misses(directory: str) -> str:
    found = misses.last(directory, 10)
    assert all(each.key == OTHER and each.reason == ABSENT for each in found)
    return RIGHT if len(found) == 2 else OTHERWISE


def _sealed_digest(data: bytes) -> bytes:
    return data[:-32] + blake3(data[:-32]).digest()


KINDS = {
    "entry": Kind(_make_entry, _read_entry, seal=_sealed_digest),
    "raw_entry": Kind(_make_raw_entry, _read_entry, seal=_sealed_digest),
    "alias": Kind(_make_alias, _read_alias, seal=_sealed_digest),
    "sealed_entry": Kind(_make_sealed_entry, partial(_read_entry, rules=SEALED), rules=SEALED),
    "sealed_alias": Kind(_make_sealed_alias, partial(_read_alias, rules=SEALED), rules=SEALED),
    "misses": Kind(_make_misses, _read_misses, is_sealed=False),
    "config": Kind(_make_config, _read_config, is_sealed=False),
    "log": Kind(_make_log, _read_statistics, is_sealed=False),
    "log_aside": Kind(_make_log_aside, _read_statistics, is_sealed=False),
    "totals": Kind(_make_totals, _read_statistics, is_sealed=False),
}


def flips(data: bytes) -> Iterator[bytes]:
    """Each byte altered, in its first bit, its last and all."""
    for position in _positions(data):
        for mask in (0x01, 0x80, 0xFF):
            altered = bytearray(data)
            altered[position] ^= mask
            yield bytes(altered)


def truncations(data: bytes) -> Iterator[bytes]:
    """Each beginning."""
    for size in _positions(data):
        yield data[:size]


def _positions(data: bytes) -> list[int]:
    """All, but few inside a run of zeros as long as a page."""
    is_long = len(data) > 1 << 14
    return [
        at
        for at in range(len(data))
        if not is_long or at % 997 == 0 or any(data[max(0, at - 8) : at + 8])
    ]


def splices(data: bytes, donors: list[bytes], count: int) -> Iterator[bytes]:
    """Pieces of the file, of others and of nothing put over, into and out of it, at random."""
    random = Random(len(data))
    while count:
        source = random.choice((data, *donors, bytes(64), random.randbytes(64), b"\xff" * 64))
        piece = _piece(source, random)
        start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
        if random.random() < 0.5:
            end = min(len(data), start + len(piece))
        spliced = data[:start] + piece + data[end:]
        if spliced != data:
            count -= 1
            yield spliced


def _piece(source: bytes, random: Random) -> bytes:
    start = random.randrange(len(source))
    return source[start : start + random.choice((0, 1, 2, 8, 32, len(source)))]
