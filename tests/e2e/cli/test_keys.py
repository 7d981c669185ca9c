"""`cachewasm cache keys`, and what other commands say of a cache that is sealed or of no use."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

TEXT = '(module $demo (func (export "f") (result i32) i32.const 1))'


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user with a home of their own, where no cache was chosen."""
    names = ("CACHEWASM_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    kept = {key: value for key, value in os.environ.items() if key not in names}
    (tmp_path / "home").mkdir(mode=0o700)
    return {**kept, "HOME": str(tmp_path / "home")}


def test_keys_new_makes_a_private_file_beside_the_configuration(
    cachewasm: Cachewasm, environment: dict[str, str], tmp_path: Path
) -> None:
    done = cachewasm("cache", "keys", "new", env=environment)
    path = tmp_path / "home" / ".config" / "cachewasm" / "key"
    number, said = done.stdout.decode().split()
    assert (done.returncode, said) == (0, str(path))
    assert f'key-file = "{path}"' in done.stderr.decode()
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    shown = cachewasm("cache", "keys", "show-id", "--json", env=environment)
    assert json.loads(shown.stdout) == {"path": str(path), "id": number}
    assert number not in path.read_text().splitlines()[-1]


def test_keys_new_never_replaces_a_file(cachewasm: Cachewasm, tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert cachewasm("cache", "keys", "new", path).returncode == 0
    before = path.read_bytes()
    done = cachewasm("cache", "keys", "new", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"cachewasm: {path}: File exists\n"
    assert path.read_bytes() == before


def test_keys_new_makes_no_directory_elsewhere(cachewasm: Cachewasm, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "key"
    done = cachewasm("cache", "keys", "new", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"cachewasm: {path}: there is no directory {path.parent}\n"
    assert not path.parent.exists()


def test_keys_new_are_different(cachewasm: Cachewasm, tmp_path: Path) -> None:
    made = [cachewasm("cache", "keys", "new", tmp_path / name) for name in ("a", "b")]
    assert made[0].stdout.split()[0] != made[1].stdout.split()[0]


def test_keys_new_where_it_would_not_be_believed_leaves_none(
    cachewasm: Cachewasm, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    done = cachewasm("cache", "keys", "new", tmp_path / "open" / "key")
    assert done.returncode == 1
    assert b"the key file is not trusted: " in done.stderr
    assert list((tmp_path / "open").iterdir()) == []


def test_keys_new_inside_the_cache_is_refused(cachewasm: Cachewasm, cache_dir: Path) -> None:
    cache_dir.mkdir(mode=0o700)
    done = cachewasm(
        *("cache", "keys", "new", cache_dir / "key"),
        env={**os.environ, "CACHEWASM_DIR": str(cache_dir)},
    )
    assert done.returncode == 1
    assert b"has to lie outside the cache directory" in done.stderr
    assert not (cache_dir / "key").exists()


def test_keys_show_id_of_no_key_file_is_an_error_in_one_line(
    cachewasm: Cachewasm, tmp_path: Path
) -> None:
    path = tmp_path / "text"
    path.write_text("hello", encoding="utf-8")
    path.chmod(0o600)
    done = cachewasm("cache", "keys", "show-id", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"cachewasm: the key file is not understood: ")


def test_sealed_cache_hits_for_who_has_the_secret_and_is_told_by_inspect_and_verify(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path, tmp_path: Path
) -> None:
    key, path = tmp_path / "key", module("one.wasm", TEXT)
    number = cachewasm("cache", "keys", "new", key).stdout.decode().split()[0]
    plain = {**os.environ, "CACHEWASM_DIR": str(cache_dir)}
    sealed = {**plain, "CACHEWASM_KEY_FILE": str(key)}
    assert cachewasm("run", "--invoke", "f", path, env=plain).returncode == 0
    assert cachewasm("cache", "verify", env=plain).returncode == 0
    # What was not made with the secret is untrusted, and made again.
    assert cachewasm("cache", "verify", env=sealed).returncode == 8
    refused = cachewasm("run", "--invoke", "f", path, env={**sealed, "CACHEWASM_MODE": "must-hit"})
    assert refused.returncode == 1
    assert b"the entry is untrusted: it is not sealed with a secret" in refused.stderr
    for _ in range(2):
        assert cachewasm("run", "--invoke", "f", path, env=sealed).returncode == 0
    assert cachewasm("cache", "verify", env=sealed).returncode == 0
    entries = [each for each in (cache_dir / "entries").rglob("*.*") if each.is_file()]
    assert len(entries) == 2
    for entry in entries:
        facts = json.loads(cachewasm("inspect", "--json", entry).stdout)
        assert (facts["sealed_with"], facts["intact"]) == (number, True)
    counts = json.loads(cachewasm("cache", "stats", "--json", env=sealed).stdout)["counts"]
    assert (counts["miss.untrusted"], counts["hit"]) == (2, 2)


def test_run_with_a_key_file_that_is_missing_is_an_error(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    environment = {**os.environ, "CACHEWASM_KEY_FILE": str(tmp_path / "absent")}
    done = cachewasm("run", "--invoke", "f", module("one.wasm", TEXT), env=environment)
    assert done.returncode == 1
    assert b"failed to read key file: " in done.stderr


def test_run_with_a_cache_of_no_use_says_so_once_and_runs(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    place = tmp_path / "file"
    place.touch()
    environment = {**os.environ, "CACHEWASM_DIR": str(place)}
    done = cachewasm("run", "--invoke", "f", module("one.wasm", TEXT), env=environment)
    assert (done.returncode, done.stdout) == (0, b"1\n")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cachewasm: warning: compiled code is not cached: untrusted: ")
