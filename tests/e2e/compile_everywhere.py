"""Compiles one module in every way that is named on the command line and prints each artifact.

Run by test_executors.py. A file of its own, since processes that are spawned import it again.
"""

import hashlib
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import cachewasm
from cachewasm.compiler.processes import server_process
from cachewasm.wasm.leb128 import unsigned

FUNCTIONS = 50
# local.get 0; local.get 1; i32.add; local.get 0; i32.mul; local.set 0
STEP = bytes.fromhex("200020016a20006c2100")


def vector(items: list[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned(len(content)) + content


def module() -> bytes:
    """A module of several jobs: functions of different sizes, each calling the next."""
    bodies = []
    for i in range(FUNCTIONS):
        call = b"\x20\0\x20\1\x10" + unsigned((i + 1) % FUNCTIONS)
        body = b"\0" + STEP * (200 + 40 * (i % 9)) + call + b"\x0b"
        bodies.append(unsigned(len(body)) + body)
    return (
        b"\0asm\1\0\0\0"
        + section(1, bytes.fromhex("0160027f7f017f"))
        + section(3, vector([b"\0"] * FUNCTIONS))
        + section(10, vector(bodies))
    )


@contextmanager
def executor_of(way: str) -> Iterator[Executor | None]:
    """The executor that a way is about, or None."""
    if way in ("fork", "spawn"):
        with ProcessPoolExecutor(2, multiprocessing.get_context(way)) as pool:
            yield pool
    elif way == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif way == "dask":
        from distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor()
    else:
        yield None


def main(ways: list[str]) -> None:
    """Prints the way and the digest of its artifact, a line each."""
    wasm = module()
    for way in ways:
        shown: list[tuple[int, int]] = []
        config = cachewasm.Config()
        config.cache = False
        config.strategy = "baseline"
        config.parallel_compilation = way != "one"
        config.compile_progress = lambda *numbers, shown=shown: shown.append(numbers)
        # What is frozen has no interpreter to start, and compiles in its own process.
        sys.frozen = way == "here"  # type: ignore[attr-defined]
        with executor_of(way) as executor:
            config.compile_executor = executor
            artifact = cachewasm.Engine(config).precompile_module(wasm)
        assert shown == sorted(shown), shown
        assert shown[-1] == (FUNCTIONS, FUNCTIONS), shown
        print(way, hashlib.sha256(artifact).hexdigest())
    server_process.server.close()


if __name__ == "__main__":
    main(sys.argv[1:])
