"""`cachewasm cache`: what an operator sees of a directory, and what prune leaves of it."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

MONTH = 30 * 86400


@pytest.fixture
def filled(cachewasm: Cachewasm, module: MakeModule, cache_dir: Path) -> list[Path]:
    """A cache of two modules and a support image; the files, by size."""
    for name in ("first", "second"):
        text = f'(module ${name} (func (export "f")))'
        path = module(f"{name}.wasm", text)
        cachewasm("run", "--cache-dir", cache_dir, "--invoke", "f", path)
    files = [path for path in (cache_dir / "entries").rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.stat().st_size)


def test_dir_is_that_of_the_environment(cachewasm: Cachewasm, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "CACHEWASM_DIR"}
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    done = cachewasm("cache", "dir", env=environment)
    assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path}/cachewasm\n")


def test_dir_option_may_be_relative(cachewasm: Cachewasm, tmp_path: Path) -> None:
    done = cachewasm("cache", "dir", "--cache-dir", "here", cwd=tmp_path)
    assert done.stdout.decode() == f"{tmp_path}/here\n"


def test_list_shows_every_entry(cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]) -> None:
    done = cachewasm("cache", "list", "--cache-dir", cache_dir)
    head, *rows = done.stdout.decode().splitlines()
    assert head.split()[:6] == ["MODULE", "DIGEST", "TIER", "ISA", "SIZE", "AGE"]
    assert sorted(row.split()[0] for row in rows) == ["-", "first", "second"]


def test_list_json_has_the_whole_of_it(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    done = cachewasm("cache", "list", "--json", "--sort", "size", "--cache-dir", cache_dir)
    listed = json.loads(done.stdout)
    # Entries may be equally large: then their order is open.
    assert {Path(entry["path"]) for entry in listed} == set(filled)
    assert [entry["size"] for entry in listed] == [path.stat().st_size for path in filled[::-1]]
    assert {entry["problem"] for entry in listed} == {None}
    assert {entry["module"] for entry in listed} == {None, "first", "second"}


def test_list_of_no_directory_is_empty(cachewasm: Cachewasm, cache_dir: Path) -> None:
    done = cachewasm("cache", "list", "--cache-dir", cache_dir)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"cachewasm: %s: there is no cache yet\n" % os.fsencode(cache_dir)
    assert json.loads(cachewasm("cache", "list", "--json", "--cache-dir", cache_dir).stdout) == []
    assert not cache_dir.exists()


def test_verify_sound_cache_is_zero(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    done = cachewasm("cache", "verify", "--cache-dir", cache_dir)
    assert (done.returncode, done.stdout) == (0, b"3 files: 3 ok\n")


def test_verify_exit_code_is_the_sum_of_what_is_wrong(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    torn, untrusted, foreign_version = filled
    torn.write_bytes(torn.read_bytes()[:-1])
    untrusted.chmod(0o666)
    data = bytearray(foreign_version.read_bytes())
    data[8] = 99
    foreign_version.write_bytes(data)
    done = cachewasm("cache", "verify", "--json", "--cache-dir", cache_dir)
    assert done.returncode == 4 + 8 + 32
    assert json.loads(done.stdout)["counts"] == {"torn": 1, "untrusted": 1, "foreign-version": 1}
    text = cachewasm("cache", "verify", "--cache-dir", cache_dir).stdout.decode()
    assert f"{torn}: torn: " in text


def test_verify_finds_one_changed_bit(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    data = bytearray(filled[-1].read_bytes())
    data[len(data) // 2] ^= 1
    filled[-1].write_bytes(data)
    assert cachewasm("cache", "verify", "--cache-dir", cache_dir).returncode == 4


def test_verify_directory_that_others_can_write_is_untrusted(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    cache_dir.chmod(0o777)
    assert cachewasm("cache", "verify", "--cache-dir", cache_dir).returncode == 8


def test_prune_dry_run_removes_nothing(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    done = cachewasm("cache", "prune", "--dry-run", "--max-size", "0", "--cache-dir", cache_dir)
    assert done.returncode == 0
    assert done.stdout.startswith(b"would remove 3 entries and 0 leftovers (")
    assert all(path.exists() for path in filled)


def test_prune_older_than_removes_what_was_not_used(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    old, *young = filled
    then = time.time() - MONTH
    os.utime(old, (then, then))
    done = cachewasm("cache", "prune", "--json", "--older-than", "2w", "--cache-dir", cache_dir)
    report = json.loads(done.stdout)
    assert (done.returncode, report["removed"], report["kept_entries"]) == (0, [str(old)], 2)
    assert not old.exists()
    assert all(path.exists() for path in young)


def test_prune_max_size_removes_the_least_recently_used(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    for age, path in enumerate(filled):
        then = time.time() - 100 * (1 + age)
        os.utime(path, (then, then))
    keep = filled[0].stat().st_size
    done = cachewasm("cache", "prune", "--max-size", str(keep), "--cache-dir", cache_dir)
    assert done.stdout.startswith(b"removed 2 entries and 0 leftovers (")
    assert [path.exists() for path in filled] == [True, False, False]


def test_run_that_stores_cleans_up_and_one_that_hits_does_not(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path, filled: list[Path]
) -> None:
    stamp = cache_dir / "locks" / "cleaned"
    os.utime(stamp, (1000, 1000))
    limits = {
        "CACHEWASM_FILE_COUNT_SOFT_LIMIT": "3",
        "CACHEWASM_FILE_COUNT_LIMIT_PERCENT_IF_DELETING": "50%",
    }
    environment = {**os.environ, **limits}
    hit = module("hit.wasm", '(module $first (func (export "f")))')
    missed = module("missed.wasm", '(module $third (func (export "f")))')
    run = ("run", "--cache-dir", cache_dir, "--invoke", "f")
    assert cachewasm(*run, hit, env=environment).returncode == 0
    assert stamp.stat().st_mtime == 1000
    assert cachewasm(*run, missed, env=environment).returncode == 0
    listed = json.loads(cachewasm("cache", "list", "--json", "--cache-dir", cache_dir).stdout)
    assert [entry["module"] for entry in listed] == ["third"]
    found = json.loads(cachewasm("cache", "stats", "--json", "--cache-dir", cache_dir).stdout)
    assert found["counts"]["evicted"] == 3


@pytest.mark.parametrize("limit", [("--max-size", "many"), ("--older-than", "5")])
def test_prune_wrong_limit_is_wrong_usage(cachewasm: Cachewasm, limit: tuple[str, str]) -> None:
    done = cachewasm("cache", "prune", *limit)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_cache_with_a_relative_directory_in_the_environment_is_refused(
    cachewasm: Cachewasm,
) -> None:
    done = cachewasm("cache", "dir", env={**os.environ, "CACHEWASM_DIR": "relative"})
    assert done.returncode == 1
    assert b"CACHEWASM_DIR: Cache directory path has to be absolute" in done.stderr


def test_stats_tell_what_all_processes_have_counted(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path, filled: list[Path]
) -> None:
    path = module("again.wasm", '(module $first (func (export "f")))')
    cachewasm("run", "--cache-dir", cache_dir, "--invoke", "f", path)
    done = cachewasm("cache", "stats", "--json", "--cache-dir", cache_dir)
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert (found["entries"], found["bytes"]) == (3, sum(path.stat().st_size for path in filled))
    assert found["counts"]["store"] == 3
    assert found["counts"]["statistics.records"] == 3
    # The second module found the support image, the third run all of its own.
    assert (found["hits"], found["misses"], found["hit_rate"]) == (3, 3, 0.5)
    assert found["saved_seconds"] >= 0


def test_stats_for_people_and_for_prometheus(
    cachewasm: Cachewasm, cache_dir: Path, filled: list[Path]
) -> None:
    done = cachewasm("cache", "stats", "--cache-dir", cache_dir)
    assert "hit rate: 25.0%" in done.stdout.decode().splitlines()
    done = cachewasm("cache", "stats", "--prometheus", "--cache-dir", cache_dir)
    lines = done.stdout.decode().splitlines()
    assert 'cachewasm_cache_stores_total{kind="entry"} 3' in lines
    assert 'cachewasm_cache_misses_total{kind="entry"} 3' in lines
    assert "cachewasm_cache_entries 3" in lines
    done = cachewasm("cache", "stats", "--prometheus", "--json", "--cache-dir", cache_dir)
    assert (done.returncode, done.stdout) == (2, b"")


def test_stats_of_no_directory_are_none(cachewasm: Cachewasm, cache_dir: Path) -> None:
    done = cachewasm("cache", "stats", "--json", "--cache-dir", cache_dir)
    found = json.loads(done.stdout)
    assert (found["hits"], found["misses"], found["hit_rate"], found["since"]) == (0, 0, None, None)
    assert not cache_dir.exists()
