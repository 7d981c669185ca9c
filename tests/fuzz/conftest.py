"""Fuzzing starts from real modules: those of the official scripts and of the benchmarks."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fuzz.seeds import Corpus, binaries, is_text, module_texts  # noqa: E402

KERNELS = ROOT / "benchmarks" / "kernels"


@pytest.fixture(scope="session")
def seed_modules() -> Corpus[str]:
    """The benchmarks' kernels, and the small module forms of the official scripts."""
    scripts = Path(os.environ.get("CACHEWASM_SPEC_DIR", ROOT.parent / "shared" / "spec"))
    found = [text for path in sorted(scripts.glob("*.wast")) for text in module_texts(path)]
    if not found:
        missing = f"no official scripts in {scripts}: set CACHEWASM_SPEC_DIR"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return Corpus([*(path.read_text() for path in sorted(KERNELS.glob("*.wat"))), *found])


@pytest.fixture(scope="session")
def seed_texts(seed_modules: Corpus[str]) -> Corpus[str]:
    """Those that are text."""
    return Corpus(filter(is_text, seed_modules))


@pytest.fixture(scope="session")
def seed_binaries(seed_modules: Corpus[str]) -> Corpus[bytes]:
    """All of them as binaries."""
    return Corpus(binaries(seed_modules))
