"""What a hit costs to import."""

import subprocess
import sys
from pathlib import Path

from cachewasm.cache.local import LocalStore

# In a bare interpreter: no site, so nothing but what the code itself asks for.
SCRIPT = """
import sys
before = set(sys.modules)
sys.path[:0] = {path!r}
from cachewasm.cache.config import cache_directory, cache_enabled
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
key = ArtifactKey({wasm!r}, {compat!r}, {isa!r}, {tier!r})
assert cache_enabled({{}})
entry = LocalStore(cache_directory({{"CACHEWASM_DIR": {directory!r}}})).get(key)
assert bytes(entry.raw) == b"artifact", entry
print(*sorted(set(sys.modules) - before))
"""

STANDARD_LIBRARY = {
    # What `import os` and `import struct` bring; an interpreter with site has os already.
    *("_collections_abc", "_stat", "_struct", "genericpath", "os", "os.path", "posixpath", "stat"),
    *("errno", "struct"),
}
LIBRARIES = {"blake3", "blake3.blake3"}


def test_hit_imports_nothing_beyond_the_warm_path(
    store: LocalStore, entry_path: Path, tmp_path: Path
) -> None:
    from .conftest import KEY

    script = SCRIPT.format(
        path=[path for path in sys.path if path],
        wasm=KEY.wasm_digest,
        compat=KEY.compat,
        isa=KEY.isa,
        tier=KEY.tier,
        directory=str(tmp_path / "cache"),
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], check=True, capture_output=True, text=True
    )
    added = {name for name in done.stdout.split() if not name.startswith("cachewasm")}
    assert added <= STANDARD_LIBRARY | LIBRARIES
