"""Which pages are guarded against stray branches: those of marked code, where that can be done."""

import pytest

from cachewasm.artifact import format as elf
from cachewasm.artifact.reader import Artifact
from cachewasm.artifact.writer import CodeImage, SectionBytes, write_artifact
from cachewasm.errors import HostError, IncompatibleArtifact
from cachewasm.loader import image, native, protection


def artifact(mark: bytes | None, machine: int, kind: int = elf.MODULE) -> Artifact:
    sections = [SectionBytes(elf.ENGINE_SECTION, b"engine")]
    if mark is not None:
        sections.append(SectionBytes(elf.BTI_SECTION, mark, 1))
    return Artifact(write_artifact(CodeImage(bytes(4), b"", 64), machine, kind, sections, ()))


@pytest.mark.parametrize(
    ("mark", "machine", "has_bti", "expected"),
    [
        (b"\1", elf.MACHINE_AARCH64, True, native.PROT_BTI),
        (b"\1", elf.MACHINE_AARCH64, False, 0),
        (b"\0", elf.MACHINE_AARCH64, True, 0),
        (b"\1", elf.MACHINE_X86_64, True, 0),
        (b"\0", elf.MACHINE_X86_64, True, 0),
    ],
)
def test_page_protection_guards_marked_code_where_it_can(
    monkeypatch: pytest.MonkeyPatch, mark: bytes, machine: int, has_bti: bool, expected: int
) -> None:
    monkeypatch.setattr(protection, "_has_bti", lambda: has_bti)
    assert protection.page_protection(artifact(mark, machine)) == expected


def test_load_asks_for_guarded_pages_where_code_is_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def refuse(size: int, protection: int, flags: int, **place: int) -> int:
        if protection & native.PROT_EXEC:
            asked.append(protection)
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(protection, "_has_bti", lambda: True)
    monkeypatch.setattr(native, "mmap", refuse)
    for mark in (b"\0", b"\1"):
        with pytest.raises(HostError, match="cannot map compiled code"):
            image.load(artifact(mark, elf.MACHINE_AARCH64))
    assert [bits & native.PROT_BTI for bits in asked] == [0, native.PROT_BTI]


def test_load_of_the_support_image_needs_no_section() -> None:
    assert image.load(artifact(None, elf.MACHINE_X86_64, elf.SUPPORT)).text


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (None, "missing `.cachewasm.bti` section"),
        (b"", "invalid `.cachewasm.bti` section"),
        (b"\2", "invalid `.cachewasm.bti` section"),
        (b"\0\0", "invalid `.cachewasm.bti` section"),
    ],
)
def test_page_protection_of_an_artifact_that_does_not_say_is_refused(
    mark: bytes | None, message: str
) -> None:
    with pytest.raises(IncompatibleArtifact) as caught:
        image.load(artifact(mark, elf.MACHINE_X86_64))
    assert str(caught.value) == message
