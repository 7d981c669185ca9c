"""The benchmarks are not installed: they are found in the checkout, after all that is."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = str(Path(__file__).parent.parent.parent.parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)

from benchmarks.figures.figure import Figure, figure  # noqa: E402
from benchmarks.measure import Pairs  # noqa: E402


@pytest.fixture
def make_figure() -> Callable[..., Figure]:
    """Makes a figure of one ratio."""

    def make(name: str, ratio: float, limit: float | None = None, **facts: object) -> Figure:
        return figure(name, Pairs((ratio, ratio), (1.0, 1.0)), limit, **facts)  # type: ignore[arg-type]

    return make


@pytest.fixture
def package_name(engine_module: ModuleType) -> str:
    """The package under test, for command lines."""
    return engine_module.__name__
