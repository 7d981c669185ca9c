"""BLAKE3, on two threads where there is enough to hash.

On the warm path.
"""

from blake3 import blake3

# Below, starting a thread takes longer than it saves.
_MANY_BYTES = 1 << 20


def digest_of(data: bytes | memoryview) -> bytes:
    """The 32 bytes of BLAKE3 of `data`."""
    # Two threads of its own: those that processes share by default are gone in a forked child, which
    # would wait for them for ever.
    threads = 2 if len(data) >= _MANY_BYTES else 1
    return blake3(data, max_threads=threads).digest()
