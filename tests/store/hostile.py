"""Odd things in place of every file and folder of a cache directory, and beside them.

    python tests/store/hostile.py ODDITY       at each place in turn; prints what went wrong

Run as a program, so that a hang or too much memory is the end of one process only. As root it becomes
an ordinary user where the oddity is a matter of permissions. The places are those that a used cache
directory has, so a new kind of file or folder is tried like all others.
"""

import contextlib
import io
import json
import os
import resource
import shutil
import socket
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing

import cachewasm_cli.main

from cachewasm.cache import layout
from cachewasm.cache.alias import AliasKey
from cachewasm.cache.entry import Entry
from cachewasm.cache.history import statistics
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore, Miss
from cachewasm.cache.reasons import MISS_REASONS
from cachewasm.cache.single_flight import Patience, compile_once
from cachewasm.cache.survey import facts
from cachewasm.cache.survey.index import Index
from cachewasm.cache.survey.inspect import entries, listing
from cachewasm.cache.survey.verify import FOREIGN, OK, verify
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.prune import prune
from cachewasm.cache.upkeep.quarantine import quarantined

KEY = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
ALIAS = AliasKey(bytes(range(32)), bytes(range(32, 64)))
RAW = b"artifact" * 100
_ORDINARY_USER = 65534

# Verbs that look at everything, and those that delete the most.
VERBS = (
    ["list"],
    ["list", "--json"],
    ["stats", "--json"],
    ["verify"],
    ["list", "--quarantined"],
    ["why", "--last"],
    ["pin", KEY.entry_name[3:]],
    ["unpin", KEY.entry_name[3:]],
    ["prune", "--max-size", "0", "--json"],
    ["clear", "--yes"],
)
# More than a start and a small cache take, less than a sparse file has.
_MEMORY = 512 << 20


def make_used_cache(directory: str) -> None:
    """A directory with a file of every kind."""
    for _ in range(2):
        store = LocalStore(directory)
        assert compile_once(store, [KEY], lambda: None, lambda: RAW) == RAW
        assert store.put(KEY, RAW, {"compile_ms": 5}) is None
        assert store.put_alias(ALIAS, KEY.wasm_digest) is None
        store.record()
        statistics.fold(directory)
    store.record()
    LocalStore(directory).get(KEY)
    assert pins.pin(directory, KEY.entry_name)
    store = LocalStore(directory)
    with open(layout.entry_path(directory, KEY), "ab") as file:
        file.write(b"more")
    assert isinstance(store.get(KEY), Miss)
    assert store.put(KEY, RAW, {"compile_ms": 5}) is None
    store.record()
    (damaged,) = quarantined(directory)
    # So that the places are the same each time.
    os.rename(damaged.path, f"{damaged.path.rsplit('.', 2)[0]}.1700000000.00000000")
    with closing(Index(directory)):
        pass
    left = layout.temporary_path(directory, KEY.entry_name, 1, bytes(8))
    with open(left, "wb") as file:
        file.write(b"half an en")
    store = LocalStore(directory)
    store.get(KEY)
    store.record()


def _link_to_file(path: str, outside: str) -> None:
    os.symlink(os.path.join(outside, "file"), path)


def _link_to_folder(path: str, outside: str) -> None:
    os.symlink(os.path.join(outside, "folder"), path)


def _link_to_cache(path: str, outside: str) -> None:
    # What a deleting command would find there has the names of entries.
    os.symlink(_within(os.path.join(outside, "cache"), path), path)


def _within(cache: str, path: str) -> str:
    """The place in `cache` that `path` is in its own."""
    below = path.rpartition("/cache/")[2]
    found = os.path.join(cache, below)
    return found if os.path.lexists(found) else cache


def _dangling_link(path: str, outside: str) -> None:
    os.symlink("nowhere", path)


def _link_to_itself(path: str, outside: str) -> None:
    os.symlink(os.path.basename(path), path)


def _fifo(path: str, outside: str) -> None:
    os.mkfifo(path, 0o600)


def _socket(path: str, outside: str) -> None:
    # The path of a socket may have 107 bytes only.
    os.chdir(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.basename(path)[:100])
    if len(os.path.basename(path)) > 100:
        os.rename(os.path.basename(path)[:100], path)
    os.chdir("/")


def _device(path: str, outside: str) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero


def _folder(path: str, outside: str) -> None:
    os.mkdir(path, 0o700)
    with open(os.path.join(path, "file"), "wb") as file:
        file.write(b"something")


def _empty_file(path: str, outside: str) -> None:
    _file(path, b"")


def _garbage(path: str, outside: str) -> None:
    _file(path, bytes(range(256)) * 100)


def _huge_sparse_file(path: str, outside: str) -> None:
    _file(path, b"")
    os.truncate(path, 1 << 40)


def _large_sparse_file(path: str, outside: str) -> None:
    # Within all bounds of an entry.
    _file(path, b"")
    os.truncate(path, 1 << 30)


def _file(path: str, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
    os.chmod(path, 0o600)


def _writable_by_all(path: str, outside: str) -> None:
    _file(path, b"")
    os.chmod(path, 0o666)


NOT_REGULAR = {
    "link_to_file": _link_to_file,
    "link_to_folder": _link_to_folder,
    "link_to_cache": _link_to_cache,
    "dangling_link": _dangling_link,
    "link_to_itself": _link_to_itself,
    "fifo": _fifo,
    "socket": _socket,
    "device": _device,
}
REGULAR = {
    "empty_file": _empty_file,
    "garbage": _garbage,
    "huge_sparse_file": _huge_sparse_file,
    "large_sparse_file": _large_sparse_file,
    "writable_by_all": _writable_by_all,
}
ODDITIES: dict[str, Callable[[str, str], None]] = {**NOT_REGULAR, **REGULAR, "folder": _folder}
# These take no other file's place: they change what is there, or join it.
MODES = {"unreadable": 0o000, "unsearchable": 0o600, "unlistable": 0o300}
NAMES = {
    "line_feed": b"a\nb",
    "escape": b"\x1b[31mred\x07",
    "no_utf8": b"\xff\xfe\x80",
    "long": b"a" * 255,
    "entry_and_line_feed": os.fsencode(os.path.basename(KEY.entry_name)) + b"\n",
    "upper_case": os.fsencode(os.path.basename(KEY.entry_name)).upper(),
    "dash": b"--help",
}


def _use(directory: str) -> None:
    """Everything that can be done with a directory; it may give any answer but a wrong one."""
    _read(directory)
    _command(directory)
    _write(directory)


def _write(directory: str) -> None:
    store = LocalStore(directory)
    store.put(KEY, RAW, {"compile_ms": 5})
    store.put_alias(ALIAS, KEY.wasm_digest)

    def lookup() -> bytes | None:
        found = store.peek(KEY)
        return bytes(found.raw) if isinstance(found, Entry) else None

    patience = Patience(timeout=0.0)
    assert compile_once(store, [KEY], lookup, lambda: RAW, patience) == RAW
    store.record()
    statistics.fold(directory)


def _read(directory: str) -> None:
    store = LocalStore(directory)
    found = store.get(KEY)
    _check(isinstance(found, Entry) and bytes(found.raw) == RAW, found)
    digest = store.get_alias(ALIAS)
    _check(digest == KEY.wasm_digest, digest)
    verify(directory)
    list(entries(directory, include_foreign=True))
    list(listing(directory, include_foreign=True))
    statistics.read(directory)
    prune(directory, max_size=None, older_than=None, dry_run=True)


def _command(directory: str) -> None:
    for verb in VERBS:
        _run_verb([verb[0], "--cache-dir", directory, *verb[1:]])


def _check(is_right: bool, found: object) -> None:
    if not is_right:
        assert isinstance(found, Miss), found
        assert found.reason in MISS_REASONS and found.detail


@contextlib.contextmanager
def _said_to_descriptor(number: int) -> Iterator[Callable[[], str]]:
    """What is written there meanwhile, by whatever way; to be asked for afterwards."""
    before = os.dup(number)
    with tempfile.TemporaryFile() as file:

        def said() -> str:
            return content

        os.dup2(file.fileno(), number)
        try:
            yield said
        finally:
            os.dup2(before, number)
            os.close(before)
            file.seek(0)
            content = file.read().decode()


def _run_verb(arguments: list[str]) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), _said_to_descriptor(2) as said_of_errors:
        code = cachewasm_cli.main.main(["cache", *arguments])
    said = out.getvalue() + said_of_errors()
    assert code in range(128), code
    assert "Traceback" not in said and "bug in cachewasm" not in said, said
    steering = {
        character for character in said if character != "\n" and not character.isprintable()
    }
    assert not steering, (steering, said)
    if "--json" in arguments and out.getvalue():
        json.loads(out.getvalue())


def _places(directory: str) -> list[str]:
    """All files and folders of a used cache, by their paths below it."""
    found = []
    for path, folders, names in os.walk(directory):
        below = os.path.relpath(path, directory)
        found += [os.path.normpath(os.path.join(below, name)) for name in folders + names]
    return sorted(found)


def _snapshot(root: str) -> dict[str, tuple[int, int, int, bytes]]:
    """All that can be seen of a tree."""
    seen = {}
    for path, folders, names in os.walk(root):
        for name in [*folders, *names]:
            each = os.path.join(path, name)
            status = os.lstat(each)
            content = b""
            if stat.S_ISREG(status.st_mode):
                with open(each, "rb") as file:
                    content = file.read()
            seen[each] = (status.st_mode, status.st_mtime_ns, status.st_nlink, content)
    return seen


@contextlib.contextmanager
def _scene() -> Iterator[tuple[str, str]]:
    """A used cache, and what lies outside of it and is to stay as it is."""
    parent = os.path.realpath(tempfile.mkdtemp(prefix="hostile-"))
    try:
        directory, outside = os.path.join(parent, "cache"), os.path.join(parent, "outside")
        make_used_cache(directory)
        os.makedirs(os.path.join(outside, "folder"))
        make_used_cache(os.path.join(outside, "cache"))
        _file(os.path.join(outside, "file"), b"precious")
        _file(os.path.join(outside, "folder", "file"), b"precious")
        yield directory, outside
    finally:
        for path, folders, _ in os.walk(parent):
            for name in folders:
                if not os.path.islink(os.path.join(path, name)):
                    os.chmod(os.path.join(path, name), 0o700)
        shutil.rmtree(parent)


def _is_seen(directory: str, place: str) -> bool:
    """Whether verify tells of what lies at a place, or in it, with a reason."""
    path = os.path.join(directory, place)
    report = verify(directory)
    return any(
        finding.verdict not in (OK, FOREIGN)
        and finding.detail
        and (finding.file.path == path or finding.file.path.startswith(path + "/"))
        for finding in report.findings
    )


def _must_be_seen(place: str, oddity: str, *, was_folder: bool) -> bool:
    if was_folder:
        return oddity != "folder"
    if oddity in NOT_REGULAR or oddity == "folder":
        return True
    # Of statistics, what is no record is counted as damaged; nothing is read of the others.
    return place.startswith(("entries", "aliases"))


def _replaced(oddity: str) -> Iterator[str]:
    with _scene() as (directory, _):
        places = _places(directory)
    for place in places:
        with _scene() as (directory, outside):
            path = os.path.join(directory, place)
            was_folder = os.path.isdir(path)
            if was_folder:
                shutil.rmtree(path)
            else:
                os.unlink(path)
            ODDITIES[oddity](path, outside)
            yield from _outcome(
                directory,
                outside,
                place,
                must_be_seen=_must_be_seen(place, oddity, was_folder=was_folder),
            )


def _outcome(directory: str, outside: str, place: str, *, must_be_seen: bool) -> Iterator[str]:
    before = _snapshot(outside)
    try:
        if must_be_seen and not _is_seen(directory, place):
            yield f"{place}: verify does not tell of it: {verify(directory).findings}"
        _read(directory)
        _command(directory)
        # A log is appended to wherever it is found.
        if place != "stats" and _snapshot(outside) != before:
            yield f"{place}: something outside was touched"
        if not before.keys() <= _snapshot(outside).keys():
            yield f"{place}: something outside was removed"
        _write(directory)
        _read(directory)
    except Exception:
        yield f"{place}: {traceback.format_exc()}"


def _made_inaccessible(mode: int) -> Iterator[str]:
    with _scene() as (directory, _):
        places = _places(directory)
    for place in places:
        with _scene() as (directory, outside):
            path = os.path.join(directory, place)
            is_folder = os.path.isdir(path)
            os.chmod(path, mode)
            # Of the files, only entries and aliases are read by verify.
            is_read = is_folder or place.startswith(("entries", "aliases"))
            must_be_seen = is_read and (is_folder or not mode & stat.S_IRUSR)
            yield from _outcome(directory, outside, place, must_be_seen=must_be_seen)


def _named(name: bytes) -> Iterator[str]:
    """Files, links and deep folders of a name in every folder at once; nothing of them goes away."""
    for make in (_garbage, _folder, _dangling_link, _fifo, _deep):
        with _scene() as (directory, outside):
            folders = [directory, *(path for path, _, _ in os.walk(directory))]
            added = []
            for folder in dict.fromkeys(folders):
                path = os.fsdecode(os.path.join(os.fsencode(folder), name))
                make(path, outside)
                os.utime(path, (0, 0), follow_symlinks=False)
                added.append(path)
            yield from _outcome(directory, outside, "", must_be_seen=False)
            gone = [path for path in added if not os.path.lexists(path)]
            if gone:
                yield f"{make.__name__}: removed {gone}"


def _deep(path: str, outside: str) -> None:
    os.mkdir(path, 0o700)
    descriptor = os.open(path, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("deep", 0o700, dir_fd=descriptor)
        below = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


def _become_ordinary() -> None:
    """Root may read anything; whatever may be imported later has been by now."""
    if os.geteuid() == 0:
        with _scene() as (directory, _):
            _use(directory)
        os.setgroups([])
        os.setgid(_ORDINARY_USER)
        os.setuid(_ORDINARY_USER)


def main(oddity: str) -> int:
    """Try one; prints what went wrong."""
    # Small caches have an index here, too.
    facts.MIN_ENTRIES = 0
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if oddity in MODES:
        _become_ordinary()
        problems = list(_made_inaccessible(MODES[oddity]))
    elif oddity in NAMES:
        problems = list(_named(NAMES[oddity]))
    else:
        problems = list(_replaced(oddity))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
