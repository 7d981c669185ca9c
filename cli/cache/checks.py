"""What `cache doctor` looks at, one check after the other; nothing here raises.

What fails keeps no other check from being made that does not need it. Those of the cache directory are
in directory_checks.py.
"""

import os
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

import blake3

from cachewasm import Config, Engine
from cachewasm.artifact.reader import Artifact
from cachewasm.cache import zstd
from cachewasm.cache.config import cache_enabled
from cachewasm.cache.settings import SETTINGS, CacheConfig
from cachewasm.engine import host
from cachewasm.errors import CachewasmError
from cachewasm.loader import arena, image

from ..failure import reason
from .check import FAIL, OK, WARN, Check
from .directory_checks import of_directory

_OTHER_VARIABLES = ("CACHEWASM_CACHE", "CACHEWASM_CONFIG", "CACHEWASM_TRACEBACK")
_EMPTY_MODULE = b"\0asm\1\0\0\0"


def checks(config_path: str | None) -> Iterator[Check]:
    """All checks, in the order in which one depends on another."""
    yield environment(os.environ)
    yield _host()
    config = None
    try:
        config = CacheConfig.from_file(config_path)
    except CachewasmError as error:
        yield Check("configuration", FAIL, reason(error), "correct what it names")
    if config is not None:
        yield _configuration(config, os.environ)
        yield from of_directory(config)
    yield _hashing()
    yield _compression()
    yield from _compiler(is_needed=config is None or config.mode != "must-hit")


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


def _compiler(*, is_needed: bool) -> Iterator[Check]:
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
        state = FAIL if is_needed else WARN
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
            if isinstance(loaded.address, arena.Slice):
                way = "memory for code, which modules share"
            return Check("mapping", OK, f"{way}, {permissions}")
    return Check("mapping", WARN, "the kernel does not tell how code is mapped", "")
