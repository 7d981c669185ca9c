"""Statistics across processes: recorded once at exit, folded, and read whatever lies there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cachewasm.cache import file_locks, files, layout, local, publish
from cachewasm.cache.byte_lock import Busy, ByteLock
from cachewasm.cache.counters import check_of, record_of
from cachewasm.cache.history import statistics
from cachewasm.cache.history.prometheus import as_prometheus
from cachewasm.cache.history.statistics import Statistics, fold, read
from cachewasm.cache.local import LocalStore
from cachewasm.cache.upkeep.prune import prune

from .conftest import KEY, OTHER, RAW, Child


@pytest.fixture
def directory(store: LocalStore, entry_path: Path) -> str:
    """A cache directory with one entry; `store` has counted one "store"."""
    return store.directory


@pytest.fixture
def log(directory: str) -> Path:
    """The log of statistics, in a directory that is there."""
    path = Path(directory, "stats", "log")
    path.parent.mkdir(mode=0o700)
    return path


def line(time: int = 1_700_000_000, **counts: int) -> bytes:
    return record_of(counts, time)


def write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def test_record_appends_what_was_counted_once(store: LocalStore, directory: str) -> None:
    store.get(KEY)
    store.get(OTHER)
    store.record()
    store.record()
    store.get(KEY)
    store.record()
    found = read(directory)
    assert found.counts == {
        "store": 1,
        "hit": 2,
        "miss.absent": 1,
        "hit-bytes": 16,
        "store-bytes": 8,
        "statistics.records": 2,
    }
    assert found.since is not None
    status = Path(directory, "stats", "log").stat()
    assert status.st_mode & 0o7777 == 0o600
    assert Path(directory, "stats").stat().st_mode & 0o7777 == 0o700


def test_record_tells_compile_time_spent_and_saved(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    store.put(KEY, RAW, {"module": "demo", "compile_ms": 1200, "other": -1})
    store.get(KEY)
    store.get(KEY)
    assert store.amounts.snapshot() == {
        "store-bytes": 8,
        "compile-ms": 1200,
        "hit-bytes": 16,
        "saved-ms": 2400,
    }
    store.record()
    assert read(store.directory).saved_seconds == 2.4


def test_record_without_a_directory_makes_none(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "cache"))
    store.get(KEY)
    store.record()
    assert not (tmp_path / "cache").exists()


def test_record_into_an_untrusted_directory_writes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    directory.mkdir()
    directory.chmod(0o777)
    store = LocalStore(str(directory))
    store.get(KEY)
    store.record()
    assert list(directory.iterdir()) == []


def test_record_into_a_read_only_directory_is_no_failure(run_child: Child) -> None:
    child = run_child(
        "store.put(KEY, b'x', {})\n"
        "os.chmod(sys.argv[1], 0o500)\n"
        "store.record()\n"
        "print(os.path.exists(sys.argv[1] + '/stats'))"
    )
    assert (child.stdout, child.stderr) == ("False\n", "")


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _symbolic_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def _directory(path: Path) -> None:
    path.mkdir()


def _writable_by_others(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


@pytest.mark.parametrize("make", [_fifo, _symbolic_link, _directory, _writable_by_others])
def test_record_into_an_odd_log_is_left_out(store: LocalStore, log: Path, make: object) -> None:
    assert callable(make)
    make(log)
    before = log.lstat()
    store.record()
    assert read(store.directory) == Statistics({}, None)
    assert log.lstat() == before
    assert not (log.parent / "elsewhere").exists()


def test_record_at_exit_is_once_per_process_and_not_of_the_parent(
    directory: str, child_script: str
) -> None:
    program = """
import os
store.record_at_exit()
store.get(KEY)
child = os.fork()
if child == 0:
    store.get(KEY), store.get(KEY)
    sys.exit(0)
os.waitpid(child, 0)
"""
    command = [sys.executable, "-W", "error", "-c", child_script + program, directory]
    subprocess.run(command, check=True)
    found = read(directory)
    assert (found.count("hit"), found.count("statistics.records")) == (3, 2)


def test_record_of_a_log_that_has_grown_folds_it(
    store: LocalStore, log: Path, directory: str
) -> None:
    records = local.FOLD_SIZE // len(line(hit=1)) + 1
    write(log, line(hit=1) * records)
    store.record()
    assert sorted(os.listdir(log.parent)) == ["log.1"]
    assert read(directory).count("hit") == records


def test_record_into_a_full_log_is_left_out(store: LocalStore, log: Path) -> None:
    write(log, b"\n" * local.MAX_LOG_SIZE)
    size = files.append(str(log), line(hit=1), max_size=local.MAX_LOG_SIZE)
    assert size == local.MAX_LOG_SIZE == log.stat().st_size


def test_fold_again_and_again_loses_and_doubles_nothing(log: Path, directory: str) -> None:
    for turn in range(4):
        write(log, line(1_700_000_000 - turn, hit=1, evicted=2) * 2)
        assert fold(directory)
        found = read(directory)
        assert found.counts == {
            "hit": 2 * turn + 2,
            "evicted": 4 * turn + 4,
            "statistics.records": 2 * turn + 2,
        }
        assert found.since == 1_700_000_000 - turn
    assert sorted(os.listdir(log.parent)) == ["log.4", "totals"]
    assert os.listdir(Path(directory, "tmp")) == []


def test_fold_cut_short_before_the_old_log_is_removed_doubles_nothing(
    log: Path, directory: str
) -> None:
    write(log, line(hit=1))
    fold(directory)
    old = (log.parent / "log.1").read_bytes()
    write(log, line(hit=10))
    fold(directory)
    write(log.parent / "log.1", old)
    assert read(directory).count("hit") == 11
    write(log, line(hit=100))
    fold(directory)
    assert read(directory).count("hit") == 111
    assert sorted(os.listdir(log.parent)) == ["log.3", "totals"]


def test_fold_while_another_folds_does_nothing(
    store: LocalStore, log: Path, directory: str
) -> None:
    write(log, line(hit=1))
    descriptor = store.open_lock_file()
    assert file_locks.try_lock(descriptor, layout.FOLD_OFFSET)
    assert not fold(directory)
    os.close(descriptor)
    assert fold(directory)


def test_fold_of_nothing_or_in_an_untrusted_directory_does_nothing(
    tmp_path: Path, directory: str
) -> None:
    assert not fold(str(tmp_path / "absent"))
    assert not fold(directory)
    os.chmod(directory, 0o777)
    assert not fold(directory)


def test_read_every_truncation_of_a_log_counts_whole_records_only(
    log: Path, directory: str
) -> None:
    content = line(hit=1) + line(hit=10)
    for size in range(len(content)):
        write(log, content[:size])
        found = read(directory)
        assert found.count("hit") in (0, 1, 11)
        # What comes after a torn record is whole.
        write(log, content[:size] + line(hit=100))
        assert read(directory).count("hit") == found.count("hit") + 100


def test_read_every_flip_of_a_record_is_damage(log: Path, directory: str) -> None:
    content = line(hit=1).strip()
    for position in range(len(content)):
        for bit in (1, 0x80):
            flipped = bytearray(content)
            flipped[position] ^= bit
            write(log, bytes(flipped))
            assert read(directory).counts == {"statistics.damaged": 1}


def checked(record: bytes) -> bytes:
    return b"%b %b\n" % (record, check_of(record))


@pytest.mark.parametrize(
    "record",
    [
        b"2 5 hit=1",
        b"1 x hit=1",
        b"1 5 hit=-1",
        b"1 5 hit=1e3",
        b"1 5 hit=" + b"9" * 19,
        b"1 5 hit",
        b"1 5 =1",
        b"1 5 h{}=1",
        "1 5 hit=١".encode(),
        b"1 5 " + b"a" * 65 + b"=1",
        b"1 5 statistics.generation=9",
        b"1 5 " + b" ".join(b"%b=1" % (b"a" * n) for n in range(1, 60)) + b" " + b"x" * (1 << 14),
        b"",
    ],
)
def test_read_odd_record_is_damage(log: Path, directory: str, record: bytes) -> None:
    write(log, checked(record) + line(hit=1))
    assert read(directory).counts == {"hit": 1, "statistics.records": 1, "statistics.damaged": 1}


def test_read_many_names_is_bounded(log: Path, directory: str) -> None:
    letters = "abcdefghijklmnopqrst"
    names = [first + second for first in letters for second in letters]
    write(log, b"".join(record_of({name: 1}, 5) for name in names))
    found = read(directory)
    assert len(found.counts) <= statistics.MAX_NAMES + 2
    assert found.count("statistics.damaged") > 0


def test_read_damaged_totals_is_a_new_beginning(log: Path, directory: str) -> None:
    write(log.parent / "totals", b"\0" * 100)
    write(log.parent / "log.7", line(hit=1))
    write(log.parent / "log.x", line(hit=100))
    write(log, line(hit=10))
    assert read(directory).count("hit") == 11
    assert fold(directory)
    assert read(directory).count("hit") == 11
    assert sorted(os.listdir(log.parent)) == ["log.8", "log.x", "totals"]


def test_prune_tells_what_it_evicted(directory: str) -> None:
    size = sum(path.stat().st_size for path in Path(directory, "entries").rglob("*.optimized"))
    prune(directory, max_size=0, older_than=None, dry_run=True)
    assert read(directory).count("evicted") == 0
    prune(directory, max_size=0, older_than=None, dry_run=False)
    assert read(directory).counts == {"evicted": 1, "evicted-bytes": size, "statistics.records": 1}


def test_statistics_hits_and_misses_count_a_shared_compile_as_a_hit() -> None:
    found = Statistics({"hit": 5, "shared": 2, "miss.absent": 3, "miss.torn": 1}, 0)
    assert (found.hits, found.misses) == (7, 2)


def test_events_are_told_with_key_and_reason(store: LocalStore) -> None:
    events: list[tuple[str, object, str]] = []
    store.on_event = lambda event, key, reason: events.append((event, key, reason))
    store.get(KEY)
    store.put(KEY, RAW, {})
    store.get(KEY)
    store.peek(OTHER)
    store.get(OTHER, is_last=False)
    os.chmod(store.directory, 0o777)
    LocalStore(store.directory).get(KEY)
    assert events == [("miss", KEY, "absent"), ("store", KEY, ""), ("hit", KEY, "")]


def test_prometheus_hits_and_misses_are_those_of_the_statistics_and_only_grow() -> None:
    def samples(counts: dict[str, int]) -> dict[str, int]:
        lines = as_prometheus(Statistics(counts, 0), entries=0, size=0).splitlines()
        found = (line.removeprefix("cachewasm_cache_").split() for line in lines if line[0] != "#")
        return {name: int(float(value)) for name, value in found}

    first = {"hit": 3, "subset-hit": 2, "shared": 1, "miss.absent": 2, "alias-miss.absent": 4}
    before = samples(first)
    kinds = ("entry", "subset", "waited")
    assert sum(before[f'hits_total{{kind="{kind}"}}'] for kind in kinds) == 6
    assert before['misses_total{kind="entry"}'] == Statistics(first, 0).misses == 1
    assert before['misses_total{kind="text"}'] == 4
    # A process whose waits had other reasons to miss.
    after = samples({**first, "shared": 4, "miss.torn": 3})
    assert all(after[name] >= count for name, count in before.items())
    assert after['misses_total{kind="entry"}'] == 1


def test_prometheus_names_every_counter() -> None:
    counts = {
        "hit": 3,
        "shared": 1,
        "miss.absent": 2,
        "miss.torn": 1,
        "store-failure.full": 4,
        "saved-ms": 1500,
        "lock-failure.untrusted": 1,
    }
    lines = as_prometheus(Statistics(counts, 0), entries=7, size=4096).splitlines()
    assert 'cachewasm_cache_hits_total{kind="entry"} 3' in lines
    assert 'cachewasm_cache_hits_total{kind="waited"} 1' in lines
    assert 'cachewasm_cache_miss_reasons_total{kind="entry",reason="torn"} 1' in lines
    assert 'cachewasm_cache_store_failures_total{kind="entry",reason="full"} 4' in lines
    assert "cachewasm_cache_saved_seconds_total 1.500" in lines
    assert "cachewasm_cache_waits_total 0" in lines
    assert 'cachewasm_cache_lock_failures_total{reason="untrusted"} 1' in lines
    assert lines[-1] == "cachewasm_cache_size_bytes 4096"
    assert lines.count("# TYPE cachewasm_cache_hits_total counter") == 1
    assert as_prometheus(Statistics({}, None), entries=0, size=0).endswith("size_bytes 0\n")


def test_read_since_counts_records_of_that_time_or_later(directory: str, log: Path) -> None:
    write(log, line(1000, hit=1) + line(2000, hit=2) + line(3000, hit=4) + b"damaged\n")
    found, is_all = statistics.read_since(directory, 2000)
    assert (found.count("hit"), found.since, is_all) == (6, 2000, True)
    assert found.count(statistics.DAMAGED) == 1
    assert statistics.read_since(directory, 4000)[0].count("hit") == 0


def test_read_since_says_whether_records_of_that_time_are_without_their_times(
    directory: str, log: Path
) -> None:
    write(log, line(1000, hit=1))
    # What is put aside is added to the totals the next time.
    assert fold(directory) and statistics.read_since(directory, 500)[1]
    write(log, line(2000, hit=2))
    assert fold(directory)
    found, is_all = statistics.read_since(directory, 500)
    assert (found.count("hit"), is_all) == (2, False)
    assert statistics.read_since(directory, 2500)[1]


def test_reset_begins_anew(directory: str, log: Path) -> None:
    for time in (1000, 2000, 3000):
        write(log, line(time, hit=1))
        assert fold(directory)
    write(log, line(4000, hit=1))
    assert statistics.reset(directory)
    found = read(directory)
    assert found.counts == {} and found.since is not None and found.since > 4000
    assert [path.name for path in log.parent.iterdir()] == ["totals"]
    for _ in range(2):
        write(log, line(found.since + 5, hit=8))
        assert fold(directory)
    assert (read(directory).count("hit"), read(directory).since) == (16, found.since)


def test_reset_cut_short_counts_nothing_that_was_put_aside(
    directory: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, line(1000, hit=1))
    assert fold(directory)

    def fail(path: str) -> bool:
        raise OSError(5, "as if it died here")

    with monkeypatch.context() as patch:
        patch.setattr(publish, "remove", fail)
        assert not statistics.reset(directory)
    assert read(directory).counts == {}


def test_reset_while_somebody_folds_is_refused(store: LocalStore, directory: str) -> None:
    store.record()
    with ByteLock(directory, layout.FOLD_OFFSET), pytest.raises(Busy):
        statistics.reset(directory, turns=[None, None])
    assert read(directory).count("store") == 1
    assert statistics.reset(directory)
