"""Whatever lies in a cache directory: refused, told of by verify, and nothing outside is touched."""

import os
import subprocess
import sys

import pytest

from . import hostile

# Far beyond what it takes on a busy machine; a FIFO that is waited for takes for ever.
_TIMEOUT = 300


@pytest.mark.parametrize("oddity", [*hostile.ODDITIES, *hostile.MODES, *hostile.NAMES])
def test_cache_directory_with_something_odd_everywhere_gives_no_wrong_answer(oddity: str) -> None:
    if oddity == "device" and os.geteuid() != 0:
        pytest.skip("only root can make a device")
    done = subprocess.run(
        [sys.executable, "-W", "error", hostile.__file__, oddity],
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
