"""Checking a whole cache directory."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from cachewasm.cache.entry import KEY_PAIRS, MAGIC, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import CORRUPT, TORN, UNTRUSTED, WRONG_KEY
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.survey.verify import FOREIGN, OK, Finding, check_entry, verify

from .conftest import KEY, RAW
from .test_prune import leave_temporary_file


def _only(tmp_path: Path) -> Finding:
    (finding,) = verify(str(tmp_path / "cache")).findings
    return finding


def test_verify_intact_cache_is_sound(
    store: LocalStore, entry_path: Path, tmp_path: Path, other_key: ArtifactKey
) -> None:
    store.put(other_key, bytes(100_000), {})
    seen: list[tuple[int, int]] = []
    report = verify(str(tmp_path / "cache"), progress=lambda *told: seen.append(told))
    assert report.counts == {OK: 2}
    assert report.is_sound
    assert seen == [(1, 2), (2, 2)]


def test_verify_missing_directory_is_sound(tmp_path: Path) -> None:
    report = verify(str(tmp_path / "missing"))
    assert report.is_sound
    assert report.findings == ()


def test_verify_every_altered_byte_is_found(entry_path: Path, tmp_path: Path) -> None:
    data = bytearray(entry_path.read_bytes())
    for position in range(len(data)):
        data[position] ^= 1
        entry_path.write_bytes(data)
        data[position] ^= 1
        assert _only(tmp_path).verdict not in (OK, FOREIGN)


def test_verify_truncated_entry_is_torn(entry_path: Path, tmp_path: Path) -> None:
    os.truncate(entry_path, 200)
    report = verify(str(tmp_path / "cache"))
    assert report.counts == {TORN: 1}
    assert not report.is_sound


def test_verify_untrusted_entry_is_found(entry_path: Path, tmp_path: Path) -> None:
    entry_path.chmod(0o666)
    assert _only(tmp_path).verdict == UNTRUSTED


def test_verify_entry_under_another_name_is_wrong_key(
    entry_path: Path, tmp_path: Path, other_key: ArtifactKey
) -> None:
    entry_path.write_bytes(pack(other_key, b"x", {}))
    finding = _only(tmp_path)
    assert finding.verdict == WRONG_KEY
    assert other_key.entry_name in finding.detail


def test_verify_manifest_of_another_key_is_wrong_key(
    entry_path: Path, tmp_path: Path, key: ArtifactKey
) -> None:
    body = entry_path.read_bytes()[:-32].replace(b"optimized", b"optimizee")
    entry_path.write_bytes(body + blake3(body).digest())
    assert _only(tmp_path).verdict == WRONG_KEY


@pytest.mark.parametrize("name", KEY_PAIRS)
def test_verify_manifest_that_lacks_a_part_of_the_key_is_found(
    entry_path: Path, tmp_path: Path, name: str
) -> None:
    renamed = name[:-1].encode() + b"~"
    body = entry_path.read_bytes()[:-32].replace(name.encode(), renamed)
    entry_path.write_bytes(body + blake3(body).digest())
    assert _only(tmp_path).verdict == CORRUPT


def test_verify_foreign_file_does_no_harm(entry_path: Path, tmp_path: Path) -> None:
    entry_path.with_name("notes.txt").write_bytes(MAGIC)
    report = verify(str(tmp_path / "cache"))
    assert report.counts == {OK: 1, FOREIGN: 1}
    assert report.is_sound


def test_verify_fifo_in_place_of_an_entry_is_untrusted(entry_path: Path, tmp_path: Path) -> None:
    entry_path.unlink()
    os.mkfifo(entry_path)
    assert _only(tmp_path).verdict == UNTRUSTED


def test_verify_leftover_is_reported(entry_path: Path, tmp_path: Path) -> None:
    left = leave_temporary_file(tmp_path / "cache")
    report = verify(str(tmp_path / "cache"))
    assert [file.path for file in report.leftovers] == [str(left)]
    assert report.is_sound


def test_verify_untrusted_directory_is_not_sound(entry_path: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").chmod(0o777)
    report = verify(str(tmp_path / "cache"))
    assert report.counts == {OK: 1}
    assert report.directory_problem is not None
    assert not report.is_sound


def test_verify_quick_leaves_the_payload_alone(entry_path: Path, tmp_path: Path) -> None:
    data = bytearray(entry_path.read_bytes())
    data[120] ^= 1
    entry_path.write_bytes(data)
    assert verify(str(tmp_path / "cache"), quick=True).counts == {OK: 1}
    assert _only(tmp_path).verdict == CORRUPT


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda path: os.truncate(path, 200), TORN),
        (lambda path: path.chmod(0o666), UNTRUSTED),
        (lambda path: path.write_bytes(b"\0" + path.read_bytes()[1:]), CORRUPT),
        (lambda path: path.rename(path.with_name("notes")), FOREIGN),
    ],
)
def test_verify_quick_finds_what_the_head_tells(
    entry_path: Path, tmp_path: Path, change: Callable[[Path], object], verdict: str
) -> None:
    change(entry_path)
    assert verify(str(tmp_path / "cache"), quick=True).counts == {verdict: 1}


def test_verify_quick_entry_under_another_name_is_wrong_key(
    entry_path: Path, tmp_path: Path, other_key: ArtifactKey
) -> None:
    entry_path.write_bytes(pack(other_key, b"x", {}))
    assert verify(str(tmp_path / "cache"), quick=True).counts == {WRONG_KEY: 1}


def test_verify_checks_the_entries_that_are_chosen(
    store: LocalStore, entry_path: Path, tmp_path: Path, other_key: ArtifactKey
) -> None:
    store.put(other_key, b"x", {})
    report = verify(str(tmp_path / "cache"), choose=lambda entries: entries[1:])
    (finding,) = report.findings
    assert finding.file.name == max(KEY.entry_name, other_key.entry_name)


def test_check_entry_of_any_name_gives_the_entry(entry_path: Path) -> None:
    copy = entry_path.rename(entry_path.with_name("copy"))
    status = copy.stat()
    file = ListedFile("copy", str(copy), status.st_size, status.st_mtime_ns, is_regular=True)
    finding, entry = check_entry(file)
    assert finding.verdict == OK
    assert entry is not None and bytes(entry.raw) == RAW
