"""Images: a cache that was made while they were built, and is only read where they run."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "warm_hit.py"
WASM = Path(__file__).parent.parent.parent / "examples" / "mandelbrot.wasm"

NOBODY = 65534
# All that a hit imports comes first, and so does what is found out about the compiler: an ordinary
# user may have no access to the files of this interpreter.
AS_NOBODY = f"""
import os, sys
import cachewasm
for name in sys.argv[2].split():
    __import__(name)
cachewasm.Engine()
os.environ.pop("HOME", None)
os.chdir("/")
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
engine = cachewasm.Engine()
with open(sys.argv[1], "rb") as file:
    module = cachewasm.Module(engine, file.read())
store = cachewasm.Store(engine)
wasi = cachewasm.WasiConfig()
wasi.inherit_stdout()
store.set_wasi(wasi)
linker = cachewasm.Linker(engine)
linker.define_wasi()
linker.instantiate(store, module).exports(store)["_start"](store)
assert engine.cache.counts() == {{"hit": 2}}, engine.cache.counts()
assert "llvmlite" not in sys.modules
"""


def _state(root: Path) -> list[tuple[str, int, int]]:
    paths = [root, *root.rglob("*")]
    return sorted((str(path), path.stat().st_ctime_ns, path.stat().st_size) for path in paths)


@pytest.fixture
def baked() -> Iterator[Path]:
    """A cache directory, in a directory that everybody can reach: pytest's own are private."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory, "cache")


def _environment(directory: Path, **variables: str) -> dict[str, str]:
    return {**os.environ, "CACHEWASM_DIR": str(directory), **variables}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("mode", ["read-write", "must-hit"])
def test_cache_of_root_hits_for_nobody_without_a_home(baked: Path, mode: str) -> None:
    paths = ":".join(path for path in sys.path if path)
    made = subprocess.run(
        [sys.executable, str(SCRIPT), paths, str(WASM)],
        env=_environment(baked, CACHEWASM_FILE_MODE="0644"),
        check=True,
        capture_output=True,
        text=True,
    )
    for path in (baked, *baked.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = _state(baked)
    names = [
        name
        for name in made.stdout.split()
        if name.startswith("cachewasm") and ".compiler" not in name
    ]
    wasm = baked.parent / "program.wasm"
    wasm.write_bytes(WASM.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(wasm), " ".join(names)],
        env=_environment(baked, CACHEWASM_MODE=mode),
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (WASM.parent / "mandelbrot.txt").read_text()
    assert _state(baked) == before


def _run(
    console_script: str, directory: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [console_script, "run", str(WASM)],
        env=_environment(directory, **variables),
        check=False,
        capture_output=True,
        text=True,
    )


def test_run_where_nothing_may_be_compiled_says_so_in_a_line(
    console_script: str, tmp_path: Path
) -> None:
    directory = tmp_path / "cache"
    refused = _run(console_script, directory, CACHEWASM_MODE="must-hit")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"cachewasm: {WASM}: the module")
    assert line.endswith("nothing may be compiled: no entry of this module")
    assert not directory.exists()
    assert _run(console_script, directory).returncode == 0
    assert _run(console_script, directory, CACHEWASM_MODE="must-hit").returncode == 0


def test_run_where_the_support_image_is_missing_says_so_in_a_line(
    console_script: str, tmp_path: Path
) -> None:
    directory = tmp_path / "cache"
    assert _run(console_script, directory).returncode == 0
    (support,) = directory.rglob("*.support")
    support.unlink()
    refused = _run(console_script, directory, CACHEWASM_MODE="must-hit")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"cachewasm: {WASM}: the support image is not in the cache {directory}")
