"""What an engine costs before any code runs: itself, the key of a module, a miss, a thread's set-up.

Only `Engine()` has a counterpart that can be timed in the peer; of the others the second column is
what they are compared with: a plain hash, a lookup of exactly one target, a thread that was not set up.
"""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from blake3 import blake3

from benchmarks.figures.calls import ADD
from benchmarks.figures.figure import Item, Setting, Skipped, figure
from benchmarks.measure import Measure, per_call, timed
from benchmarks.package import Package

MEGABYTE = 1 << 20
# Few, so that most measures fit between two switches of a busy processor.
REPEATED = 20


def engines(setting: Setting) -> Iterator[Item]:
    """`Engine()` after the first; then what is ours alone."""
    ours, peer = setting.ours, setting.peer
    yield figure("Engine()", setting.pairs(_engine(ours), _engine(peer), 51))
    if ours.name != "cachewasm":
        yield Skipped("key of a module of 1 MB", f"{ours.name} does not tell its keys")
        return
    pairs = setting.pairs(*_key(ours), 101)
    yield figure("key of a module of 1 MB, to a pass of BLAKE3", pairs, 1.2)
    pairs = setting.pairs(*_lookups(setting), 51)
    yield figure("miss that looks for lower levels, to one that does not", pairs)
    pairs = setting.pairs(*_first_calls(ours), 51)
    yield figure("first call of a thread, set up ahead to not", pairs)


def _engine(package: Package) -> Measure:
    make = package.api.Engine
    make()
    return per_call(lambda: [make() for _ in range(REPEATED)], REPEATED)


def _key(ours: Package) -> tuple[Measure, Measure]:
    from cachewasm.hashing import digest_of
    from cachewasm.runtime.artifacts import keys_of

    engine, data = ours.engine(), os.urandom(MEGABYTE)

    def key() -> object:
        """The one that is looked for first, and the name of its entry."""
        found = keys_of(engine, digest_of(data))[0]
        return found.digest, found.entry_name

    return _often(key), _often(lambda: blake3(data).digest())


def _lookups(setting: Setting) -> tuple[Measure, Measure]:
    from cachewasm.runtime.artifacts import cached_artifact

    engine = setting.ours.engine(cache=setting.folder / "lookups")
    # One module is there, so that the directory is.
    engine.precompile_module(setting.ours.binary(ADD))
    return (
        _often(lambda: cached_artifact(engine, os.urandom(32), to_load=True)),
        _often(lambda: cached_artifact(engine, os.urandom(32))),
    )


def _often(action: Callable[[], object]) -> Measure:
    return per_call(lambda: [action() for _ in range(REPEATED)], REPEATED)


def _first_calls(ours: Package) -> tuple[Measure, Measure]:
    engine = ours.engine()
    store, exports = ours.exports(engine, ours.binary(ADD))
    add = exports["add"]

    def first_call(*, ahead: bool) -> Measure:
        def measure() -> float:
            taken: list[float] = []

            def work() -> None:
                if ahead:
                    engine.tls_eager_initialize()
                taken.append(timed(lambda: add(store, 3, 4))())

            _in_thread(work)
            return taken[0]

        return measure

    return first_call(ahead=True), first_call(ahead=False)


def _in_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
