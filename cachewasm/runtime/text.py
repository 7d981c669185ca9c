"""Modules in the text format: converted to binary, or found in the cache without being parsed.

An alias in the cache says which binary a text has, by digest; then neither the text is parsed nor the
binary made. On the warm path of text; the parser is imported by a miss only.
"""

from cachewasm.cache.alias import AliasKey
from cachewasm.engine import identity
from cachewasm.hashing import digest_of
from cachewasm.runtime import artifacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.artifact.reader import Artifact
    from cachewasm.runtime.engine import Engine


def text_artifact(engine: "Engine", text: bytes, *, to_run: bool = False) -> "Artifact":
    """The artifact of a module in text format. Raises TextError, ModuleError, CompileError."""
    store = engine._cache
    if store is None:
        return artifacts.module_artifact(engine, to_binary(text), to_run=to_run)
    key = AliasKey(digest_of(text), engine._environment.identity)
    known = store.get_alias(key)
    if isinstance(known, bytes):
        found = artifacts.cached_artifact(engine, known, to_load=to_run)
        if found is not None:
            return found
    binary = to_binary(text)
    digest = digest_of(binary)
    artifact = artifacts.module_artifact(engine, binary, to_run=to_run, again=digest == known)
    # Only now, so that what cannot be compiled leaves nothing behind.
    if digest != known and not identity.sources_changed():
        store.put_alias(key, digest)
    return artifact


def wat2wasm(wat: "str | bytes | bytearray") -> bytearray:
    """The binary of a module in text format, which need not be valid.

    Raises TextError with line and column, UnsupportedModule for what this version does not know.
    """
    if isinstance(wat, str):
        # What is no Unicode text is refused below, with its place.
        wat = wat.encode("utf-8", "surrogatepass")
    elif not isinstance(wat, (bytes, bytearray)):
        raise TypeError("expected wat text")
    return bytearray(to_binary(bytes(wat)))


def to_binary(text: bytes) -> bytes:
    """`wat2wasm` of UTF-8."""
    from cachewasm.wasm.text import parser

    return parser.wat2wasm(text)
