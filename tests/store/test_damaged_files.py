"""Every kind of file with every byte altered, cut short anywhere, and spliced with others at random.

What comes of it is an explained miss or a clear error, never a wrong byte and no other exception; and
`verify` finds what a lookup would not accept.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cachewasm.cache.history import statistics
from cachewasm.cache.survey.verify import OK, verify
from cachewasm.cache.upkeep.prune import prune

from .damage import KINDS, OTHERWISE, RIGHT, WRONG_BYTES, Kind, flips, splices, truncations

SPLICES = 300


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of file."""
    return KINDS[request.param]


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """Where a cache directory can be."""
    return str(tmp_path / "cache")


@pytest.fixture(scope="module")
def donors() -> Iterator[list[bytes]]:
    """An intact file of each kind."""
    with tempfile.TemporaryDirectory() as parent:
        yield [Path(each.make(f"{parent}/{name}")).read_bytes() for name, each in KINDS.items()]


def _check(kind: Kind, cache: str, path: Path, damaged: Iterable[bytes]) -> int:
    """Read each damaged file; how many there were."""
    count = 0
    for data in damaged:
        count += 1
        path.write_bytes(data)
        outcome = kind.read(cache)
        assert outcome
        if kind.is_sealed:
            assert outcome not in (RIGHT, OTHERWISE, WRONG_BYTES), data
    return count


def test_file_as_it_was_made_is_right(kind: Kind, cache: str) -> None:
    kind.make(cache)
    assert kind.read(cache) == RIGHT


def test_file_with_each_byte_altered_is_explained(kind: Kind, cache: str) -> None:
    path = Path(kind.make(cache))
    data = path.read_bytes()
    assert _check(kind, cache, path, flips(data)) >= 3 * min(len(data), 100)


def test_file_cut_short_anywhere_is_explained(kind: Kind, cache: str) -> None:
    path = Path(kind.make(cache))
    data = path.read_bytes()
    assert _check(kind, cache, path, truncations(data)) >= min(len(data), 100)


def test_file_spliced_is_explained(kind: Kind, cache: str, donors: list[bytes]) -> None:
    path = Path(kind.make(cache))
    _check(kind, cache, path, splices(path.read_bytes(), donors, SPLICES))


def test_file_spliced_is_found_by_verify_and_stops_no_prune(
    kind: Kind, cache: str, donors: list[bytes]
) -> None:
    path = Path(kind.make(cache))
    for data in splices(path.read_bytes(), donors, SPLICES // 10):
        path.write_bytes(data)
        report = verify(cache, kind.rules)
        if kind.is_sealed:
            assert [each for each in report.findings if each.verdict != OK and each.detail]
        prune(cache, max_size=None, older_than=None, dry_run=True)
        statistics.fold(cache)


@pytest.mark.parametrize("name", [name for name, each in KINDS.items() if each.seal])
def test_file_spliced_and_sealed_again_has_no_wrong_bytes(
    name: str, cache: str, donors: list[bytes]
) -> None:
    kind = KINDS[name]
    assert kind.seal is not None
    path = Path(kind.make(cache))
    for data in splices(path.read_bytes(), donors, SPLICES):
        path.write_bytes(kind.seal(data))
        outcome = kind.read(cache)
        # A forger may say other things about an artifact, but verify sees when its bytes are others.
        (finding, *_) = verify(cache).findings
        assert outcome != WRONG_BYTES or finding.verdict != OK
