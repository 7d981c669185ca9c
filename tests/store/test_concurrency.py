"""Several processes in one directory at once."""

import subprocess
import sys
from pathlib import Path

from cachewasm.cache.local import LocalStore

# Each writes its own and a common key, and reads both after every write; whatever is there must be
# whole. Pruning runs in between, so an entry may also be gone.
WORKER = """
from cachewasm.cache.upkeep.prune import prune
me = int(sys.argv[2])
mine = ArtifactKey(bytes([me]) * 32, bytes(32), "x86-64-v1", "baseline")
content = bytes([me]) * 50_000
for turn in range(30):
    assert store.put(mine, content, {}) is None
    assert store.put(KEY, content, {}) is None
    for key in (mine, KEY):
        found = store.get(key)
        if getattr(found, "reason", "absent") != "absent":
            sys.exit(repr(found))
        if hasattr(found, "raw"):
            assert len(set(bytes(found.raw))) == 1 and len(found.raw) == 50_000
    if turn % 10 == me:
        prune(sys.argv[1], max_size=0, older_than=None, dry_run=False)
sys.stdout.write(str(sorted(store.counters.snapshot())))
"""


def test_store_concurrent_writers_readers_and_prunes_see_whole_entries(
    tmp_path: Path, child_script: str
) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", child_script + WORKER, str(tmp_path / "cache"), str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    results = [child.communicate() for child in children]
    assert [error for _, error in results] == [""] * 4
    assert all("'hit'" in output for output, _ in results)
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


def test_store_shared_by_threads_counts_everything(store: LocalStore, entry_path: Path) -> None:
    import threading

    from .conftest import KEY

    threads = [
        threading.Thread(target=lambda: [store.get(KEY) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counters.snapshot() == {"store": 1, "hit": 200}
