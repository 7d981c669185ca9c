"""The readers of what comes from elsewhere or may be damaged: lock files, bundles, statistics, the index.

A value or an error of our own, in little memory, whatever the bytes are; and nothing is believed that
is not whole. Entries, aliases and the configuration are damaged in tests/store/test_damaged_files.py.
"""

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.carry import bundle, ustar
from cachewasm.cache.carry.lock_file import Lock, LockedArtifact
from cachewasm.cache.entry import Entry
from cachewasm.cache.history import misses, statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import MISS_REASONS
from cachewasm.cache.survey import index
from cachewasm.cache.survey.facts import Facts
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.errors import ConfigError
from cachewasm.hashing import digest_of
from tests.fuzz.bounded import within
from tests.fuzz.mutation import Edit, edited, edits

EXAMPLES = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MEMORY = 4 << 20
RAW = b"an artifact " * 40
DIGEST = bytes(range(32))
KEY = ArtifactKey(DIGEST, bytes(32), "x86-64-v3:+avx", "optimized")
ALIAS = AliasKey(bytes(32), DIGEST)
ARTIFACT = LockedArtifact(
    *("a \\ \u00e9 module.wat", KEY.wasm_digest, ALIAS.text_digest, "x86_64-unknown-linux-gnu"),
    *(KEY.isa, KEY.tier, KEY.compat, ALIAS.encoder, digest_of(RAW), len(RAW)),
)
TEXT = Lock((ARTIFACT,)).to_text()
# How often a pair of names must be new: hypothesis calls a test many times.
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bundle of one entry and one alias."""
    store = LocalStore(str(tmp_path_factory.mktemp("from") / "cache"))
    assert store.put(KEY, RAW, {"module_name": "demo"}) is None
    assert store.put_alias(ALIAS, DIGEST) is None
    stream = io.BytesIO()
    written = list(bundle.write(stream, store, [KEY], [ALIAS]))
    assert [each.problem for each in written] == ["", ""]
    return stream.getvalue()


def _read_lock(text: str) -> None:
    for artifact in Lock.from_text(text, "app.lock").artifacts:
        # What is believed hangs together, and can be written again.
        assert Lock.from_text(Lock((artifact,)).to_text(), "again").artifacts == (artifact,)


@EXAMPLES
@given(changes=edits)
def test_lock_file_edited_is_read_or_refused(changes: list[Edit]) -> None:
    text = edited(TEXT.encode(), changes).decode("utf-8", "replace")
    within(MEMORY, lambda: _read_lock(text), ConfigError)


@EXAMPLES
@given(
    lines=st.lists(st.one_of(st.sampled_from(TEXT.split("\n")), st.text(max_size=40)), max_size=30)
)
def test_lock_file_of_lines_in_any_order_is_read_or_refused(lines: list[str]) -> None:
    within(MEMORY, lambda: _read_lock("\n".join(lines)), ConfigError)


@EXAMPLES
@given(changes=edits)
def test_bundle_edited_stores_what_is_right_or_nothing(
    bundled: bytes, changes: list[Edit], tmp_path: Path
) -> None:
    store = LocalStore(str(tmp_path / f"cache{next(_NUMBERS)}"))
    stream = io.BytesIO(edited(bundled, changes))
    within(MEMORY, lambda: list(bundle.read(stream, store)), ustar.ArchiveError)
    found = store.peek(KEY)
    assert not isinstance(found, Entry) or bytes(found.raw) == RAW
    known = store.get_alias(ALIAS)
    assert not isinstance(known, bytes) or known == DIGEST


@EXAMPLES
@given(data=st.binary(max_size=1200))
def test_bundle_random_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    with pytest.raises(ustar.ArchiveError):
        list(bundle.read(io.BytesIO(data), store))
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A directory in which two processes have counted a hit, and missed."""
    for _ in range(2):
        store = LocalStore(str(tmp_path / "cache"))
        store.put_alias(ALIAS, DIGEST)
        store.counters.add("hit")
        store.get(KEY)
        store.record()
    return tmp_path / "cache" / layout.STATISTICS


@EXAMPLES
@given(changes=edits)
def test_statistics_edited_count_whole_records_only(counted: Path, changes: list[Edit]) -> None:
    log = counted / layout.LOG
    whole = log.with_suffix(".whole")
    if not whole.exists():
        whole.write_bytes(log.read_bytes())
    log.write_bytes(edited(whole.read_bytes(), changes))
    directory = str(counted.parent)
    within(MEMORY, lambda: statistics.read(directory), ())
    found = statistics.read(directory)
    assert found.count("hit") == found.count("miss.absent") <= 2


@EXAMPLES
@given(data=st.binary(max_size=300))
def test_statistics_random_bytes_are_damage(counted: Path, data: bytes) -> None:
    for name in (layout.LOG, layout.TOTALS, layout.MISSES):
        (counted / name).write_bytes(data)
        (counted / name).chmod(0o600)
    directory = str(counted.parent)
    within(MEMORY, lambda: statistics.read(directory), ())
    assert statistics.read(directory).counts.keys() <= {statistics.DAMAGED}
    assert misses.last(directory, 10) == []


@EXAMPLES
@given(changes=edits)
def test_misses_edited_tell_whole_ones_only(counted: Path, changes: list[Edit]) -> None:
    path = counted / layout.MISSES
    whole = path.with_suffix(".whole")
    if not whole.exists():
        whole.write_bytes(path.read_bytes())
    path.write_bytes(edited(whole.read_bytes(), changes))
    within(MEMORY, lambda: misses.last(str(counted.parent), 10), ())
    for each in misses.last(str(counted.parent), 10):
        assert each.key == KEY and each.reason in MISS_REASONS


@EXAMPLES
@given(changes=edits, data=st.binary(max_size=200))
def test_index_row_edited_is_not_believed(changes: list[Edit], data: bytes) -> None:
    file = ListedFile(KEY.entry_name, "/there", 100, 5, is_regular=True)
    row = index._encode([(file, Facts("demo", 5, 100))])
    damaged = edited(row.encode(), changes).decode("latin-1")
    for text in (damaged, data.decode("latin-1")):
        if text != row:
            with pytest.raises(index.ERRORS):
                index._decode(text)
