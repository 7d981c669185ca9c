"""Writes the kernels' `.wasm` files from the sources beside them; `--check` only compares.

Text is converted by PyPI wasmtime and C compiled by Debian's clang, so that the binaries owe nothing
to the engine they measure. What a kernel is made of need not be there: without the compiler or a
library's sources its binary is left as it is, and named. `--check` fetches nothing, and compares
compiled code only if the compiler is the one of the last build.

    apt-get install clang lld wasi-libc libclang-rt-dev-wasm32
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import wasmtime

from benchmarks.kernels import FOLDER, KERNELS, Kernel, debian
from benchmarks.kernels.programs import FLAGS, LIBRARIES, PACKAGES

STUBS = FOLDER / "stubs"
TOOLCHAIN = FOLDER / "toolchain.txt"


class Unavailable(Exception):
    """A kernel that cannot be built here, and why."""


def _installed() -> str | None:
    """The compiler's packages with their versions, one a line; None if one is missing."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _fetch_sources() -> None:
    missing = [library for library in LIBRARIES.values() if not debian.is_present(library)]
    if not missing:
        return
    try:
        debian.fetch(missing)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"no sources: {error}")


def _compiled(kernel: Kernel) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["clang-14", *FLAGS, str(kernel.source), "-o", str(folder / "out.wasm")]
        library = LIBRARIES.get(kernel.name)
        if library is None:
            command += ["-Wall", "-Werror"]
        else:
            if not debian.is_present(library):
                raise Unavailable(f"the sources of {library.package} are not there")
            debian.unpack(library, folder)
            command += library.arguments(folder, STUBS)
        subprocess.run(command, check=True)
        made = (folder / "out.wasm").read_bytes()
    imports = wasmtime.Module(wasmtime.Engine(), made).imports
    if imports:
        raise ValueError(f"{kernel.name} imports {imports[0].module}.{imports[0].name}")
    return made


def _made(kernel: Kernel, compiler: str | None) -> bytes:
    """The kernel's binary; `compiler` says why nothing can be compiled, if so."""
    if kernel.source.suffix == ".wat":
        return bytes(wasmtime.wat2wasm(kernel.source.read_text()))
    if compiler is not None:
        raise Unavailable(compiler)
    return _compiled(kernel)


def main(arguments: list[str]) -> int:
    """Build, or compare and return 1 if a binary is not what its source gives."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.build", description=__doc__)
    names = [kernel.name for kernel in KERNELS]
    parser.add_argument(
        "--check", nargs="*", choices=names, metavar="NAME", help="only compare all, or those named"
    )
    named = parser.parse_args(arguments).check
    check = named is not None
    installed, refusal = _installed(), None
    if installed is None:
        refusal = "the compiler is not there"
    elif not check:
        _fetch_sources()
        TOOLCHAIN.write_text(installed)
    elif installed != TOOLCHAIN.read_text():
        refusal = "the compiler is not the one of the last build"
    stale = []
    for kernel in KERNELS:
        if named and kernel.name not in named:
            continue
        try:
            made = _made(kernel, refusal)
        except Unavailable as reason:
            print(f"{kernel.path.name}: left out: {reason}")
            continue
        if not check:
            kernel.path.write_bytes(made)
        elif not kernel.path.exists() or kernel.binary() != made:
            stale.append(kernel.path.name)
    for name in stale:
        print(f"{name} is not what its source gives", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
