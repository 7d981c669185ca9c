"""`cache config`: what is in effect, and where it comes from."""

import json
from pathlib import Path

import pytest
from cachewasm_cli.arguments import scan
from cachewasm_cli.main import main

from cachewasm.cache.setting import NotYet
from cachewasm.cache.settings import SETTINGS

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('[cache]\ndirectory = "/in/the/file"\nlock-timeout = "5m"\n', encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command changes variables of its process: they are as before after the test."""
    monkeypatch.setenv("CACHEWASM_DIR", "")
    monkeypatch.setenv("CACHEWASM_CONFIG", "")
    monkeypatch.setenv("CACHEWASM_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def rows(capsys: Capture, *arguments: str) -> dict[str, tuple[str, str]]:
    assert main(["cache", "config", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "ORIGIN"]
    cells = [line.split(None, 2) for line in lines[1:-1]]
    return {key: (value, origin) for key, value, origin in cells}


def test_cache_config_shows_every_setting(capsys: Capture, tmp_path: Path) -> None:
    shown = rows(capsys)
    keys = [each.key for each in SETTINGS.values() if not isinstance(each, NotYet)]
    assert list(shown) == ["enabled", *keys]
    assert {origin for _, origin in shown.values()} == {"default"}
    assert shown["directory"][0] == f"{tmp_path}/cachewasm"
    assert shown["files-total-size-soft-limit"][0] == "512Mi"
    assert shown["baseline-compression-level"][0] == "by-size"


def test_cache_config_shows_each_origin(
    capsys: Capture, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CACHEWASM_SYNC", "on")
    monkeypatch.setenv("CACHEWASM_CACHE", "off")
    shown = rows(capsys, "--config", str(file))
    assert shown["enabled"] == ("false", "variable CACHEWASM_CACHE")
    assert shown["directory"] == ("/in/the/file", f"{file}:2")
    assert shown["lock-timeout"] == ("5m", f"{file}:3")
    assert shown["sync"] == ("true", "variable CACHEWASM_SYNC")
    shown = rows(capsys, "--config", str(file), "--cache-dir", str(tmp_path))
    assert shown["enabled"] == ("true", "argument")
    assert shown["directory"] == (str(tmp_path), "argument")


def test_cache_config_json_has_values_and_places(capsys: Capture, file: Path) -> None:
    assert main(["cache", "config", "--json", "--config", str(file)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["file"] == str(file)
    assert facts["enabled"] == {"value": True, "origin": "default", "place": None, "line": None}
    settings = facts["settings"]
    place = {"origin": "file", "place": str(file)}
    assert settings["lock-timeout"] == {"value": 300, **place, "line": 3}
    assert settings["file-mode"]["value"] == "0600"
    assert settings["trusted-owners"]["value"] == []
    assert settings["key-file"]["value"] is None


def test_cache_config_bad_file_is_one_line_with_its_place(
    capfd: pytest.CaptureFixture[str], file: Path
) -> None:
    file.write_text("[cache]\nbogus = 1\n", encoding="utf-8")
    assert main(["cache", "config", "--config", str(file)]) == 1
    assert capfd.readouterr().err.startswith(
        f"cachewasm: failed to parse config file: {file}: line 2: unknown field `bogus`, expected"
    )


def test_cache_dir_is_that_of_the_file(capsys: Capture, file: Path) -> None:
    assert main(["cache", "dir", "--config", str(file)]) == 0
    assert capsys.readouterr().out == "/in/the/file\n"


def test_cache_dir_option_counts_more_than_the_file(
    capsys: Capture, file: Path, tmp_path: Path
) -> None:
    assert main(["cache", "dir", "--config", str(file), "--cache-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}\n"


def test_scan_config_is_the_file_of_the_cache() -> None:
    assert scan(["--config", "c.toml", "m"]).config == "c.toml"


def test_config_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["cache", "config"]) == 0
    rows = capfd.readouterr().out.splitlines()[:-1]
    assert len(rows) > 20
    assert max(map(len, rows)) <= 40
