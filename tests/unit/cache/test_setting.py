"""The kinds of settings: each spelling has one meaning wherever it comes from."""

import os
import pwd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewasm.cache.setting import NotYet
from cachewasm.cache.settings import SETTINGS
from cachewasm.errors import ConfigError

MAX = (1 << 63) - 1
WORKING = [each for each in SETTINGS.values() if not isinstance(each, NotYet)]

SIZE = SETTINGS["files-total-size-soft-limit"]
COUNT = SETTINGS["file-count-soft-limit"]
AGE = SETTINGS["max-age"]
INTERVAL = SETTINGS["cleanup-interval"]
PERCENT = SETTINGS["file-count-limit-percent-if-deleting"]
LEVEL = SETTINGS["baseline-compression-level"]
MODE = SETTINGS["file-mode"]
OWNERS = SETTINGS["trusted-owners"]
SYNC = SETTINGS["sync"]


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("0", 0),
        ("7", 7),
        ("1K", 1000),
        ("1Ki", 1024),
        ("2 M", 2 * 10**6),
        ("512Mi", 512 << 20),
        ("3G", 3 * 10**9),
        ("3Gi", 3 << 30),
        ("1T", 10**12),
        ("1Ti", 1 << 40),
        ("1P", 10**15),
        (" 1Pi ", 1 << 50),
    ],
)
def test_size_has_decimal_and_binary_units(text: str, bytes_: int) -> None:
    assert SIZE.from_text(text) == bytes_


@pytest.mark.parametrize(
    "text",
    ["", "K", "1k", "1B", "1KB", "1iK", "1.5G", "-1", "+1", "1_000", "١", "1 K i", "1K1", "0x1"],
)
def test_size_with_a_bad_unit_is_refused(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^Invalid value, please refer to the documentation: exp"
    ):
        SIZE.from_text(text)


@pytest.mark.parametrize("text", ["9" * 19, "9" * 5000, "10000Pi", "-1"])
def test_size_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^Invalid value"):
        SIZE.from_text(text)


def test_count_knows_no_binary_units() -> None:
    assert COUNT.from_text("100K") == 100_000
    with pytest.raises(ConfigError, match="Invalid value"):
        COUNT.from_text("1Ki")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("30s", 30), ("5m", 300), ("12h", 43200), ("30d", 30 * 86400)]
)
def test_duration_has_four_units(text: str, seconds: int) -> None:
    assert INTERVAL.from_text(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5w", "5M", "1h30m", "h", "none", "-5s"])
def test_duration_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r'^Invalid value.*such as "30s"'):
        INTERVAL.from_text(text)


def test_duration_too_large_for_its_unit_is_refused() -> None:
    assert INTERVAL.from_text(f"{MAX}s") == MAX
    with pytest.raises(ConfigError, match="out of range"):
        INTERVAL.from_text(f"{MAX}m")


def test_limit_none_is_no_limit() -> None:
    assert AGE.from_text("none") is None
    assert AGE.from_argument(None) is None
    assert AGE.to_text(None) == "none"


def test_percent_is_a_share_with_its_sign() -> None:
    assert [PERCENT.from_text(text) for text in ("0%", "70%", "100 %")] == [0, 70, 100]
    with pytest.raises(ConfigError, match=r"^Invalid value"):
        PERCENT.from_text("70")


@pytest.mark.parametrize("what", ["file-count", "files-total-size"])
def test_percent_beyond_all_is_refused(what: str) -> None:
    subject = {"file-count": "files count", "files-total-size": "files total size"}[what]
    with pytest.raises(ConfigError) as raised:
        SETTINGS[f"{what}-limit-percent-if-deleting"].from_text("101%")
    assert str(raised.value) == (
        f"Invalid {subject} limit percent if deleting: 101 not in range 0-100%"
    )


@pytest.mark.parametrize("level", [-1, 22])
def test_level_beyond_zstd_is_refused(level: int) -> None:
    with pytest.raises(ConfigError) as raised:
        LEVEL.from_toml(level)
    assert str(raised.value) == f"Invalid baseline compression level: {level} not in 0..=21"


@pytest.mark.parametrize(("text", "bits"), [("600", 0o600), ("0640", 0o640), ("0660", 0o660)])
def test_file_mode_is_octal(text: str, bits: int) -> None:
    assert MODE.from_text(text) == MODE.from_argument(bits) == bits
    assert MODE.to_text(bits) == f"0{bits:o}"


@pytest.mark.parametrize("text", ["", "0o600", "6 0", "0800", "00600", "0700", "0400", "0602"])
def test_file_mode_that_no_entry_can_have_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        MODE.from_text(text)


def test_owners_are_numbers_or_names() -> None:
    me = pwd.getpwuid(os.getuid())
    assert OWNERS.from_toml([me.pw_name, 4000, 4000]) == tuple(sorted({me.pw_uid, 4000}))


@pytest.mark.parametrize("owners", ["root", [1.5], [True], [["a"]], [-1], [1 << 32], ["no such\0"]])
def test_owners_of_other_types_or_unknown_are_refused(owners: object) -> None:
    with pytest.raises(ConfigError):
        OWNERS.from_toml(owners)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("No", False), ("0", False)]
)
def test_switch_has_a_few_words(text: str, value: bool) -> None:
    assert SYNC.from_text(text) is value


@pytest.mark.parametrize("text", ["y", "2", "wahr", "True "])
def test_switch_other_words_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected one of `1`, `true`"):
        SYNC.from_text(text)


@pytest.mark.parametrize("key", ["directory", "key-file"])
def test_location_relative_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=r"has to be absolute, path: relative/x$"):
        SETTINGS[key].from_text("relative/x")
    with pytest.raises(ConfigError, match="null"):
        SETTINGS[key].from_text("/a\0b")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file-count-soft-limit", 65536),
        ("max-age", 5),
        ("baseline-compression-level", "3"),
        ("baseline-compression-level", True),
        ("sync", "true"),
        ("sync", 1),
        ("mode", 1),
        ("directory", ["/a"]),
        ("file-mode", 600),
    ],
)
def test_setting_of_another_toml_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=r"^invalid type: .*, expected a"):
        SETTINGS[key].from_toml(value)


@pytest.mark.parametrize("setting", WORKING, ids=lambda each: each.key)
def test_setting_of_another_python_type_is_a_type_error(setting: object) -> None:
    with pytest.raises(TypeError, match=r"^expected a"):
        setting.from_argument(1.5)  # type: ignore[attr-defined]


@given(st.integers(0, MAX))
def test_number_text_is_read_back(number: int) -> None:
    for setting in (SIZE, COUNT, INTERVAL, AGE):
        assert setting.from_text(setting.to_text(number)) == number


def test_number_text_has_the_largest_exact_unit() -> None:
    assert SIZE.to_text(512 << 20) == "512Mi"
    assert SIZE.to_text(10**9) == "1G"
    assert SIZE.to_text(0) == "0"
    assert INTERVAL.to_text(86400) == "1d"
    assert INTERVAL.to_text(90) == "90s"
    assert INTERVAL.to_text(0) == "0s"
