"""An AArch64 Python beside this one: what each of them makes, the other runs.

These tests need what `python3 tests/aarch64/set_up.py` makes and are skipped without it.
"""

import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
EMULATED = ROOT / ".venv-aarch64" / "bin" / "python"
Emulated = Callable[..., str]


@pytest.fixture(scope="session")
def emulated() -> Emulated:
    """Runs the emulated Python with arguments; it must succeed, and say nothing on standard error."""
    if platform.machine() != "x86_64":
        pytest.skip("an x86-64 machine emulates AArch64; others have one architecture to test")
    if not (EMULATED.parent.parent / "stamp").exists():
        pytest.skip("no AArch64 Python is set up: run `python3 tests/aarch64/set_up.py`")

    def run(*arguments: str | Path, variables: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [EMULATED, *arguments],
            env={**os.environ, **(variables or {})},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode()

    return run
