"""BLAKE3, on two threads where there is enough to hash.

On the warm path.
"""

from blake3 import blake3

# Below, starting threads takes about as long as it saves, and much longer on a busy machine.
_MANY_BYTES = 1 << 21


def digest_of(*pieces: bytes | memoryview) -> bytes:
    """The 32 bytes of BLAKE3 of all `pieces`, one after the other."""
    # Two threads of its own: those that processes share by default are gone in a forked child, which
    # would wait for them for ever.
    if len(pieces) == 1 and len(pieces[0]) < _MANY_BYTES:
        return blake3(pieces[0]).digest()
    threads = 2 if sum(map(len, pieces)) >= _MANY_BYTES else 1
    hasher = blake3(max_threads=threads)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()
