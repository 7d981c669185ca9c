"""The format page's test vector is what the code writes."""

from pathlib import Path

from cachewasm.cache.entry import pack
from cachewasm.cache.keys import ArtifactKey

PAGE = Path(__file__).parents[3] / "docs" / "format" / "cache.md"


def test_format_page_test_vector_is_what_pack_writes() -> None:
    vector = PAGE.read_text(encoding="utf-8").partition("## Test vector")[2]
    dump = vector.partition("396 bytes:\n")[2]
    data = b"".join(bytes.fromhex(line.split("  ")[-1]) for line in dump.splitlines())
    key = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
    assert data == pack(key, b"artifact", {"module": "demo", "compile_ms": 12})
    assert key.digest.hex() in vector
    assert key.entry_name in vector
