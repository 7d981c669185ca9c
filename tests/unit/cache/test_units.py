"""Sizes and ages as people write them."""

import pytest

from cachewasm.cache.units import parse_age, parse_duration, parse_jobs, parse_size
from cachewasm.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1234", 1234),
        ("12B", 12),
        ("500kB", 500_000),
        ("500KB", 500_000),
        ("2MB", 2_000_000),
        ("1.5GB", 1_500_000_000),
        ("1TB", 10**12),
        ("1KiB", 1024),
        ("512MiB", 512 << 20),
        (" 1.25 GiB ", 5 << 28),
        ("2TiB", 2 << 40),
        ("0.1kB", 100),
    ],
)
def test_parse_size_understands(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "GB", "-1", "1e3", "1 2", "1.GB", ".5GB", "1.2.3", "1gb", "1G", "1mB", "1 GB x", "1_000"],
)
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size: expected a number and a unit"):
        parse_size(text)


@pytest.mark.parametrize(
    "text",
    ["\N{ARABIC-INDIC DIGIT TWO}", "\N{SUPERSCRIPT TWO}", "9" * 5000, "nan", "inf"],
)
def test_parse_size_refuses_what_python_might_take(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size: expected a number and a unit"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("5m", 300), ("12h", 43200), ("5d", 432000), ("2w", 1209600), ("1.5h", 5400)],
)
def test_parse_age_understands(text: str, expected: int) -> None:
    assert parse_age(text) == expected


@pytest.mark.parametrize("text", ["", "5", "h", "-5d", "5 days", "5M", "5y", "1d2h"])
def test_parse_age_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an age: expected a number"):
        parse_age(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("0s", 0), ("0.25s", 0.25), ("30s", 30), ("1.5m", 90), ("2h", 7200)]
)
def test_parse_duration_understands(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5ms", "2w", "1e3s"])
def test_parse_duration_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a duration: expected a number"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("08", 8), ("1024", 1024)])
def test_parse_jobs_understands(text: str, expected: int) -> None:
    assert parse_jobs(text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1025", "99999", "2x", "1_0", "\N{SUPERSCRIPT TWO}"]
)
def test_parse_jobs_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a number of processes from 1 to 1024"):
        parse_jobs(text)
