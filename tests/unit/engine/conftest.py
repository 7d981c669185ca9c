"""The values to test options with are a module that several tests here share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachewasm.engine import host

ROOT = str(Path(__file__).parent.parent.parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)


@pytest.fixture(autouse=True)
def ask_nobody_afterwards() -> Iterator[None]:
    """Whoever an option of a test asked about the host is not asked by later ones."""
    yield
    host._answers.detect = None
    host._answers.asked.clear()
    host.runnable.clear()
