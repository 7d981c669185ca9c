"""Make `.venv-aarch64`, in which an AArch64 Python runs this checkout on an x86-64 machine.

    python3 tests/aarch64/set_up.py [--tools]
    .venv-aarch64/bin/python -m pytest tests/unit/loader

Debian's CPython for arm64 and the libraries it needs are unpacked into a folder, PyPI's aarch64
wheels of what pyproject.toml names are installed beside it, and `bin/python` runs that under
qemu's user mode emulation, child processes included. Nothing of the system is changed: apt works on
lists of its own, and no package is installed. An emulator that is not there is unpacked, too; with
`--tools` also a debugger and a disassembler for AArch64, to run here as `bin/gdb-multiarch` and
`bin/aarch64-linux-gnu-objdump`.

A second time nothing is done, unless this file, the requirements or llvmlite's version differ.
Needs apt-get and dpkg-deb (Debian or what derives from it) and a Python with pip.
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PLACE = CHECKOUT / ".venv-aarch64"
PYTHON = "3.11"
EMULATOR = "qemu-aarch64-static"
TOOLS = {
    "gdb-multiarch": "gdb-multiarch",
    "aarch64-linux-gnu-objdump": "binutils-aarch64-linux-gnu",
}
# pip takes a wheel whose tag is one of these; glibc is Debian's.
GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")
# Clusters are not what is tested there, and take 20 packages.
NOT_NEEDED = ("distributed",)


class SetUpError(Exception):
    """Why there can be no such environment, in one sentence."""


def main() -> int:
    """Make the environment if it is missing or out of date, and its tools; 1 if that fails."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument(
        "--tools", action="store_true", help="a debugger and a disassembler, too"
    )
    options = arguments.parse_args()
    stamp = PLACE / "stamp"
    wanted = _fingerprint()
    try:
        if stamp.exists() and stamp.read_text() == wanted:
            print(f"{PLACE.name} is up to date")
        else:
            _make()
            stamp.write_text(wanted)
        if options.tools and not all((PLACE / "bin" / name).exists() for name in TOOLS):
            _unpack_tools()
    except SetUpError as error:
        print(f"set_up: {error}", file=sys.stderr)
        return 1
    return 0


def _make() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    emulator = _find_emulator()
    _unpack("arm64", PLACE / "root", (f"python{PYTHON}", "libstdc++6"))
    _install_wheels()
    _link_checkout()
    _write_launcher(emulator)
    _compile_libraries()
    _say(_run("the emulated Python does not start", [str(PLACE / "bin/python"), "-c", _TELL]))


_TELL = "import platform, llvmlite; print(platform.python_version(), platform.machine(), llvmlite.__version__)"


def _fingerprint() -> str:
    """What the environment depends on."""
    parts = [Path(__file__).read_text(), *requirements(), str(CHECKOUT), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def requirements() -> list[str]:
    """What is to be installed; llvmlite in the version of this Python, so that code can be compared."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    wanted = [each for each in named if not each.startswith(NOT_NEEDED)]
    with suppress(PackageNotFoundError):
        wanted.append(f"llvmlite=={version('llvmlite')}")
    return wanted


def _find_emulator() -> str:
    installed = shutil.which(EMULATOR)
    if installed is None:
        _unpack(_host(), PLACE / "qemu", ("qemu-user-static",))
        installed = str(PLACE / "qemu/usr/bin" / EMULATOR)
        if not os.path.exists(installed):
            raise SetUpError(f"the package qemu-user-static has no {EMULATOR}")
    return installed


def _host() -> str:
    """Debian's name of this machine's architecture."""
    return _run("dpkg is not here", ["dpkg", "--print-architecture"]).strip()


def _unpack_tools() -> None:
    """The tools with all libraries that they need, the system's loader among them."""
    root = PLACE / "tools"
    shutil.rmtree(root, ignore_errors=True)
    _unpack(_host(), root, tuple(TOOLS.values()))
    loaders = [*root.glob("lib/*/ld-linux-*.so.*"), *root.glob("usr/lib/*/ld-linux-*.so.*")]
    if not loaders:
        raise SetUpError("the packages of the tools have no loader")
    folders = [
        str(path) for where in ("lib", "usr/lib") for path in root.glob(f"{where}/*-linux-gnu")
    ]
    start = ("env", f"PYTHONHOME={root}/usr", loaders[0], "--library-path", ":".join(folders))
    for name in TOOLS:
        more = (f"--data-directory={root}/usr/share/gdb",) if name == "gdb-multiarch" else ()
        words = " ".join(
            shlex.quote(str(word)) for word in (*start, root / "usr/bin" / name, *more)
        )
        _write_program(PLACE / "bin" / name, f'exec {words} "$@"\n')


def _write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def _unpack(architecture: str, root: Path, packages: tuple[str, ...]) -> None:
    """Download packages and what they depend on, and unpack them into a folder."""
    apt = PLACE / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text("")
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Dir::Cache": str(apt),
        "Dir::State": str(apt),
        "Dir::State::status": str(apt / "status"),
        "pkgAcquire::Retries": "3",
    }
    command = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _say(f"packages for {architecture}: {', '.join(packages)}")
    _run("Debian's lists of packages cannot be had", [*command, "update"])
    _run(
        f"Debian's packages for {architecture} cannot be had",
        [*command, "-y", "--download-only", "install", *packages],
    )
    root.mkdir()
    for package in sorted((apt / "archives").glob("*.deb")):
        _run(f"cannot unpack {package.name}", ["dpkg-deb", "-x", str(package), str(root)])
    shutil.rmtree(apt)


def _site_packages() -> Path:
    return PLACE / f"lib/python{PYTHON}/site-packages"


def _install_wheels() -> None:
    _say("wheels for aarch64")
    platforms = [f"--platform={glibc}_aarch64" for glibc in GLIBC]
    abis = [f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")]
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-warn-conflicts"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [*platforms, *abis, f"--target={_site_packages()}", *requirements()]
    _run("the aarch64 wheels cannot be had", command)


def _link_checkout() -> None:
    # As an editable install has it: sources that are edited are what runs.
    for name, folder in (("cachewasm", "cachewasm"), ("cachewasm_cli", "cli")):
        (_site_packages() / name).symlink_to(CHECKOUT / folder)


def _write_launcher(emulator: str) -> None:
    """bin/python: sys.executable of the emulated Python, too, so that its children are emulated."""
    root = PLACE / "root"
    (PLACE / "pyvenv.cfg").write_text(f"home = {root}/usr/bin\nversion = {PYTHON}\n")
    launcher = PLACE / "bin/python"
    launcher.parent.mkdir()
    interpreter = f"{root}/usr/bin/python{PYTHON}"
    words = " ".join(shlex.quote(word) for word in (emulator, "-L", str(root)))
    command = f'exec {words} -0 "$0" {shlex.quote(interpreter)} "$@"\n'
    _write_program(launcher, f"export AARCH64_EMULATED=1\n{command}")


def _compile_libraries() -> None:
    """Bytecode for what is imported, if this Python's is the same: emulated, it takes a minute."""
    if platform.python_version().startswith(f"{PYTHON}."):
        folders = [f"{PLACE}/root/usr/lib/python{PYTHON}", str(_site_packages())]
        # Some packages bring files that no Python compiles.
        subprocess.run([sys.executable, "-m", "compileall", "-qq", "-j0", *folders], check=False)


def _run(problem: str, command: list[str]) -> str:
    """The command's output. Raises SetUpError that begins with `problem` if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SetUpError(f"{problem}: {command[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise SetUpError(f"{problem}: {' / '.join(said) or f'exit code {done.returncode}'}")
    return done.stdout


def _say(text: str) -> None:
    print(text.strip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
