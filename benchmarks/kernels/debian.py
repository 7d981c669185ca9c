"""Fetches upstream's archives out of Debian source packages, with `apt-get` and the machine's mirror.

The machine may know no source packages, and its own lists are not ours to change: apt works in a
folder of its own, on the mirrors that it is configured with for Debian's binary packages. What is
fetched stays in the ignored folder of fetched modules.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fetch import MODULES
from benchmarks.kernels.programs import Library

SOURCES = MODULES / "sources"


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _source_lists() -> str:
    entry = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = _lines(
        "apt-get", "indextargets", "--format", entry, "Created-By: Packages", "Label: Debian"
    )
    return "".join(f"{line}\n" for line in sorted(set(targets)))


def is_present(library: Library) -> bool:
    """Whether the archive is there with its digest."""
    path = SOURCES / library.archive
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == library.sha256


def fetch(libraries: Sequence[Library]) -> None:
    """Download the archives of the libraries' packages, and keep those with the stated digest.

    Raises `OSError` or `subprocess.CalledProcessError` where apt is not there or fails,
    `ValueError` where the machine's Debian has another version of a package.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("lists/partial", "parts", "cache/archives/partial", "got"):
            (folder / part).mkdir(parents=True)
        (folder / "sources.list").write_text(_source_lists())
        apt = (
            "apt-get",
            "-q",
            f"-oDir::Etc::SourceList={folder / 'sources.list'}",
            f"-oDir::Etc::SourceParts={folder / 'parts'}",
            f"-oDir::State::Lists={folder / 'lists'}",
            f"-oDir::Cache={folder / 'cache'}",
            "-oAPT::Sandbox::User=root",
        )
        subprocess.run([*apt, "update"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            [*apt, "source", "--download-only", *(library.package for library in libraries)],
            cwd=folder / "got",
            check=True,
            stdout=subprocess.DEVNULL,
        )
        SOURCES.mkdir(parents=True, exist_ok=True)
        for library in libraries:
            archive = folder / "got" / library.archive
            if not archive.exists():
                raise ValueError(f"{library.package}: its source has no {library.archive}")
            (SOURCES / library.archive).write_bytes(archive.read_bytes())
            if not is_present(library):
                raise ValueError(f"{library.archive}: its SHA-256 is not {library.sha256}")


def unpack(library: Library, folder: Path) -> None:
    """Unpack the library's sources from the archive, which is there, into `folder`."""
    with tarfile.open(SOURCES / library.archive) as archive:
        # Early releases of 3.11 have no filters; the digest says what is in the archive.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        inside = f"{library.folder}/"
        archive.extractall(folder, [member for member in archive if member.name.startswith(inside)])
