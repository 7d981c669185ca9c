"""Acting on what verify has found."""

import os
from pathlib import Path

import pytest

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.byte_lock import ByteLock
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.survey.verify import verify
from cachewasm.cache.upkeep.quarantine import quarantined
from cachewasm.cache.upkeep.repair import DELETE, QUARANTINE, REPAIR, Repair, repair

from .test_prune import leave_temporary_file


def _key(tier: str) -> ArtifactKey:
    return ArtifactKey(bytes(32), bytes(32), "x86-64-v1", tier)


@pytest.fixture
def cache(store: LocalStore, tmp_path: Path) -> Path:
    """A corrupt, a torn, an untrusted and an intact entry, a damaged alias, a leftover."""
    for tier in ("corrupt", "torn", "untrusted", "intact"):
        assert store.put(_key(tier), b"x" * 100, {}) is None
    cache = tmp_path / "cache"
    folder = cache / "entries" / "v1"
    path = folder / _key("corrupt").entry_name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    os.truncate(folder / _key("torn").entry_name, 200)
    (folder / _key("untrusted").entry_name).chmod(0o666)
    alias = AliasKey(bytes(32), bytes(32))
    store.put_alias(alias, bytes(32))
    (cache / "aliases" / "v1" / alias.alias_name).write_bytes(b"torn")
    leave_temporary_file(cache)
    return cache


def _done(cache: Path, action: str, *, dry_run: bool = False) -> list[str]:
    findings = verify(str(cache)).findings
    return _names(repair(str(cache), findings, action, now=7, dry_run=dry_run))


def _names(repairs: list[Repair]) -> list[str]:
    return [f"{each.file.name.rpartition('.')[2]} {each.done}" for each in repairs]


@pytest.mark.parametrize(
    ("action", "expected", "left"),
    [
        (
            *(DELETE, ["corrupt deleted", "torn deleted", f"{'0' * 16} deleted"]),
            {"ok": 1, "untrusted": 1},
        ),
        (
            QUARANTINE,
            ["corrupt quarantined", "torn left", f"{'0' * 16} left"],
            {"ok": 1, "torn": 2, "untrusted": 1},
        ),
        (
            REPAIR,
            [
                *("corrupt quarantined", "torn deleted", f"{'0' * 16} deleted"),
                "0001020304050607 deleted",
            ],
            {"ok": 1, "untrusted": 1},
        ),
    ],
)
def test_repair_does_what_is_asked_for(
    cache: Path, action: str, expected: list[str], left: dict[str, int]
) -> None:
    before = verify(str(cache)).counts
    assert _done(cache, action, dry_run=True) == expected
    assert verify(str(cache)).counts == before
    assert _done(cache, action) == expected
    report = verify(str(cache))
    assert report.counts == left
    assert len(report.leftovers) == (action != REPAIR)
    count = len(quarantined(str(cache)))
    assert count == (action != DELETE)
    assert statistics.read(str(cache)).count("quarantined") == count


@pytest.mark.parametrize("action", [DELETE, QUARANTINE, REPAIR])
def test_repair_entry_replaced_since_it_was_found_stays(
    cache: Path, store: LocalStore, action: str
) -> None:
    findings = verify(str(cache)).findings
    for tier in ("corrupt", "torn"):
        assert store.put(_key(tier), b"x", {}) is None
    repair(str(cache), findings, action, now=7, dry_run=False)
    assert verify(str(cache)).counts["ok"] == 3
    assert not (cache / layout.QUARANTINE).exists()


@pytest.mark.parametrize("action", [DELETE, QUARANTINE, REPAIR])
def test_repair_entry_that_is_being_compiled_is_left(cache: Path, action: str) -> None:
    name = _key("corrupt").entry_name
    findings = verify(str(cache)).findings
    with ByteLock(str(cache), layout.lock_offset(name)) as lock:
        assert lock.is_held
        found = repair(str(cache), findings, action, now=7, dry_run=False)
    assert (_names(found)[0], (cache / layout.ENTRIES / name).exists()) == ("corrupt busy", True)
    assert _done(cache, action)[0] in ("corrupt deleted", "corrupt quarantined")


def test_repair_where_nothing_can_be_locked_goes_on(cache: Path) -> None:
    (cache / layout.LOCKS).unlink(missing_ok=True)
    (cache / layout.LOCKS).mkdir(parents=True)
    assert _done(cache, QUARANTINE)[0] == "corrupt quarantined"


@pytest.mark.parametrize("dry_run", [True, False])
def test_repair_where_nothing_can_be_put_into_quarantine_deletes_and_says_why(
    cache: Path, *, dry_run: bool
) -> None:
    os.mkfifo(cache / layout.QUARANTINE)
    findings = verify(str(cache)).findings
    path = cache / layout.ENTRIES / _key("corrupt").entry_name
    first = repair(str(cache), findings, QUARANTINE, now=7, dry_run=dry_run)[0]
    assert (first.done, first.why) == ("left", "quarantine is not a directory")
    assert path.exists()
    first = repair(str(cache), findings, REPAIR, now=7, dry_run=dry_run)[0]
    assert (first.done, first.why) == ("deleted", "quarantine is not a directory")
    assert path.exists() == dry_run


def test_repair_left_says_what_is_not_put_into_quarantine(cache: Path) -> None:
    found = repair(str(cache), verify(str(cache)).findings, QUARANTINE, now=7, dry_run=False)
    assert [each.why for each in found] == [
        "",
        "what is torn is not put into quarantine",
        "an alias is not put into quarantine",
    ]


def test_repair_torn_entry_that_is_being_compiled_is_left_by_quarantine(cache: Path) -> None:
    findings = verify(str(cache)).findings
    with ByteLock(str(cache), layout.lock_offset(_key("torn").entry_name)) as lock:
        assert lock.is_held
        found = repair(str(cache), findings, QUARANTINE, now=7, dry_run=False)
    assert _names(found)[1] == "torn left"
