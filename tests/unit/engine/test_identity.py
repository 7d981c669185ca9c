"""The compiler identity: what is in it, what is not, and the build step that fixes it."""

import os
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from blake3 import blake3
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from cachewasm.engine import buildid, identity
from cachewasm.engine.version import VERSION
from cachewasm.errors import HostError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package's engine, as another checkout would hold it."""
    copy = tmp_path / "checkout" / "cachewasm"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("engine", "wasm", "cache"):
        shutil.copytree(ROOT / "cachewasm" / folder, copy / folder, ignore=ignored)
    # With its __init__.py the copy is the package; without, an installed one would be.
    for name in ("__init__.py", "errors.py", "managed.py"):
        shutil.copy(ROOT / "cachewasm" / name, copy)
    return copy


def run(package: Path, code: str) -> str:
    setup = f"import sys; sys.path.insert(0, {str(package.parent)!r})\n"
    setup += "from cachewasm.engine import identity\n"
    setup += f"assert identity.PACKAGE == {str(package)!r}, identity.PACKAGE\n"
    command = [sys.executable, "-I", "-B", "-c", setup + code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert identity.engine_version() == f"{VERSION}+{identity.source_digest().hex()[:12]}"


def test_digest_is_of_content_not_of_place_or_time(package: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(package, other)
    for path in other.rglob("*.py"):
        os.utime(path, (1, 1))
    assert identity.digest_sources(str(other)) == identity.digest_sources(str(package))


@pytest.mark.parametrize("path", ["errors.py", "wasm/types.py", "engine/isa.py", "wasm/new.py"])
def test_digest_source_of_the_compiler_changes_it(package: Path, path: str) -> None:
    before = identity.digest_sources(str(package))
    with open(package / path, "a") as file:
        file.write("\n# changed\n")
    assert identity.digest_sources(str(package)) != before


def test_digest_renamed_source_changes_it(package: Path) -> None:
    before = identity.digest_sources(str(package))
    (package / "errors.py").rename(package / "error.py")
    assert identity.digest_sources(str(package)) != before


@pytest.mark.parametrize(
    "path", ["cache/local.py", "runtime/x.py", "wasi/y/z.py", "_build.py", "engine/notes.txt"]
)
def test_digest_what_does_not_compile_is_left_out(package: Path, path: str) -> None:
    before = identity.digest_sources(str(package))
    (package / path).parent.mkdir(parents=True, exist_ok=True)
    (package / path).write_text("SOURCE_DIGEST = '00'\n")
    assert identity.digest_sources(str(package)) == before


def test_digest_missing_package_is_a_host_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot read the sources"):
        identity.digest_sources(str(tmp_path / "nothing"))


def test_identity_is_the_same_for_equal_checkouts(package: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "cachewasm"
    shutil.copytree(package, other)
    code = "print(identity.compiler_identity().hex())"
    assert run(package, code) == run(other, code)


def test_identity_differs_with_llvmlite(package: Path, tmp_path: Path) -> None:
    def found(version: str, library: bytes) -> str:
        place = tmp_path / "site" / "llvmlite"
        shutil.rmtree(place, ignore_errors=True)
        (place / "binding").mkdir(parents=True)
        (place / "__init__.py").write_text("raise ImportError('must not be imported')\n")
        (place / "_version.py").write_text(f"version_version = {version!r}\n")
        (place / "binding" / "libllvmlite.so").write_bytes(library)
        code = f"sys.path.insert(0, {str(place.parent)!r}); print(identity.compiler_identity())"
        return run(package, code)

    one = found("0.50.0", make_library(build_id=b"1" * 20))
    assert one == found("0.50.0", make_library(build_id=b"1" * 20))
    assert one != found("0.50.1", make_library(build_id=b"1" * 20))
    assert one != found("0.50.0", make_library(build_id=b"2" * 20))


def test_sources_changed_only_after_a_change(package: Path) -> None:
    code = (
        "import os\n"
        "place = identity.PACKAGE\n"
        "print(identity.sources_changed())\n"
        "open(place + '/errors.py', 'a').write('#')\n"
        "print(identity.sources_changed())\n"
    )
    assert run(package, code).split() == ["False", "True"]


def test_sources_changed_before_the_identity_was_taken_are_noticed(package: Path) -> None:
    # The loaded code is the old one, the digest would be of the new one.
    code = (
        "import os, time\n"
        "path = identity.PACKAGE + '/errors.py'\n"
        "while os.stat(path).st_ctime_ns <= identity._LOADED_AT: os.utime(path)\n"
        "identity.source_digest()\n"
        "print(identity.sources_changed())\n"
    )
    assert run(package, code) == "True"


def test_sources_added_are_noticed(package: Path) -> None:
    code = (
        "identity.source_digest()\n"
        "open(identity.PACKAGE + '/wasm/new.py', 'w').close()\n"
        "print(identity.sources_changed())\n"
    )
    assert run(package, code) == "True"


def test_build_writes_the_constant_into_the_build_only(package: Path) -> None:
    tree = package.parent
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    (tree / "README.md").touch()
    (tree / "cli").mkdir()
    for folder in (package, tree / "cli", *(p for p in package.iterdir() if p.is_dir())):
        (folder / "__init__.py").touch()
    expected = identity.digest_sources(str(package))
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", "build_py", "--build-lib", "out"]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    built = tree / "out" / "cachewasm"
    assert not (package / "_build.py").exists()
    assert f'SOURCE_DIGEST = "{expected.hex()}"' in (built / "_build.py").read_text()
    # The built package takes its identity from the constant, not from what lies beside it.
    (built / "errors.py").write_text((built / "errors.py").read_text() + "# patched\n")
    assert run(built, "print(identity.source_digest().hex())") == expected.hex()
    replaced = "identity.source_digest(); open(identity.PACKAGE + '/_build.py', 'a').write('#')\n"
    assert run(built, replaced + "print(identity.sources_changed())") == "True"


def make_library(
    *, build_id: bytes | None = None, needed: str | None = None, runpath: str = ""
) -> bytes:
    """A minimal ELF shared object: one segment over everything, a note, a dynamic section."""
    note = (
        b"" if build_id is None else struct.pack("<III", 4, len(build_id), 3) + b"GNU\0" + build_id
    )
    other_note = struct.pack("<III", 4, 4, 1) + b"GNU\0" + bytes(4)
    strings = b"\0" + (needed or "").encode() + b"\0" + runpath.encode() + b"\0"
    base, start = 0x10000, 64 + 3 * 56
    notes = other_note + note
    notes_at, strings_at = start, start + len(notes)
    dynamic_at = strings_at + len(strings)
    entries = [(5, base + strings_at)]
    if needed:
        entries += [(1, 1), (29, 2 + len(needed))]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in [*entries, (0, 0)])
    size = dynamic_at + len(dynamic)

    def segment(kind: int, offset: int, length: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, 4, offset, base + offset, 0, length, length, 1)

    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0
    )
    segments = segment(1, 0, size) + segment(4, notes_at, len(notes))
    return header + segments + segment(2, dynamic_at, len(dynamic)) + notes + strings + dynamic


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def test_build_id_of_the_installed_llvmlite_is_the_note() -> None:

    place = identity._find_llvmlite()
    assert place is not None
    path = f"{place}/binding/libllvmlite.so"
    with open(path, "rb") as file:
        section = ELFFile(file).get_section_by_name(".note.gnu.build-id")
        assert isinstance(section, NoteSection)
        expected = bytes.fromhex(next(section.iter_notes())["n_desc"])
    assert buildid.library_ids(path)[0] == b"build id " + expected


def test_build_id_is_found_behind_other_notes(tmp_path: Path) -> None:
    path = write(tmp_path / "lib.so", make_library(build_id=b"\1\2\3\4"))
    assert buildid.library_ids(path) == [b"build id \1\2\3\4"]


def test_build_id_missing_is_replaced_by_a_digest_of_the_file(tmp_path: Path) -> None:
    data = make_library()
    path = write(tmp_path / "lib.so", data)
    assert buildid.library_ids(path) == [b"content " + blake3(data).digest()]


def test_library_ids_include_a_linked_llvm(tmp_path: Path) -> None:
    (tmp_path / "llvm").mkdir()
    write(tmp_path / "llvm" / "libLLVM.so.22", make_library(build_id=b"llvm"))
    library = make_library(build_id=b"lite", needed="libLLVM.so.22", runpath="$ORIGIN/llvm")
    path = write(tmp_path / "lib.so", library)
    assert buildid.library_ids(path) == [b"build id lite", b"build id llvm"]


def test_library_ids_other_libraries_are_not_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "lib.so", make_library(build_id=b"lite", needed="libnowhere.so"))
    assert buildid.library_ids(path) == [b"build id lite"]


def test_library_ids_linked_llvm_that_cannot_be_found_is_refused(tmp_path: Path) -> None:
    library = make_library(build_id=b"lite", needed="libLLVM-nowhere.so", runpath="$ORIGIN/x")
    with pytest.raises(HostError, match=r"cannot find libLLVM-nowhere\.so"):
        buildid.library_ids(write(tmp_path / "lib.so", library))


def test_library_ids_truncated_or_foreign_file_is_refused_or_digested(tmp_path: Path) -> None:
    library = make_library(build_id=b"lite")
    for length in (0, 10, 63, 64, 100):
        with pytest.raises(HostError):
            buildid.library_ids(write(tmp_path / "lib.so", library[:length]))
    with pytest.raises(HostError, match="not a 64-bit little-endian ELF"):
        buildid.library_ids(write(tmp_path / "lib.so", b"MZ" + library[2:]))
    with pytest.raises(HostError, match="cannot identify"):
        buildid.library_ids(str(tmp_path / "missing.so"))


def test_identity_builds_of_one_compiler_for_several_machines_are_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parts_with(build_id: bytes) -> list[tuple[str, bytes]]:
        monkeypatch.setattr(identity, "library_ids", lambda path: [build_id])
        return identity.compiler_parts()

    for row in identity._SAME_LIBRARIES:
        assert len(row) > 1
        assert len({tuple(parts_with(build_id)) for build_id in row}) == 1
    known = [build_id for row in identity._SAME_LIBRARIES for build_id in row]
    other = buildid.BUILD_ID + bytes(20)
    assert len(set(known)) == len(known)
    assert parts_with(other)[-1] == (identity.LIBRARY, other)
