"""The digest that an artifact carries of itself, so that one which was damaged is not loaded.

BLAKE3 over all bytes, those of the digest's own section taken as zero. It finds damage, not forgery:
machine code must come from somebody who is trusted. Entries of the cache have digests of their own,
so a hit does not check this one. On the warm path.
"""

from cachewasm.artifact.format import DIGEST_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import IncompatibleArtifact

SIZE = 32


def seal(elf: bytes) -> bytes:
    """The artifact with its digest filled in; it has a digest section."""
    start, end = _place(Artifact(elf))
    return elf[:start] + _digest(elf, start, end) + elf[end:]


def check(artifact: Artifact) -> None:
    """Raises IncompatibleArtifact unless every byte is what it was when the artifact was made."""
    start, end = _place(artifact)
    data = artifact.data
    if data[start:end] != _digest(data, start, end):
        raise IncompatibleArtifact("the artifact is damaged: its digest does not match")


def _place(artifact: Artifact) -> tuple[int, int]:
    section = artifact.section(DIGEST_SECTION)
    if len(section) != SIZE:
        raise IncompatibleArtifact("the artifact is damaged: its digest has the wrong size")
    start = artifact.sections[DIGEST_SECTION][0]
    return start, start + SIZE


def _digest(data: "bytes | memoryview", start: int, end: int) -> bytes:
    from blake3 import blake3

    hasher = blake3(data[:start])
    hasher.update(bytes(SIZE))
    hasher.update(data[end:])
    digest: bytes = hasher.digest()
    return digest
