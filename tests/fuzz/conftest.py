"""Fuzzing starts from real modules: those of the official scripts and of the benchmarks."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fuzz.seeds import Corpus, module_texts, seeds_of  # noqa: E402

KERNELS = ROOT / "benchmarks" / "kernels"


@pytest.fixture(scope="session")
def seeds() -> tuple[Corpus[str], Corpus[bytes]]:
    """The benchmarks' kernels, and the small module forms of the official scripts."""
    scripts = Path(os.environ.get("CACHEWASM_SPEC_DIR", ROOT.parent / "shared" / "spec"))
    paths = sorted([*scripts.glob("*.wast"), *scripts.glob("legacy/*.wast")])
    found = [text for path in paths for text in module_texts(path)]
    if not found:
        missing = f"no official scripts in {scripts}: set CACHEWASM_SPEC_DIR"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return seeds_of([*(path.read_text() for path in sorted(KERNELS.glob("*.wat"))), *found])


@pytest.fixture(scope="session")
def seed_texts(seeds: tuple[Corpus[str], Corpus[bytes]]) -> Corpus[str]:
    """Those that spell out their fields."""
    return seeds[0]


@pytest.fixture(scope="session")
def seed_binaries(seeds: tuple[Corpus[str], Corpus[bytes]]) -> Corpus[bytes]:
    """All of them as binaries."""
    return seeds[1]
