"""Digests on two threads are the same digests, and a forked child can make them, too."""

import subprocess
import sys

import pytest
from blake3 import blake3

from cachewasm.hashing import digest_of

# The alarm ends a child that waits for threads which it does not have.
_IN_A_FORKED_CHILD = """
import os, signal
from cachewasm.hashing import digest_of
data = bytes(8 << 20)
digest = digest_of(data)
child = os.fork()
if not child:
    signal.alarm(60)
    os._exit(0 if digest_of(data) == digest else 1)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("size", [0, 1, (2 << 20) - 1, 2 << 20, (3 << 20) + 5])
def test_digest_of_any_size_is_blake3(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert digest_of(memoryview(data)[:size]) == blake3(data[:size]).digest()


def test_digest_of_much_is_made_in_a_forked_child() -> None:
    command = [sys.executable, "-c", _IN_A_FORKED_CHILD]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"0\n", b"")
