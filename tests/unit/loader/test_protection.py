"""Which pages are guarded against stray branches: those of marked code, where that can be done."""

import pytest

from cachewasm.artifact import format as elf
from cachewasm.artifact.reader import Artifact
from cachewasm.artifact.writer import CodeImage, SectionBytes, write_artifact
from cachewasm.errors import HostError
from cachewasm.loader import arena, image, native, protection


def artifact(machine: int, kind: int = elf.MODULE, *, is_marked: bool = False) -> Artifact:
    sections = [SectionBytes(elf.ENGINE_SECTION, b"engine")]
    image = CodeImage(bytes(4), b"", 64)
    return Artifact(write_artifact(image, machine, kind, sections, (), is_marked=is_marked))


@pytest.mark.parametrize(
    ("is_marked", "machine", "has_bti", "expected"),
    [
        (True, elf.MACHINE_AARCH64, True, native.PROT_BTI),
        (True, elf.MACHINE_AARCH64, False, 0),
        (False, elf.MACHINE_AARCH64, True, 0),
        (True, elf.MACHINE_X86_64, True, 0),
        (False, elf.MACHINE_X86_64, True, 0),
    ],
)
def test_page_protection_guards_marked_code_where_it_can(
    monkeypatch: pytest.MonkeyPatch, is_marked: bool, machine: int, has_bti: bool, expected: int
) -> None:
    monkeypatch.setattr(protection, "_has_bti", lambda: has_bti)
    assert protection.page_protection(artifact(machine, is_marked=is_marked)) == expected


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
    monkeypatch.setattr(arena, "slice_with", lambda *_: None)
    for is_marked in (False, True):
        with pytest.raises(HostError, match="cannot map compiled code"):
            image.load(artifact(elf.MACHINE_AARCH64, is_marked=is_marked))
    assert [bits & native.PROT_BTI for bits in asked] == [0, native.PROT_BTI]


def test_load_of_the_support_image_needs_no_marks() -> None:
    assert image.load(artifact(elf.MACHINE_X86_64, elf.SUPPORT)).text
