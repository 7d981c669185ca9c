"""A guest that calls WASI functions one by one, on cachewasm's implementation or on Wasmtime's.

Tests that take `start` run on both, so what they state is what programs already rely on; tests that
take `start_ours` state what is decided differently here.
"""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cachewasm.wasi.config as ours
from cachewasm.wasi.memory import GuestMemory
from cachewasm.wasi.preview1.table import FUNCTIONS, MODULE_NAME

MEMORY_SIZE = 2 << 16

# Where the guest keeps what it passes and gets.
OUT, VECTORS, PATH, PATH2, BUFFER = 8, 256, 1024, 8192, 16384

RIGHT_READ, RIGHT_WRITE = 1 << 1, 1 << 6
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
FOLLOW = 1


class Guest:
    """What a program does, over the raw functions of an engine."""

    def call(self, name: str, *args: int) -> int:
        raise NotImplementedError

    def peek(self, ptr: int, size: int) -> bytes:
        raise NotImplementedError

    def poke(self, ptr: int, data: bytes) -> None:
        raise NotImplementedError

    def u32(self, ptr: int = OUT) -> int:
        return int.from_bytes(self.peek(ptr, 4), "little")

    def u64(self, ptr: int = OUT) -> int:
        return int.from_bytes(self.peek(ptr, 8), "little")

    def path(self, name: str, fd: int, path: str | bytes, *rest: int) -> int:
        data = os.fsencode(path)
        self.poke(PATH, data)
        return self.call(name, fd, PATH, len(data), *rest)

    def two_paths(self, name: str, old: str, new: str, fd: int = 3, new_fd: int = 3) -> int:
        a, b = old.encode(), new.encode()
        self.poke(PATH, a)
        self.poke(PATH2, b)
        if name == "path_symlink":
            return self.call(name, PATH, len(a), new_fd, PATH2, len(b))
        flags = (0,) if name == "path_link" else ()
        return self.call(name, fd, *flags, PATH, len(a), new_fd, PATH2, len(b))

    def try_open(
        self,
        path: str | bytes,
        *,
        dirfd: int = 3,
        oflags: int = 0,
        rights: int = RIGHT_READ,
        fdflags: int = 0,
        lookup: int = FOLLOW,
    ) -> int:
        """Returns the errno; the descriptor is at OUT."""
        data = os.fsencode(path)
        self.poke(PATH, data)
        args = (dirfd, lookup, PATH, len(data), oflags, rights, 0, fdflags, OUT)
        return self.call("path_open", *args)

    def open(self, path: str | bytes, **options: int) -> int:
        assert self.try_open(path, **options) == 0
        return self.u32()

    def vectors(self, *sizes: int) -> None:
        ptr = BUFFER
        for i, size in enumerate(sizes):
            self.poke(VECTORS + 8 * i, struct.pack("<II", ptr, size))
            ptr += size

    def read(self, fd: int, *sizes: int) -> bytes:
        self.vectors(*sizes)
        assert self.call("fd_read", fd, VECTORS, len(sizes), OUT) == 0
        return self.peek(BUFFER, self.u32())

    def try_read(self, fd: int) -> int:
        self.vectors(4)
        return self.call("fd_read", fd, VECTORS, 1, OUT)

    def try_write(self, fd: int, data: bytes) -> int:
        self.poke(BUFFER, data)
        self.vectors(len(data))
        return self.call("fd_write", fd, VECTORS, 1, OUT)

    def write(self, fd: int, data: bytes) -> None:
        """Write all, as a C library does."""
        while data:
            assert self.try_write(fd, data) == 0
            assert 0 < self.u32() <= len(data)
            data = data[self.u32() :]

    def fdstat(self, fd: int) -> tuple[int, int, int, int]:
        """filetype, flags, rights, inheriting rights"""
        assert self.call("fd_fdstat_get", fd, BUFFER) == 0
        return struct.unpack("<BxH4xQQ", self.peek(BUFFER, 24))

    def filestat(self, fd: int) -> tuple[int, ...]:
        """dev, ino, filetype, nlink, size, atim, mtim, ctim"""
        assert self.call("fd_filestat_get", fd, BUFFER) == 0
        return struct.unpack("<QQB7xQQQQQ", self.peek(BUFFER, 64))

    def try_stat(self, path: str | bytes, *, lookup: int = FOLLOW) -> int:
        data = os.fsencode(path)
        self.poke(PATH, data)
        return self.call("path_filestat_get", 3, lookup, PATH, len(data), BUFFER)

    def stat(self, path: str, *, lookup: int = FOLLOW) -> tuple[int, ...]:
        assert self.try_stat(path, lookup=lookup) == 0
        return struct.unpack("<QQB7xQQQQQ", self.peek(BUFFER, 64))

    def readdir(self, fd: int, size: int = 4096, cookie: int = 0) -> list[tuple[int, bytes, int]]:
        """Whole entries: next cookie, name, filetype"""
        assert self.call("fd_readdir", fd, BUFFER, size, cookie, OUT) == 0
        data = self.peek(BUFFER, self.u32())
        entries, at = [], 0
        while at + 24 <= len(data):
            following, _, length, filetype = struct.unpack_from("<QQIB3x", data, at)
            name = data[at + 24 : at + 24 + length]
            if len(name) == length:
                entries.append((following, name, filetype))
            at += 24 + length
        return entries


class OurGuest(Guest):
    def __init__(self, config: ours.WasiConfig) -> None:
        self.ctx = config._consume()
        self.memory = bytearray(MEMORY_SIZE)
        self.mem = GuestMemory(memoryview(self.memory), lambda: MEMORY_SIZE)

    def call(self, name: str, *args: int) -> int:
        return FUNCTIONS[name](self.ctx, self.mem, *args)

    def peek(self, ptr: int, size: int) -> bytes:
        return bytes(self.memory[ptr : ptr + size])

    def poke(self, ptr: int, data: bytes) -> None:
        self.memory[ptr : ptr + len(data)] = data


def _module_text() -> str:
    """A module that exports every function of the table, and so checks the table's types."""
    imports, exports = [], []
    for name, function in FUNCTIONS.items():
        params = " ".join(map(str, function.type.param_types))
        results = " ".join(map(str, function.type.result_types))
        signature = f"(param {params}) (result {results})"
        imports.append(f'(import "{MODULE_NAME}" "{name}" (func ${name} {signature}))')
        gets = " ".join(f"(local.get {i})" for i in range(len(function.type.param_types)))
        exports.append(f'(func (export "{name}") {signature} {gets} (call ${name}))')
    memory = f'(memory (export "memory") {MEMORY_SIZE >> 16})'
    return "(module " + "\n".join([*imports, memory, *exports]) + ")"


class Peer:
    """Wasmtime's implementation."""

    def __init__(self) -> None:
        import wasmtime

        self.config = wasmtime.WasiConfig
        self.engine = wasmtime.Engine()
        self.module = wasmtime.Module(self.engine, _module_text())
        self.linker = wasmtime.Linker(self.engine)
        self.linker.define_wasi()

    def start(self, config: object) -> Guest:
        import wasmtime

        store = wasmtime.Store(self.engine)
        store.set_wasi(config)
        exports = self.linker.instantiate(store, self.module).exports(store)

        class PeerGuest(Guest):
            def call(self, name: str, *args: int) -> int:
                return exports[name](store, *args)

            def peek(self, ptr: int, size: int) -> bytes:
                return bytes(exports["memory"].read(store, ptr, ptr + size))

            def poke(self, ptr: int, data: bytes) -> None:
                exports["memory"].write(store, data, ptr)

        return PeerGuest()


@pytest.fixture(scope="session")
def peer() -> Peer:
    pytest.importorskip("wasmtime")
    return Peer()


Start = Callable[..., Guest]


@pytest.fixture(params=["cachewasm", "wasmtime"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts a guest on either engine; `configure(config)` grants it more than nothing."""
    if request.param == "cachewasm":
        yield request.getfixturevalue("start_ours")
        return
    peer: Peer = request.getfixturevalue("peer")

    def begin(configure: Callable[..., object] = lambda config: None) -> Guest:
        config = peer.config()
        configure(config)
        return peer.start(config)

    yield begin


@pytest.fixture
def start_ours() -> Iterator[Start]:
    guests: list[OurGuest] = []

    def begin(configure: Callable[..., object] = lambda config: None) -> OurGuest:
        config = ours.WasiConfig()
        configure(config)
        guests.append(OurGuest(config))
        return guests[-1]

    yield begin
    for guest in guests:
        guest.ctx.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with files, links that stay inside, and links that lead out."""
    root = tmp_path / "tree"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "f").write_bytes(b"hello world")
    (tmp_path / "secret").write_bytes(b"secret")
    for name, target in {
        "to_file": "f",
        "to_dir": "sub",
        "to_dot": "sub/.",
        "dangling": "nowhere",
        "absolute": str(tmp_path / "secret"),
        "climbing": "../secret",
        "sneaky": "sub/../../secret",
        "up": "..",
        "loop": "loop",
        "ping": "pong/x",
        "pong": "ping/x",
    }.items():
        (root / name).symlink_to(target)
    return root


@pytest.fixture
def preopen(tree: Path) -> Callable[..., object]:
    """Configures `tree` as descriptor 3."""
    return lambda config: config.preopen_dir(str(tree), "/guest")
