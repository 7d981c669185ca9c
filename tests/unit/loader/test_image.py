"""Images: mapped read-only or executable, never both writable and executable, in every way."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

import cachewasm
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import HostError
from cachewasm.loader import arena, image, native

MODULE = '(module (memory 1) (data (i32.const 0) "data") (func (export "f") (nop)))'


@pytest.fixture(scope="module")
def artifact() -> bytes:
    return cachewasm.Engine().precompile_module(bytes(wasmtime.wat2wasm(MODULE)))


def _mappings() -> Iterator[tuple[int, int, str, str]]:
    """Start, end, permissions and name of each mapping of this process."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            found = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)", line)
            assert found
            start, end, permissions, name = found.groups()
            yield int(start, 16), int(end, 16), permissions, name


def _permissions(address: int) -> str:
    return next(p for start, end, p, _ in _mappings() if start <= address < end)


def _refuse(*arguments: object, **keywords: object) -> int:
    raise OSError(38, "Function not implemented")


@pytest.fixture(params=["code alone", "all"])
def is_whole(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether all bytes of an artifact are mapped, as those of one that is not small."""
    if request.param == "all":
        monkeypatch.setattr(image, "_SMALL", 0)
    return bool(request.param == "all")


@pytest.fixture
def no_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may not make memory executable that was writable."""
    monkeypatch.setattr(arena, "slice_with", lambda *_: None)
    monkeypatch.setattr(image, "_SWITCH", "/nowhere")


@pytest.fixture(params=["slice", "sealed memfd", "anonymous", "missing memfd_create"])
def load(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> Callable[..., object]:
    """Loads an image in each of the ways that a system may leave."""
    if request.param != "slice":
        request.getfixturevalue("no_slices")
    if request.param == "anonymous":
        monkeypatch.setattr(os, "memfd_create", _refuse)
    elif request.param == "missing memfd_create":
        monkeypatch.delattr(os, "memfd_create")
    return image.load


@pytest.mark.emulator_cannot("/proc/self/maps never shows code as executable")
def test_load_maps_code_executable_and_nothing_writable(
    load: Callable[..., image.Image], artifact: bytes, is_whole: bool
) -> None:
    loaded = load(Artifact(artifact))
    start, end = int(loaded.address), int(loaded.address) + loaded.address.size
    assert _permissions(loaded.text) == "r-xp"
    assert _permissions(loaded.text + loaded.text_size - 1) == "r-xp"
    assert (start == loaded.text) is not is_whole
    if is_whole:
        assert _permissions(start) == "r--p"
    inside = {p for s, e, p, _ in _mappings() if s < end and e > start}
    assert inside <= {"r--p", "r-xp", "---p"}


def test_load_keeps_every_byte(load: Callable[..., image.Image], artifact: bytes) -> None:
    plan = Artifact(artifact)
    loaded = load(plan)
    assert loaded.artifact.data == artifact
    assert loaded.artifact.size == len(artifact)
    offset, size = plan.image_range
    code = bytes(native.view(loaded.text, size))
    assert code == artifact[offset : offset + size]
    for name, (start, length) in plan.sections.items():
        assert loaded.artifact.section(name) == artifact[start : start + length], name


@pytest.mark.emulator_cannot("/proc/self/maps takes mappings of one file for one")
def test_load_constants_on_pages_of_their_own_are_not_executable() -> None:
    table = " ".join(f"(f64.mul (f64.const {i}.5)" for i in range(1, 900))
    wat = f'(module (func (export "f") (param f64) (result f64) {table} (local.get 0){")" * 899}))'
    data = cachewasm.Engine().precompile_module(wat)
    loaded = image.load(Artifact(data))
    offset, size = loaded.artifact.image_range
    assert size > loaded.text_size + os.sysconf("SC_PAGE_SIZE")
    assert _permissions(loaded.text + loaded.text_size - 1) == "r-xp"
    assert _permissions(loaded.text + size - 1) == "r--p"
    assert bytes(native.view(loaded.text, size)) == data[offset : offset + size]


def test_load_leaves_no_descriptor_and_no_mapping(
    load: Callable[..., image.Image], artifact: bytes
) -> None:
    load(Artifact(artifact))
    descriptors = len(os.listdir("/proc/self/fd"))
    loaded = load(Artifact(artifact))
    address = int(loaded.address)
    assert any(start <= address < end for start, end, *_ in _mappings())
    assert len(os.listdir("/proc/self/fd")) == descriptors
    del loaded
    # A slice is ordinary memory again.
    found = {p for start, end, p, _ in _mappings() if start <= address < end}
    assert found <= {"rw-p"}


@pytest.mark.usefixtures("no_slices")
def test_load_sealed_file_cannot_be_written_afterwards(
    artifact: bytes, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    kept: list[int] = []
    create = os.memfd_create

    def spy(name: str, flags: int) -> int:
        fd = create(name, flags)
        kept.append(os.dup(fd))
        return fd

    monkeypatch.setattr(os, "memfd_create", spy)
    loaded = image.load(Artifact(artifact))
    (fd,) = kept
    try:
        before = bytes(native.view(loaded.text, 16))
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"\xcc" * 16, loaded.text - int(loaded.address))
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 1 << 24)
        assert bytes(native.view(loaded.text, 16)) == before
    finally:
        os.close(fd)


@pytest.mark.usefixtures("no_slices")
def test_load_without_address_space_is_a_host_error(
    artifact: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "mmap", _refuse)
    with pytest.raises(HostError, match="cannot map compiled code: Function not implemented"):
        image.load(Artifact(artifact))


def test_load_where_writable_memory_may_not_become_executable_maps_a_sealed_file() -> None:
    program = """
import ctypes, os, sys
import cachewasm
from cachewasm.artifact.reader import Artifact
from cachewasm.loader import image

data = cachewasm.Engine().precompile_module('(module (func (export "f")))')
copy = image.AnonymousCopy(len(data), huge=True)
copy.write(0, data)
copy.sealed()
REFUSE_EXEC_GAIN = 1
if ctypes.CDLL(None).prctl(65, REFUSE_EXEC_GAIN, 0, 0, 0):  # PR_SET_MDWE
    sys.exit(77)
for plan in (Artifact(data, copy), Artifact(data), Artifact(data)):
    loaded = image.load(plan)
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for place, permissions, _, _, _, name, *_ in (line for line in lines if len(line) > 5):
        start, end = (int(part, 16) for part in place.split("-"))
        if start <= loaded.text < end:
            print(permissions, name)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if ran.returncode == 77:
        pytest.skip("this kernel cannot refuse to make memory executable")
    # From a copy that was made before, and of code alone.
    assert (ran.stdout, ran.stderr) == (3 * "r-xp /memfd:cachewasm\n", "")


def test_load_large_artifact_on_huge_pages_wherever_the_system_has_them(
    artifact: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use = tmp_path / "enabled"
    monkeypatch.setattr(image, "_SWITCH", str(use))
    kinds = []
    for text in ("always [madvise] never\n", "always madvise [never]\n", None):
        if text is None:
            use.unlink()
        else:
            use.write_text(text)
        kinds.append(type(image.new_copy(3 << 20)))
    assert kinds == [image.AnonymousCopy, image.SealedCopy, image.SealedCopy]
    use.write_text("[always] madvise never\n")
    assert type(image.new_copy((1 << 19) + 1)) is image.AnonymousCopy
    assert type(image.new_copy(1 << 19)) is image.SealedCopy


@pytest.mark.parametrize("size", [1, (1 << 20) + 1, 2 << 20, (3 << 20) - 1, (5 << 20) + 3])
def test_huge_copy_is_mapped_and_given_back_whole(size: int) -> None:
    copy = image.AnonymousCopy(size, huge=True)
    copy.writable()[-1] = 7
    view = copy.sealed()
    assert (len(view), view[-1], view.readonly) == (size, 7, True)
    mapping = copy.made_executable(0, 4096)
    start, end = int(mapping), int(mapping) + mapping.size
    assert _permissions(start) == "r-xp"
    assert {p for s, e, p, _ in _mappings() if s < end and e > start} <= {"r-xp", "r--p"}
    del copy, mapping
    assert not any(s < end and e > start for s, e, *_ in _mappings())
