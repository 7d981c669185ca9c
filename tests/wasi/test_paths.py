"""What paths may name, and what they must not reach."""

import gc
import os
import socket

import pytest

EXIST, ILSEQ, INVAL, ISDIR, LOOP, NAMETOOLONG, NOENT, NOTDIR = 20, 25, 28, 31, 32, 37, 44, 54
NOTEMPTY, PERM, BUSY, BADF = 55, 63, 10, 8
OUT, PATH, BUFFER = 8, 1024, 16384
READ, WRITE, BOTH = 1 << 1, 1 << 6, 1 << 1 | 1 << 6
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8

OUTSIDE = [
    "/",
    "/etc/passwd",
    "..",
    "../secret",
    "../tree/f",
    "sub/../../secret",
    "sub/deep/../../../secret",
    "./..",
    "absolute",
    "climbing",
    "sneaky",
    "up",
    "up/secret",
    "up/tree/f",
    "absolute/x",
    "to_dir/../../secret",
    "to_dot/../../secret",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_path_open_outside_is_perm(start, preopen, path):
    g = start(preopen)
    assert g.try_open(path) == PERM
    assert g.try_open(path, oflags=DIRECTORY) == PERM
    assert g.try_stat(path) == PERM


@pytest.mark.parametrize("path", OUTSIDE)
def test_path_open_outside_creates_nothing(start, preopen, tree, path):
    before = sorted(os.listdir(tree.parent))
    assert start(preopen).try_open(path, oflags=CREAT | TRUNC, rights=BOTH) == PERM
    assert (tree.parent / "secret").read_bytes() == b"secret"
    assert sorted(os.listdir(tree.parent)) == before


@pytest.mark.parametrize("path", ["..", "../x", "/x", "up/x", "sub/../../x"])
@pytest.mark.parametrize(
    "name", ["path_create_directory", "path_remove_directory", "path_unlink_file"]
)
def test_change_outside_is_perm(start, preopen, name, path):
    assert start(preopen).path(name, 3, path) == PERM


@pytest.mark.parametrize(("old", "new"), [("f", "../f"), ("../secret", "x"), ("f", "up/x")])
def test_rename_and_link_outside_are_perm(start, preopen, tree, old, new):
    g = start(preopen)
    assert g.two_paths("path_rename", old, new) == PERM
    assert g.two_paths("path_link", old, new) == PERM
    assert sorted(os.listdir(tree.parent)) == ["secret", "tree"]


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("", NOENT),
        ("nowhere", NOENT),
        ("nowhere/x", NOENT),
        ("dangling", NOENT),
        ("f/x", NOTDIR),
        ("f/", NOTDIR),
        ("to_file/", NOTDIR),
        ("loop", LOOP),
        ("loop/x", LOOP),
        ("ping", LOOP),
        ("x" * 300, NAMETOOLONG),
        ("a/" * 2500, NAMETOOLONG),
        ("a\0b", INVAL),
        (b"\xff\xfe", ILSEQ),
    ],
)
def test_path_open_unusable_path_fails(start, preopen, path, errno):
    g = start(preopen)
    assert g.try_open(path) == errno
    assert g.try_stat(path) == errno


@pytest.mark.parametrize(
    "path",
    [
        "f",
        "./f",
        "to_file",
        "sub/../f",
        "to_dir/../f",
        "to_dot/../f",
        "sub/deep/../../f",
        "sub//../f",
    ],
)
def test_path_open_paths_that_stay_inside_reach_the_file(start, preopen, path):
    g = start(preopen)
    assert g.read(g.open(path), 20) == b"hello world"


@pytest.mark.parametrize(
    "path", [".", "sub", "sub/", "to_dir", "to_dir/", "to_dot", "sub/.", "sub/deep/..", "sub/.."]
)
def test_path_open_directories_are_directories(start, preopen, path):
    g = start(preopen)
    for oflags in (0, DIRECTORY):
        assert g.fdstat(g.open(path, oflags=oflags))[0] == 3


@pytest.mark.parametrize("path", ["to_file", "to_dir", "dangling", "absolute", "loop"])
def test_path_open_link_not_to_be_followed_is_loop(start, preopen, path):
    assert start(preopen).try_open(path, lookup=0) == LOOP


def test_path_open_chain_of_links_is_bounded(start, preopen, tree):
    (tree / "l0").symlink_to("f")
    for i in range(50):
        (tree / f"l{i + 1}").symlink_to(f"l{i}")
    g = start(preopen)
    assert g.read(g.open("l20"), 5) == b"hello"
    assert g.try_open("l50") == LOOP


def test_path_open_deep_path_is_bounded(start_ours, preopen, tree):
    os.makedirs(tree / "/".join(["d"] * 300))
    g = start_ours(preopen)
    g.open("/".join(["d"] * 200))
    assert g.try_open("/".join(["d"] * 300)) == NAMETOOLONG


@pytest.mark.parametrize(
    ("path", "options", "errno"),
    [
        ("f", {"oflags": DIRECTORY}, NOTDIR),
        ("f", {"oflags": CREAT | EXCL, "rights": BOTH}, EXIST),
        ("dangling", {"oflags": CREAT | EXCL, "rights": BOTH}, EXIST),
        ("sub", {"rights": WRITE}, ISDIR),
        ("sub", {"rights": BOTH, "oflags": DIRECTORY}, ISDIR),
        ("f", {"oflags": CREAT | DIRECTORY, "rights": BOTH}, INVAL),
        ("f", {"oflags": TRUNC | DIRECTORY, "rights": BOTH}, INVAL),
        ("f", {"dirfd": 1}, BADF),
        ("f", {"dirfd": 99}, BADF),
    ],
)
def test_path_open_refused_by_flags(start, preopen, path, options, errno):
    if options.get("dirfd") == 1:
        errno = start(preopen).try_open(path, dirfd=1)
        assert errno in (BADF, NOTDIR)
    else:
        assert start(preopen).try_open(path, **options) == errno


def test_path_open_creat_trunc_and_existing(start, preopen, tree):
    g = start(preopen)
    g.write(g.open("new", oflags=CREAT, rights=BOTH), b"data")
    assert g.read(g.open("new", oflags=CREAT), 9) == b"data"
    g.open("new", oflags=TRUNC, rights=BOTH)
    assert (tree / "new").read_bytes() == b""
    assert (tree / "new").stat().st_mode & 0o111 == 0


def test_path_open_creat_through_dangling_link_creates_the_target(start, preopen, tree):
    start(preopen).open("dangling", oflags=CREAT, rights=BOTH)
    assert (tree / "nowhere").exists()


def test_path_open_creat_with_slash_is_isdir(start_ours, preopen):
    assert start_ours(preopen).try_open("new/", oflags=CREAT, rights=BOTH) == ISDIR


def test_path_open_below_opened_directory_cannot_climb(start, preopen):
    g = start(preopen)
    sub = g.open("sub", oflags=DIRECTORY)
    g.open("deep", dirfd=sub)
    assert g.try_open("../f", dirfd=sub) == PERM


def test_path_open_moved_directory_cannot_climb(start_ours, preopen, tree):
    g = start_ours(preopen)
    deep = g.open("sub/deep", oflags=DIRECTORY)
    os.rename(tree / "sub" / "deep", tree.parent / "moved")
    assert g.try_open("../secret", dirfd=deep) == PERM
    (tree.parent / "moved" / "inner").mkdir()
    assert g.try_open("inner/../../secret", dirfd=deep) == PERM


def test_path_open_proc_magic_links_are_not_followed(start_ours):
    g = start_ours(lambda config: config.preopen_dir("/proc/self", "."))
    assert g.try_open("root/etc") == PERM
    assert g.try_open("cwd") == PERM
    assert g.try_open("fd/0") != 0


def test_path_open_socket_fails(start_ours, preopen, tree):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tree / "s"))
        g = start_ours(preopen)
        assert g.try_open("s") == 60
        assert g.stat("s")[2] == 6


def test_path_open_leaves_no_host_descriptor_behind(start_ours, preopen):
    g = start_ours(preopen)
    gc.collect()  # descriptors that earlier tests dropped
    before = sorted(os.listdir("/proc/self/fd"))
    for path in [*OUTSIDE, "sub/deep/x", "loop/x", "to_dir/deep/../../f"]:
        if g.try_open(path) == 0:
            assert g.call("fd_close", g.u32()) == 0
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_path_filestat_get_slash_wants_a_directory(start_ours, preopen):
    g = start_ours(preopen)
    assert g.try_stat("f/", lookup=0) == NOTDIR
    assert g.try_stat("to_dir/", lookup=0) == 0


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("new", 0),
        ("new/", 0),
        ("to_dir/new", 0),
        ("sub", EXIST),
        (".", EXIST),
        ("dangling", EXIST),
        ("", NOENT),
        ("nowhere/x", NOENT),
        ("f/x", NOTDIR),
    ],
)
def test_path_create_directory(start, preopen, path, errno):
    assert start(preopen).path("path_create_directory", 3, path) == errno


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("sub/deep", 0),
        ("to_dir/deep", 0),
        ("sub", NOTEMPTY),
        ("f", NOTDIR),
        ("to_dir", NOTDIR),
        ("nowhere", NOENT),
        (".", INVAL),
        ("sub/.", INVAL),
    ],
)
def test_path_remove_directory(start, preopen, path, errno):
    assert start(preopen).path("path_remove_directory", 3, path) == errno


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("f", 0),
        ("dangling", 0),
        ("absolute", 0),
        ("sub/../to_file", 0),
        ("f/", NOTDIR),
        ("sub", ISDIR),
        ("sub/", ISDIR),
        ("to_dir/", ISDIR),
        (".", ISDIR),
        ("nowhere", NOENT),
    ],
)
def test_path_unlink_file(start, preopen, tree, path, errno):
    assert start(preopen).path("path_unlink_file", 3, path) == errno
    assert (tree.parent / "secret").exists()


@pytest.mark.parametrize(
    ("old", "new", "errno"),
    [
        ("f", "g", 0),
        ("f", "sub/g", 0),
        ("f", "to_file", 0),
        ("sub/", "other/", 0),
        ("absolute", "still_a_link", 0),
        ("nowhere", "g", NOENT),
        ("f", "", NOENT),
        ("", "g", NOENT),
        ("sub", "f", NOTDIR),
        ("f", "sub", ISDIR),
        ("f/", "g", NOTDIR),
        ("sub", "sub/deep/x", INVAL),
        (".", "g", BUSY),
    ],
)
def test_path_rename(start, preopen, old, new, errno):
    assert start(preopen).two_paths("path_rename", old, new) == errno


def test_path_link_and_symlink_make_entries(start, preopen, tree):
    g = start(preopen)
    assert g.two_paths("path_link", "f", "hard") == 0
    assert (tree / "hard").stat().st_nlink == 2
    assert g.two_paths("path_link", "f", "hard") == EXIST
    assert g.two_paths("path_link", "absolute", "hard2") == 0
    assert (tree / "hard2").is_symlink()
    assert g.two_paths("path_symlink", "f", "soft") == 0
    assert os.readlink(tree / "soft") == "f"
    assert g.two_paths("path_symlink", "/etc", "soft2") == PERM
    assert g.two_paths("path_symlink", "../secret", "soft3") == 0
    assert g.try_open("soft3") == PERM


@pytest.mark.parametrize(
    ("path", "size", "expected"),
    [("to_file", 9, b"f"), ("climbing", 9, b"../secret"), ("climbing", 4, b"../s"), ("up", 0, b"")],
)
def test_path_readlink_cuts_to_the_buffer(start, preopen, path, size, expected):
    g = start(preopen)
    assert g.path("path_readlink", 3, path, BUFFER, size, OUT) == 0
    assert g.peek(BUFFER, g.u32()) == expected


@pytest.mark.parametrize(
    ("path", "errno"), [("f", INVAL), ("sub", INVAL), ("nowhere", NOENT), ("absolute", PERM)]
)
def test_path_readlink_without_readable_link_fails(start, preopen, path, errno):
    assert start(preopen).path("path_readlink", 3, path, BUFFER, 99, OUT) == errno


@pytest.mark.parametrize(("ptr", "length"), [((2 << 16) - 2, 4), (-1, 4), (-4, 4)])
def test_path_outside_memory_is_fault(start_ours, preopen, ptr, length):
    assert start_ours(preopen).call("path_create_directory", 3, ptr, length) == 21


def test_path_length_beyond_any_path_is_nametoolong(start_ours, preopen):
    assert start_ours(preopen).call("path_create_directory", 3, 0, -1) == NAMETOOLONG


def test_fd_readdir_lists_every_entry_once(start, preopen, tree):
    g = start(preopen)
    entries = g.readdir(3)
    assert [name for _, name, _ in entries[:2]] == [b".", b".."]
    types = {name: filetype for _, name, filetype in entries}
    assert set(types) == {b".", b"..", *(os.fsencode(n) for n in os.listdir(tree))}
    assert (types[b"f"], types[b"sub"], types[b"to_dir"]) == (4, 3, 7)
    assert [cookie for cookie, _, _ in entries] == list(range(1, len(entries) + 1))


def test_fd_readdir_small_buffers_continue_at_the_cookie(start, preopen, tree):
    g = start(preopen)
    whole = g.readdir(3)
    parts, cookie = [], 0
    while part := g.readdir(3, size=60, cookie=cookie):
        parts += part
        cookie = part[-1][0]
    assert parts == whole


def test_fd_readdir_cut_entry_fills_the_buffer(start_ours, preopen):
    g = start_ours(preopen)
    assert g.call("fd_readdir", 3, BUFFER, 30, 0, OUT) == 0
    assert g.u32() == 30
    assert g.call("fd_readdir", 3, BUFFER, 10, 0, OUT) == 0
    assert g.u32() == 10


def test_fd_readdir_cookies_hold_while_entries_vanish(start_ours, preopen, tree):
    g = start_ours(preopen)
    whole = g.readdir(3)
    (tree / "f").unlink()
    assert g.readdir(3, cookie=3) == whole[3:]
    assert b"f" not in [name for _, name, _ in g.readdir(3)]


def test_fd_readdir_cookie_beyond_the_end_is_empty(start_ours, preopen):
    g = start_ours(preopen)
    assert g.readdir(3, cookie=99) == []
    assert g.readdir(3, cookie=-1) == []


def test_fd_readdir_opened_directory_and_file(start, preopen):
    g = start(preopen)
    sub = g.open("sub", oflags=DIRECTORY)
    assert [name for _, name, _ in g.readdir(sub)] == [b".", b"..", b"deep"]
    assert g.call("fd_readdir", g.open("f"), BUFFER, 99, 0, OUT) in (BADF, NOTDIR)


def test_fd_readdir_buffer_outside_memory_is_fault(start_ours, preopen):
    g = start_ours(preopen)
    assert g.call("fd_readdir", 3, (2 << 16) - 10, 11, 0, OUT) == 21
    assert g.call("fd_readdir", 3, 0, -1, 0, OUT) == 21


def _restricted(start, tree, dir_perms, file_perms):
    def configure(config):
        perms = {}
        if type(config).__module__.startswith("wasmtime"):
            import wasmtime

            perms["dir_perms"] = wasmtime.DirPerms(dir_perms)
            perms["file_perms"] = wasmtime.FilePerms(file_perms)
        else:
            perms["dir_perms"], perms["file_perms"] = dir_perms, file_perms
        config.preopen_dir(str(tree), ".", **perms)

    return start(configure)


@pytest.mark.parametrize(("dir_perms", "file_perms"), [(1, 3), (1, 1)])
def test_read_only_directory_cannot_be_changed(start, tree, dir_perms, file_perms):
    g = _restricted(start, tree, dir_perms, file_perms)
    before = sorted(os.listdir(tree))
    assert g.read(g.open("f"), 5) == b"hello"
    assert g.readdir(3)
    assert g.try_open("f", rights=WRITE) == PERM
    assert g.try_open("new", oflags=CREAT) == PERM
    assert g.try_open("f", oflags=TRUNC, rights=BOTH) == PERM
    for name in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
        assert g.path(name, 3, "x") == PERM
    for name in ("path_rename", "path_link", "path_symlink"):
        assert g.two_paths(name, "f", "x") == PERM
    sub = g.open("sub", oflags=DIRECTORY)
    assert g.path("path_remove_directory", sub, "deep") == PERM
    assert sorted(os.listdir(tree)) == before


def test_read_only_files_in_changeable_directory(start, tree):
    g = _restricted(start, tree, 3, 1)
    assert g.read(g.open("f"), 5) == b"hello"
    assert g.try_open("f", rights=WRITE) == PERM
    assert g.try_open("new", oflags=CREAT) == PERM
    assert g.call("fd_filestat_set_times", g.open("f"), 0, 0, 5) == PERM
    assert g.path("path_create_directory", 3, "new") == 0


def test_write_only_directory_cannot_be_looked_at(start, tree):
    g = _restricted(start, tree, 2, 3)
    assert g.try_open("f") == PERM
    assert g.try_stat("f") == PERM
    assert g.call("fd_readdir", 3, BUFFER, 99, 0, OUT) == PERM
    assert g.path("path_create_directory", 3, "new") == 0


def test_write_only_files_cannot_be_read(start_ours, tree):
    g = _restricted(start_ours, tree, 3, 2)
    assert g.try_open("f") == PERM
    g.write(g.open("f", rights=WRITE), b"J")
    assert g.fdstat(g.open("sub"))[0] == 3


def test_moving_to_a_directory_with_more_permissions_is_perm(start_ours, tree, tmp_path):
    (tmp_path / "open").mkdir()

    def configure(config):
        config.preopen_dir(tree, "a", file_perms=1)
        config.preopen_dir(tmp_path / "open", "b")

    g = start_ours(configure)
    assert g.two_paths("path_rename", "f", "f", new_fd=4) == PERM
    assert g.two_paths("path_link", "f", "f", new_fd=4) == PERM
