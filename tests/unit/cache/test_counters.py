"""The counters of a store."""

import threading

from cachewasm.cache.counters import Counters


def test_counters_add_returns_the_new_count() -> None:
    counters = Counters()
    assert [counters.add("hit"), counters.add("hit"), counters.add("store")] == [1, 2, 1]
    assert counters.snapshot() == {"hit": 2, "store": 1}


def test_counters_snapshot_is_a_copy() -> None:
    counters = Counters()
    counters.snapshot()["hit"] = 7
    assert counters.snapshot() == {}


def test_counters_threads_lose_nothing() -> None:
    counters = Counters()
    threads = [
        threading.Thread(target=lambda: [counters.add("hit") for _ in range(2000)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.snapshot() == {"hit": 8000}
