"""What a cache hit imports from artifact/ stays cheap."""

import subprocess
import sys
from pathlib import Path

EXPENSIVE = {"dataclasses", "typing", "enum", "logging", "re", "json", "pathlib", "tempfile"}
EXPENSIVE |= {"collections", "array", "bisect", "llvmlite"}


def test_reading_modules_import_nothing_expensive() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "import cachewasm.artifact.reader, cachewasm.artifact.detect, cachewasm.artifact.info\n"
        "import cachewasm.artifact.addrmap, cachewasm.artifact.names\n"
        "print(*(set(sys.modules) - before))"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, root],
        capture_output=True,
        text=True,
        check=True,
    )
    assert EXPENSIVE.isdisjoint(done.stdout.split())
