"""The format page's test vectors are what the code writes."""

from pathlib import Path

from cachewasm.cache.alias import Alias, AliasKey
from cachewasm.cache.entry import pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.secret import Secret

PAGE = Path(__file__).parents[3] / "docs" / "format" / "cache.md"


def _vector(head: str) -> bytes:
    """The bytes of the dump behind a line that ends with `head`."""
    dump = PAGE.read_text(encoding="utf-8").partition(f"{head}\n")[2].partition("\n\n")[0]
    return b"".join(bytes.fromhex(line.split("  ")[-1]) for line in dump.splitlines())


def test_format_page_test_vector_is_what_pack_writes() -> None:
    key = ArtifactKey(bytes(range(32)), bytes(range(32, 64)), "x86-64-v3:+avx,+avx2", "optimized")
    packed = pack(key, b"artifact", {"module": "demo", "compile_ms": 12})
    assert _vector("zstd, 400 bytes:") == packed
    vector = PAGE.read_text(encoding="utf-8").partition("## Test vector")[2]
    assert key.digest.hex() in vector
    assert key.entry_name in vector


def test_format_page_alias_is_what_to_bytes_writes() -> None:
    key = AliasKey(bytes(range(32)), bytes(range(32, 64)))
    assert _vector("alias, 138 bytes:") == Alias(key, bytes(range(64, 96))).to_bytes()
    assert key.alias_name in PAGE.read_text(encoding="utf-8")


def test_format_page_seal_is_what_a_secret_adds() -> None:
    alias = Alias(AliasKey(bytes(range(32)), bytes(range(32, 64))), bytes(range(64, 96)))
    sealed = alias.to_bytes(Secret(bytes(range(32))))
    assert sealed == alias.to_bytes() + _vector("seal, 40 bytes:")
