"""Branch protection on a processor that has it: what the code does, and what a stray branch does."""

import re
import signal

import pytest

from tests.aarch64 import protected
from tests.aarch64.conftest import FOLDER, Emulated
from tests.aarch64.either_side import TIERS

MUST_HIT = {"CACHEWASM_MODE": "must-hit"}


@pytest.mark.parametrize("tier", TIERS)
def test_marked_code_does_the_same_and_stray_branches_into_it_are_faults(
    emulated: Emulated, tier: str
) -> None:
    protected.keep(tier)
    said = emulated(FOLDER / "protected.py", tier, variables=MUST_HIT).splitlines()
    plain = [line.removeprefix("False ") for line in said if line.startswith("False ")]
    marked = [line.removeprefix("True ") for line in said if line.startswith("True ")]
    assert plain[-1] == "branch 0"
    assert marked[-1] == f"branch {int(signal.SIGILL)}"
    assert marked[:-1] == plain[:-1]
    assert plain[:2] == ["switch [10, 11, 12, 14]", "throw 42"]
    # Return addresses are signed; frames beyond a function of Python are found, too.
    traps = [(line.split()[:2], re.findall(r"\((\d+), ", line)) for line in plain[2:-1]]
    assert traps == [
        (["load", "MEMORY_OUT_OF_BOUNDS"], ["3", "4"]),
        (["divide", "INTEGER_DIVISION_BY_ZERO"], ["6"]),
        (["nested", "INTEGER_DIVISION_BY_ZERO"], ["6", "1", "4", "6"]),
    ]
