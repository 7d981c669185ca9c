"""Standard streams that this process was started without, as by `>&-`.

Python has None for such a stream, what is printed to it is lost without a word, and the next file that
is opened gets its number: what is said on standard error would be written into that. So the numbers
are taken by what can only be used the other way around: every use fails as that of a closed one does.
"""

import os
import sys


def occupy() -> None:
    """Take the numbers of the missing streams, the lowest that are free; what is printed is an error."""
    if sys.stdin is None:
        sys.stdin = open(os.open(os.devnull, os.O_WRONLY), closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        os.open(os.devnull, os.O_RDONLY)
