"""The test vector of docs/format/bundle.md is what is written."""

import io
from pathlib import Path

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.carry import bundle, ustar
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.hashing import digest_of

PAGE = Path(__file__).parents[4] / "docs" / "format" / "bundle.md"


def test_bundle_page_test_vector_is_what_is_written(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8").partition("## Test vector")[2]
    store = LocalStore(str(tmp_path / "cache"))
    key = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
    alias = AliasKey(bytes(range(32)), bytes(range(32, 64)))
    assert store.put(key, b"artifact", {"module": "demo", "compile_ms": 12}) is None
    assert store.put_alias(alias, bytes(range(64, 96))) is None
    stream = io.BytesIO()
    assert [each.problem for each in bundle.write(stream, store, [key], [alias])] == ["", ""]
    written = stream.getvalue()
    assert (len(written), digest_of(written).hex() in page) == (4096, True)
    dump = page.partition("left out:\n\n")[2]
    rows = [line.split("  ") for line in dump.strip().splitlines()]
    shown = {int(offset, 16): bytes.fromhex(row) for offset, row in (r[-2:] for r in rows)}
    header = written[1024 : 1024 + ustar.BLOCK]
    assert header == b"".join(shown.get(at, bytes(16)) for at in range(1024, 1536, 16))
