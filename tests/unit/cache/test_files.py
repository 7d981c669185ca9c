"""The file-system calls, on real files."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachewasm.cache import file_locks, files, layout, publish
from cachewasm.cache.reasons import TORN, EntryError
from cachewasm.cache.trust import Rules


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("sync", [False, True])
def test_write_atomic_replaces_and_leaves_no_temporary(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "entry"
    path.write_bytes(b"old")
    publish.write_atomic(str(tmp_path / "t"), str(path), b"new", sync=sync)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["entry"]


def test_write_atomic_file_is_private(tmp_path: Path) -> None:
    publish.write_atomic(str(tmp_path / "t"), str(tmp_path / "entry"), b"x", sync=False)
    assert _mode(tmp_path / "entry") & 0o177 == 0


def test_write_atomic_failed_rename_removes_the_temporary(tmp_path: Path) -> None:
    (tmp_path / "entry" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        publish.write_atomic(str(tmp_path / "t"), str(tmp_path / "entry"), b"x", sync=False)
    assert os.listdir(tmp_path) == ["entry"]


def test_write_atomic_existing_temporary_is_not_touched(tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.write_bytes(b"of another writer")
    with pytest.raises(FileExistsError):
        publish.write_atomic(str(temporary), str(tmp_path / "entry"), b"x", sync=False)
    assert temporary.read_bytes() == b"of another writer"


def test_write_atomic_symbolic_link_is_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "entry").symlink_to(target)
    publish.write_atomic(str(tmp_path / "t"), str(tmp_path / "entry"), b"new", sync=False)
    assert target.read_bytes() == b"precious"
    assert (tmp_path / "entry").read_bytes() == b"new"


def test_make_directory_makes_all_that_is_missing_privately(tmp_path: Path) -> None:
    assert publish.make_directory(str(tmp_path / "a" / "b" / "c"))
    for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        assert _mode(path) & 0o077 == 0


@pytest.fixture
def no_umask() -> Iterator[None]:
    """What is made has just the mode that was asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_files_and_directories_have_the_mode_of_the_rules(
    tmp_path: Path, no_umask: None, mode: int
) -> None:
    rules = Rules((os.geteuid(),), file_mode=mode)
    root = tmp_path / "above" / "cache"
    publish.make_cache_directory(str(root), rules)
    publish.make_directory_inside(str(root / "a" / "b"), rules)
    publish.write_atomic(str(root / "t"), str(root / "entry"), b"x", sync=False, mode=mode)
    files.append(str(root / "stats" / "log"), b"x", max_size=10, rules=rules)
    os.close(file_locks.open_lock_file(str(root / "lock"), rules))
    for path in (root, root / "a", root / "a" / "b", root / "stats"):
        assert _mode(path) == rules.directory_mode
    for name in ("entry", "stats/log", "lock", layout.TAG):
        assert _mode(root / name) == mode
    # Not a part of the cache: whoever shares the cache need not share what is beside it.
    assert _mode(root.parent) == 0o700


def test_files_and_directories_honour_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        publish.make_directory_inside(str(tmp_path / "a"), Rules(file_mode=0o664))
        path = tmp_path / "entry"
        publish.write_atomic(str(tmp_path / "t"), str(path), b"x", sync=False, mode=0o664)
    finally:
        os.umask(before)
    assert (_mode(tmp_path / "a"), _mode(path)) == (0o750, 0o640)


def test_directories_keep_the_group_of_one_that_hands_it_on(tmp_path: Path) -> None:
    # Root may name any group, everybody else their own ones.
    group = 4242 if os.geteuid() == 0 else os.getgroups()[-1]
    root = tmp_path / "cache"
    root.mkdir()
    os.chown(root, -1, group)
    root.chmod(0o2770)
    rules = Rules(file_mode=0o660)
    publish.make_cache_directory(str(root), rules)
    publish.make_directory_inside(str(root / "a" / "b"), rules)
    publish.write_atomic(str(root / "a" / "t"), str(root / "a" / "e"), b"x", sync=False, mode=0o660)
    assert stat.S_IMODE((root / "a" / "b").stat().st_mode) & stat.S_ISGID
    assert {path.stat().st_gid for path in root.rglob("*")} == {group}


def test_write_new_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "key"
    publish.write_new(str(path), b"old", mode=0o600)
    with pytest.raises(FileExistsError):
        publish.write_new(str(path), b"new", mode=0o600)
    assert (path.read_bytes(), _mode(path)) == (b"old", 0o600)


def test_make_directory_existing_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert not publish.make_directory(str(tmp_path))
    assert _mode(tmp_path) == 0o755


def test_make_cache_directory_tags_a_new_directory(tmp_path: Path) -> None:
    publish.make_cache_directory(str(tmp_path / "new"))
    assert (tmp_path / "new" / layout.TAG).read_bytes() == layout.TAG_CONTENT


def test_make_cache_directory_tags_an_empty_directory(tmp_path: Path) -> None:
    publish.make_cache_directory(str(tmp_path))
    assert os.listdir(tmp_path) == [layout.TAG]


@pytest.mark.parametrize("names", [("entries",), ("lost+found",), ("stats", "tmp", "locks")])
def test_make_cache_directory_tags_what_holds_our_folders_only(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    publish.make_cache_directory(str(tmp_path))
    assert (tmp_path / layout.TAG).read_bytes() == layout.TAG_CONTENT


@pytest.mark.parametrize("name", ["thesis.txt", layout.TAG])
def test_make_cache_directory_refuses_what_holds_other_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / name).write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n# of pip\n")
    with pytest.raises(EntryError, match=r"holds other files and no CACHEDIR\.TAG") as caught:
        publish.make_cache_directory(str(tmp_path))
    assert caught.value.reason == "unwritable"
    assert sorted(os.listdir(tmp_path)) == sorted(["entries", name])


@pytest.mark.parametrize("written", [0, 50, len(layout.TAG_CONTENT)])
def test_make_cache_directory_whose_tag_is_being_written_leaves_it(
    tmp_path: Path, written: int
) -> None:
    (tmp_path / layout.TAG).write_bytes(layout.TAG_CONTENT[:written])
    publish.make_cache_directory(str(tmp_path))
    assert (tmp_path / layout.TAG).read_bytes() == layout.TAG_CONTENT[:written]


def test_make_cache_directory_with_our_tag_may_hold_other_files(tmp_path: Path) -> None:
    publish.make_cache_directory(str(tmp_path))
    (tmp_path / "notes.txt").touch()
    publish.make_cache_directory(str(tmp_path))
    assert publish.check_ours(str(tmp_path))


def test_entry_file_read_beyond_its_end_is_torn(tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(b"1234")
    with files.EntryFile(str(tmp_path / "entry"), 100) as file:
        assert file.read(1, 3) == b"234"
        with pytest.raises(EntryError) as caught:
            file.read(1, 4)
    assert caught.value.reason == TORN


def test_entry_file_refused_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.write_bytes(b"1234")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(EntryError):
        files.EntryFile(str(path), 3)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("age", [-7200, 7200])
def test_touch_old_or_future_time_is_renewed(tmp_path: Path, age: int) -> None:
    path = tmp_path / "entry"
    path.touch()
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    files.touch_if_old(str(path), path.stat().st_mtime)
    assert abs(path.stat().st_mtime - now) < 600


def test_touch_recent_time_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.touch()
    recent = path.stat().st_mtime - 1800
    os.utime(path, (recent, recent))
    files.touch_if_old(str(path), path.stat().st_mtime)
    assert path.stat().st_mtime == pytest.approx(recent)


def test_touch_missing_file_is_ignored(tmp_path: Path) -> None:
    files.touch_if_old(str(tmp_path / "gone"), 0.0)


def test_directory_state_resolves_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    state = files.DirectoryState(str(tmp_path / "link"))
    assert (state.path, state.exists, state.problem) == (str(tmp_path / "real"), True, None)


def test_directory_state_missing_directory_has_only_its_parents(tmp_path: Path) -> None:
    state = files.DirectoryState(str(tmp_path / "a" / "b"))
    assert (state.exists, state.problem) == (False, None)


def test_directory_state_below_a_writable_directory_has_a_problem(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    state = files.DirectoryState(str(tmp_path / "open" / "cache"))
    assert state.problem is not None
    assert state.problem.startswith(f"{tmp_path / 'open'}: others can write to it")
