"""What `cache doctor` looks at, one check after the other; nothing here raises.

A check finds that something is in order, that it is worth knowing about (WARN: the cache works, but
slower, unsafely shared or not for long), or that it keeps the cache from working (FAIL); then it says
what to do. Nothing is made but one file in tmp/, which is removed at once.
"""

import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import blake3

from cachewasm import Config, Engine
from cachewasm.artifact.reader import Artifact
from cachewasm.cache import file_locks, files, layout, publish, zstd
from cachewasm.cache.config import cache_enabled
from cachewasm.cache.settings import SETTINGS, CacheConfig
from cachewasm.cache.survey.mounts import mount_of
from cachewasm.cache.trust import Rules
from cachewasm.engine import host
from cachewasm.errors import CachewasmError
from cachewasm.loader import image

from .. import text
from ..failure import reason

OK, WARN, FAIL = "ok", "warn", "fail"

_OTHER_VARIABLES = ("CACHEWASM_CACHE", "CACHEWASM_CONFIG", "CACHEWASM_TRACEBACK")
_EMPTY_MODULE = b"\0asm\1\0\0\0"
_LITTLE_SPACE, _NO_SPACE = 1 << 29, 1 << 24
_FEW_FILES = 10_000
_SKEW = 2.0
_READ_WRITE = "read-write"
_ELSEWHERE = "name another directory with CACHEWASM_DIR"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check has found; `advice` is what to do about it."""

    name: str
    state: str
    found: str
    advice: str = ""


def checks(config_path: str | None) -> Iterator[Check]:
    """All checks, in the order in which one depends on another."""
    yield environment(os.environ)
    yield _host()
    try:
        config = CacheConfig.from_file(config_path)
    except CachewasmError as error:
        yield Check("configuration", FAIL, reason(error), "correct what it names")
        return
    yield _configuration(config, os.environ)
    try:
        rules = config.rules()
    except CachewasmError as error:
        yield Check("trust", FAIL, reason(error), "correct what it names")
        return
    if config.directory is None:
        yield Check("directory", FAIL, "this user has no place for a cache", _ELSEWHERE)
    else:
        yield from _directory(config, rules, config.directory)
    yield _hashing()
    yield _compression()
    yield from _compiler(config)


def environment(environ: Mapping[str, str]) -> Check:
    known = {
        *_OTHER_VARIABLES,
        *(setting.variable for setting in SETTINGS.values() if setting.variable),
    }
    given = sorted(name for name in environ if name.startswith("CACHEWASM_"))
    unknown = [name for name in given if name not in known]
    if unknown:
        advice = "correct or remove them: they have no effect"
        return Check("environment", WARN, f"unknown variables: {', '.join(unknown)}", advice)
    return Check("environment", OK, ", ".join(given) or "no variable of cachewasm is set")


def _host() -> Check:
    problem = host.unsupported_reason()
    if problem is not None:
        return Check("host", FAIL, problem, "modules can only be compiled here, for other machines")
    try:
        level = host.host_level()
    except CachewasmError as error:
        return Check("host", FAIL, reason(error), "compile for a target that you name")
    if host.address_space_limited():
        advice = "raise the limit of the address space (ulimit -v): each access is checked by code"
        return Check("host", WARN, f"{level}, with a limited address space", advice)
    return Check("host", OK, level)


def _configuration(config: CacheConfig, environ: Mapping[str, str]) -> Check:
    if not cache_enabled(environ):
        advice = "unset CACHEWASM_CACHE to have a cache"
        return Check("configuration", WARN, "the cache is switched off", advice)
    return Check("configuration", OK, f"{config.file or 'no file'}, mode {config.mode}")


def _directory(config: CacheConfig, rules: Rules, directory: str) -> Iterator[Check]:
    state = files.DirectoryState(directory, rules)
    existing = _nearest_existing(state.path)
    yield Check(
        "directory", OK, state.path + ("" if state.exists else ", which is still to be made")
    )
    yield _trust(state, rules)
    yield from _file_system(existing)
    yield _modes(config, existing)
    if config.mode != _READ_WRITE:
        yield Check("writing", OK, f"not wanted in the mode {config.mode}")
    elif not state.exists:
        yield _can_be_made(existing)
    else:
        yield from _writing(state.path, rules)


def _nearest_existing(path: str) -> str:
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    return path


def _trust(state: files.DirectoryState, rules: Rules) -> Check:
    if rules.secret is not None:
        return Check("owners", OK, f"no matter: entries are sealed with {rules.secret.id}")
    if state.problem is not None:
        advice = f"give it to this user and take write access from others, or {_ELSEWHERE}"
        return Check("owners", FAIL, state.problem, advice)
    return Check("owners", OK, f"nobody else can change it: {', '.join(_chain(state.path))}")


def _chain(path: str) -> Iterator[str]:
    """Owner and mode of each directory from `path` up, as far as it exists."""
    while True:
        status = files.status_of(path)
        if status is not None:
            yield f"{path} of {_user(status.st_uid)} {stat.S_IMODE(status.st_mode):04o}"
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _file_system(path: str) -> Iterator[Check]:
    try:
        status = os.statvfs(path)
    except OSError as error:
        yield Check("file system", WARN, reason(error), "find out why it cannot be asked")
        return
    mount = mount_of(path)
    kind = "unknown" if mount is None else mount.type
    if mount is not None and mount.is_network:
        advice = "prefer a local directory; here entries are safe, but locks may have no effect"
        yield Check("file system", WARN, f"{kind}, shared with other machines", advice)
    elif status.f_flag & os.ST_RDONLY:
        yield Check("file system", WARN, f"{kind}, read-only", "set the mode read-only")
    else:
        yield Check("file system", OK, kind)
    # Code is mapped from memory, so this is no obstacle; other software would stumble over it.
    is_noexec = status.f_flag & os.ST_NOEXEC
    yield Check(
        "noexec",
        OK,
        "set, which does no harm: code is mapped from memory" if is_noexec else "not set",
    )
    free = status.f_bavail * status.f_frsize
    state = FAIL if free < _NO_SPACE else WARN if free < _LITTLE_SPACE else OK
    advice = "make room, or `cachewasm cache prune`" if state != OK else ""
    yield Check("space", state, f"{text.size(free)} free", advice)
    if status.f_files == 0:
        yield Check("files", OK, "the file system does not limit their number")
        return
    state = WARN if status.f_favail < _FEW_FILES else OK
    advice = "remove files, or `cachewasm cache prune`" if state != OK else ""
    yield Check("files", state, f"{status.f_favail} more can be made", advice)


def _modes(config: CacheConfig, directory: str) -> Check:
    mask = _umask()
    if mask is None:
        return Check("modes", WARN, "the umask is not told", "make /proc readable")
    wanted: int = config.file_mode
    gid_bit = os.stat(directory).st_mode & stat.S_ISGID
    found = f"files {wanted:04o}, umask {mask:04o}" + (", set-group-ID" if gid_bit else "")
    if wanted & mask:
        return Check("modes", WARN, found, f"set a umask that leaves {wanted:04o}")
    return Check("modes", OK, found)


def _umask() -> int | None:
    """This process's umask, without setting it, which other threads would notice."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name == "Umask":
                    return int(value, 8)
    except (OSError, ValueError):
        return None
    return None


def _can_be_made(parent: str) -> Check:
    if os.access(parent, os.W_OK | os.X_OK):
        return Check("writing", OK, f"it can be made in {parent}")
    return Check("writing", FAIL, f"it cannot be made in {parent}", _ELSEWHERE)


@contextmanager
def _test_file(directory: str, rules: Rules) -> Iterator[tuple[str, int]]:
    """A file in tmp/ and a descriptor; prune removes what a kill would leave of it."""
    totals = layout.statistics_path(directory, layout.TOTALS)
    path = layout.temporary_path(directory, totals, os.getpid(), os.urandom(8))
    publish.make_directory_inside(os.path.dirname(path), rules)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = files.create_file(path, flags, rules.file_mode)
    try:
        yield path, descriptor
    finally:
        os.close(descriptor)
        os.unlink(path)


def _writing(directory: str, rules: Rules) -> Iterator[Check]:
    try:
        with _test_file(directory, rules) as (path, descriptor):
            os.write(descriptor, _EMPTY_MODULE)
            written = time.time()
            os.fsync(descriptor)
            yield Check("writing", OK, "a file was written and removed")
            yield clock(os.fstat(descriptor).st_mtime, written)
            yield locks(path, descriptor)
    except (CachewasmError, OSError) as error:
        advice = f"set the mode read-only, change the permissions, or {_ELSEWHERE}"
        yield Check("writing", FAIL, reason(error), advice)


def clock(mtime: float, now: float) -> Check:
    skew = mtime - now
    if abs(skew) > _SKEW:
        advice = "set the clocks of this machine and of the file server alike: age is told by them"
        return Check("clock", WARN, f"the file system's differs by {skew:+.0f} s", advice)
    return Check("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def locks(path: str, descriptor: int) -> Check:
    advice = "processes that miss the same module will each compile it; prefer a local directory"
    try:
        other = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            is_locked = file_locks.try_lock(descriptor, 1)
            excludes = not file_locks.try_lock(other, 1)
        finally:
            os.close(other)
    except OSError as error:
        return Check("locks", WARN, reason(error), advice)
    if not is_locked or not excludes:
        return Check("locks", WARN, "they have no effect", advice)
    return Check("locks", OK, "of open files, by byte")


def _hashing() -> Check:
    return Check("hashing", OK, f"blake3 {blake3.__version__}")


def _compression() -> Check:
    sample = bytes(1000)
    try:
        works = zstd.decompress(zstd.compress(sample), len(sample)) == sample
    except (ImportError, zstd.ZstdError) as error:
        return Check("compression", FAIL, str(error), "install zstandard")
    try:
        library = f"zstandard {version('zstandard')}"
    except PackageNotFoundError:
        library = "zstd of the standard library"
    if not works:
        return Check("compression", FAIL, f"{library} does not give back what it got", "reinstall")
    return Check("compression", OK, library)


def _compiler(config: CacheConfig) -> Iterator[Check]:
    try:
        llvmlite = f"llvmlite {version('llvmlite')}"
    except PackageNotFoundError:
        llvmlite = "llvmlite, which is not installed"
    alone = Config()
    alone.cache = False
    start = time.monotonic()
    try:
        artifact = Engine(alone).precompile_module(_EMPTY_MODULE)
    except CachewasmError as error:
        state = WARN if config.mode == "must-hit" else FAIL
        advice = "reinstall cachewasm and llvmlite; until then only what the cache has can be run"
        yield Check("compiler", state, f"{llvmlite}: {reason(error)}", advice)
        return
    took = 1000 * (time.monotonic() - start)
    yield Check("compiler", OK, f"{llvmlite}, a first module in {took:.0f} ms")
    yield _mapping(artifact)


def _mapping(artifact: bytes) -> Check:
    """Map a module and see what the kernel says of it."""
    advice = "allow memfd_create, or mappings that become executable"
    try:
        loaded = image.load(Artifact(artifact))
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split(maxsplit=5) for line in file]
    except (CachewasmError, OSError) as error:
        return Check("mapping", FAIL, reason(error), advice)
    for place, permissions, *_, name in (line for line in lines if len(line) >= 5):
        first, _, last = place.partition("-")
        if int(first, 16) <= loaded.text < int(last, 16):
            way = "a sealed memfd" if "memfd:" in name else "anonymous memory"
            return Check("mapping", OK, f"{way}, {permissions}")
    return Check("mapping", WARN, "the kernel does not tell how code is mapped", "")
