"""`cachewasm cache lock`, `export` and `import`: from one directory to another, by a lock file or not."""

import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

ANSWER = '(module $answer (func (export "f") (result i32) (i32.const 42)))'
OTHER = '(module $other (func (export "g")))'


class Files:
    """The paths of a test; `folder` has a binary and a text."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "modules"
        self.cache = root / "cache"
        self.target = root / "target"
        self.lock = root / "app.lock"
        self.bundle = root / "app.bundle"
        self.folder.mkdir()


@pytest.fixture
def files(tmp_path: Path, module: MakeModule) -> Files:
    found = Files(tmp_path)
    module("modules/answer.wasm", ANSWER)
    (found.folder / "other.wat").write_text(OTHER)
    return found


@pytest.fixture
def locked(cachewasm: Cachewasm, files: Files) -> Files:
    """The modules are in the cache, with a lock file, and one more module that is not in it."""
    done = cachewasm(
        *("cache", "lock", "--warm", "-o", files.lock, "--cache-dir", files.cache),
        files.folder.relative_to(files.folder.parent),
        cwd=files.folder.parent,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    more = files.folder.parent / "more.wat"
    more.write_text('(module (func (export "h")))')
    assert cachewasm("cache", "warm", "--cache-dir", files.cache, more).returncode == 0
    return files


def test_lock_without_the_entries_is_an_error_that_helps(
    cachewasm: Cachewasm, files: Files
) -> None:
    command = ("cache", "lock", "-o", files.lock, "--cache-dir", files.cache)
    done = cachewasm(*command, files.folder)
    assert (done.returncode, files.lock.exists()) == (1, False)
    assert b"answer.wasm: not in the cache for " in done.stderr
    assert b"cachewasm cache warm" in done.stderr


def test_lock_is_the_same_each_time(cachewasm: Cachewasm, locked: Files) -> None:
    text = locked.lock.read_text()
    assert 'module = "modules/other.wat"\n' in text
    assert text.count("[[artifact]]") == 3
    done = cachewasm(
        *("cache", "lock", "--json", "-o", "again.lock", "--cache-dir", locked.cache),
        *("modules/other.wat", "modules/answer.wasm", "modules"),
        cwd=locked.folder.parent,
    )
    assert (locked.folder.parent / "again.lock").read_text() == text
    assert len(json.loads(done.stdout)["artifacts"]) == 3


def test_lock_of_a_module_that_is_wrong_writes_nothing(cachewasm: Cachewasm, files: Files) -> None:
    (files.folder / "wrong.wat").write_text("(module (")
    command = ("cache", "lock", "--warm", "-o", files.lock, "--cache-dir", files.cache)
    done = cachewasm(*command, files.folder)
    assert (done.returncode, files.lock.exists()) == (1, False)
    assert b"wrong.wat: " in done.stderr


def test_bundle_for_a_lock_file_is_all_that_running_needs(
    cachewasm: Cachewasm, locked: Files
) -> None:
    place = ("--cache-dir", locked.cache)
    done = cachewasm("cache", "export", "--json", "--for", locked.lock, *place, locked.bundle)
    report = json.loads(done.stdout)
    assert (report["entries"], report["aliases"], report["left_out"]) == (3, 1, [])
    with tarfile.open(locked.bundle) as bundle:
        assert len(bundle.getnames()) == 5
    target = ("--cache-dir", locked.target)
    done = cachewasm("cache", "import", "--lock", locked.lock, *target, locked.bundle)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"imported 4 of 4 (")
    assert cachewasm("cache", "verify", "--lock", locked.lock, *target).returncode == 0
    for name, export, printed in (("answer.wasm", "f", b"42\n"), ("other.wat", "g", b"")):
        run = cachewasm("run", *target, "--invoke", export, locked.folder / name)
        assert run.stdout == printed
    counts = json.loads(cachewasm("cache", "stats", "--json", *target).stdout)
    assert (counts["hits"], counts["misses"]) == (4, 0)
    again = cachewasm("cache", "import", "--json", *target, locked.bundle)
    assert json.loads(again.stdout)["counts"]["present"] == 4


def test_import_with_a_lock_leaves_out_the_rest(cachewasm: Cachewasm, locked: Files) -> None:
    cachewasm("cache", "export", "--all", "--cache-dir", locked.cache, locked.bundle)
    command = ("cache", "import", "--json", "--lock", locked.lock, "--cache-dir", locked.target)
    report = json.loads(cachewasm(*command, "--dry-run", locked.bundle).stdout)
    assert report["counts"]["imported"] == 4
    assert not locked.target.exists()
    report = json.loads(cachewasm(*command, locked.bundle).stdout)
    assert (report["counts"]["imported"], report["counts"]["unlisted"]) == (4, 2)
    assert report["missing"] == []


def test_import_that_leaves_the_lock_unsatisfied_fails(cachewasm: Cachewasm, locked: Files) -> None:
    module = locked.folder / "answer.wasm"
    place = ("--cache-dir", locked.cache)
    done = cachewasm("cache", "export", "--module", module, *place, locked.bundle)
    assert done.stdout.decode().startswith(f"{locked.bundle}: 2 entries and 0 aliases (")
    target = ("--cache-dir", locked.target)
    with locked.bundle.open("rb") as stream:
        done = cachewasm("cache", "import", "--lock", locked.lock, *target, "-", stdin=stream)
    assert done.returncode == 1
    assert done.stderr.startswith(b"missing: modules/other.wat: ")
    done = cachewasm("cache", "verify", "--json", "--lock", locked.lock, *target)
    report = json.loads(done.stdout)
    assert (done.returncode, report["artifacts"]) == (1, 3)
    assert [problem["module"] for problem in report["problems"]] == ["modules/other.wat"]


def test_export_for_a_lock_that_the_cache_does_not_satisfy_writes_nothing(
    cachewasm: Cachewasm, locked: Files
) -> None:
    command = ("cache", "export", "--for", locked.lock, "--cache-dir", locked.target)
    done = cachewasm(*command, locked.bundle)
    assert done.returncode == 1
    assert done.stderr.decode().endswith(": absent: no entry (and 2 more)\n")
    assert not locked.bundle.exists()


def test_export_by_the_beginning_of_a_name(cachewasm: Cachewasm, locked: Files) -> None:
    place = ("--cache-dir", locked.cache)
    listed = json.loads(cachewasm("cache", "list", "--json", *place).stdout)
    digest = next(entry["digest"] for entry in listed if entry["module"] == "answer")
    done = cachewasm("cache", "export", *place, locked.bundle, digest[:12])
    assert b"1 entry and 0 aliases" in done.stdout
    done = cachewasm("cache", "export", *place, locked.bundle, "zzzz")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_export_and_import_through_a_pipe(cachewasm: Cachewasm, locked: Files) -> None:
    exported = cachewasm("cache", "export", "--all", "--cache-dir", locked.cache, "-")
    assert exported.returncode == 0
    assert exported.stderr.startswith(b"-: 4 entries and 2 aliases (")
    done = cachewasm("cache", "import", "--cache-dir", locked.target, "-", input=exported.stdout)
    assert done.stdout.startswith(b"imported 6 of 6 (")
    both = cachewasm("cache", "export", "--all", "--json", "--cache-dir", locked.cache, "-")
    assert (both.returncode, both.stdout) == (2, b"")


def test_export_leaves_out_what_is_damaged_and_says_so(cachewasm: Cachewasm, locked: Files) -> None:
    path = next(path for path in (locked.cache / "entries").rglob("*.support"))
    path.write_bytes(path.read_bytes()[:-1])
    done = cachewasm("cache", "export", "--all", "--cache-dir", locked.cache, locked.bundle)
    assert done.returncode == 1
    assert done.stderr.startswith(b"left out: ")
    assert b": torn: " in done.stderr
    imported = cachewasm("cache", "import", "--cache-dir", locked.target, locked.bundle)
    assert imported.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [(), ("--all", "--for", "app.lock"), ("--all", "0011"), ("--for", "l", "--module", "m")],
)
def test_export_takes_one_way_of_saying_what(
    cachewasm: Cachewasm, cache_dir: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = cachewasm("cache", "export", "--cache-dir", cache_dir, tmp_path / "b", *arguments)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_import_of_what_is_no_bundle_is_one_line(cachewasm: Cachewasm, files: Files) -> None:
    files.bundle.write_bytes(b"PK\3\4 something else")
    done = cachewasm("cache", "import", "--cache-dir", files.cache, files.bundle)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert str(files.bundle).encode() in done.stderr
    assert not files.cache.exists()


def test_import_of_a_bundle_that_is_cut_keeps_what_was_whole(
    cachewasm: Cachewasm, locked: Files
) -> None:
    cachewasm("cache", "export", "--all", "--cache-dir", locked.cache, locked.bundle)
    locked.bundle.write_bytes(locked.bundle.read_bytes()[:-2048])
    done = cachewasm("cache", "import", "--cache-dir", locked.target, locked.bundle)
    assert done.returncode == 1
    assert b"the bundle ends" in done.stderr
    assert cachewasm("cache", "verify", "--cache-dir", locked.target).returncode == 0


@pytest.mark.parametrize("content", [b"", b"(module)", b"cachewasm bundle 1\n" * 100])
def test_import_of_no_bundle_says_so(
    cachewasm: Cachewasm, files: Files, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    done = cachewasm("cache", "import", tmp_path / "file", "--cache-dir", files.cache)
    assert (done.returncode, done.stdout) == (1, b"")
    said = f"cachewasm: {tmp_path / 'file'}: this is no bundle (at offset 0)\n"
    assert done.stderr.decode() == said


def test_import_of_part_of_a_bundle_says_where_it_ends(
    cachewasm: Cachewasm, files: Files, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"cachewasm-bu")
    done = cachewasm("cache", "import", tmp_path / "file", "--cache-dir", files.cache)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"the bundle ends 500 bytes too early" in done.stderr


def test_export_to_a_fifo_leaves_it_there(
    cachewasm: Cachewasm, locked: Files, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen(["cat", tmp_path / "fifo"], stdout=subprocess.PIPE) as reader:
        done = cachewasm("cache", "export", tmp_path / "fifo", "--all", "--cache-dir", locked.cache)
        content, _ = reader.communicate()
    assert (done.returncode, (tmp_path / "fifo").is_fifo()) == (0, True)
    assert content[:16] == b"cachewasm-bundle"


def test_lock_to_standard_output_is_the_lock_file_alone(
    cachewasm: Cachewasm, locked: Files, tmp_path: Path
) -> None:
    command = ("cache", "lock", "modules", "--cache-dir", locked.cache, "-o", "-")
    done = cachewasm(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, locked.lock.read_bytes())
    assert done.stderr == b"-: 3 artifacts of 2 modules\n"
    assert not (tmp_path / "-").exists()
    assert cachewasm(*command, "--json", cwd=tmp_path).returncode == 2
