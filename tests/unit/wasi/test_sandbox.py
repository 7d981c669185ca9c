"""Place: where a path leads, and that a race cannot lead it out."""

import os

import pytest

from cachewasm.wasi import errno
from cachewasm.wasi.errno import WasiError
from cachewasm.wasi.sandbox import Place


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def _inode(fd):
    return os.fstat(fd).st_ino


@pytest.mark.parametrize(
    ("path", "directory", "name"),
    [
        (b"x", "root", b"x"),
        (b"a/b/x", "root/a/b", b"x"),
        (b"a//./b/x", "root/a/b", b"x"),
        (b"a/../x", "root", b"x"),
        (b".", "root", b"."),
        (b"a/.", "root/a", b"."),
        (b"a/b/..", "root/a", b"."),
        (b"a/", "root", b"a"),
    ],
)
def test_place_is_directory_and_name(root, tmp_path, path, directory, name):
    with Place(root, path) as place:
        assert place.name == name
        assert _inode(place.dir_fd) == (tmp_path / directory).stat().st_ino
        assert place.wants_directory == path.endswith(b"/")


def test_link_in_the_middle_may_end_in_a_dot(root, tmp_path):
    (tmp_path / "root" / "l").symlink_to("a/.")
    with Place(root, b"l/../x") as place:
        assert _inode(place.dir_fd) == (tmp_path / "root").stat().st_ino
    with pytest.raises(WasiError) as e:
        Place(root, b"l/../../x")
    assert e.value.errno == errno.PERM


def test_directory_moved_out_while_held_does_not_free_the_way_up(root, tmp_path):
    with Place(root, b"a/b/x") as place:
        os.rename(tmp_path / "root" / "a" / "b", tmp_path / "outside" / "b")
        (tmp_path / "outside" / "b" / "x").symlink_to("../secret")
        with pytest.raises(FileNotFoundError):
            place.stat(follow=True)
        assert place.name == b"secret"
        assert _inode(place.dir_fd) == (tmp_path / "root" / "a").stat().st_ino


def test_name_replaced_by_a_link_is_not_followed(root, tmp_path):
    (tmp_path / "root" / "x").write_text("inside")
    with Place(root, b"x") as place:
        (tmp_path / "root" / "x").unlink()
        (tmp_path / "root" / "x").symlink_to(tmp_path / "outside" / "secret")
        with pytest.raises(OSError, match="symbolic links"):
            place.open(os.O_RDONLY, follow=False)
        with pytest.raises(WasiError) as e:
            place.open(os.O_RDONLY, follow=True)
        assert e.value.errno == errno.PERM


def test_failed_walk_closes_what_it_held(root):
    before = os.listdir("/proc/self/fd")
    for path in (b"a/b/../../..", b"a/b/missing/x", b"a/b/../b/../b/../../../x"):
        with pytest.raises((WasiError, OSError)):
            Place(root, path)
    assert os.listdir("/proc/self/fd") == before


def test_follow_what_is_no_link_is_notdir(root):
    with Place(root, b"a") as place, pytest.raises(WasiError) as e:
        place.follow()
    assert e.value.errno == errno.NOTDIR
