"""`cachewasm cache doctor`: a line for each check, and whether something is broken."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]


def test_doctor_of_a_sound_cache_is_zero(cachewasm: Cachewasm, cache_dir: Path) -> None:
    cache_dir.mkdir(0o700)
    done = cachewasm("cache", "doctor", "--json", "--cache-dir", cache_dir)
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {each["state"] for each in report} <= {"ok", "warn"}
    assert {"check", "state", "found", "advice"} == set(report[0])
    text = cachewasm("cache", "doctor", "--cache-dir", cache_dir).stdout.decode()
    assert "ok    locks: of open files, by byte" in text.splitlines()


def test_doctor_of_an_untrusted_directory_is_one_and_says_what_to_do(
    cachewasm: Cachewasm, cache_dir: Path
) -> None:
    cache_dir.mkdir()
    cache_dir.chmod(0o777)
    done = cachewasm("cache", "doctor", "--cache-dir", cache_dir)
    lines = done.stdout.decode().splitlines()
    at = lines.index(f"fail  owners: {cache_dir}: others can write to it (mode 0777)")
    assert done.returncode == 1
    assert lines[at + 1].startswith("      ")


def test_doctor_unacceptable_setting_is_a_check_not_an_error(cachewasm: Cachewasm) -> None:
    done = cachewasm("cache", "doctor", env={**os.environ, "CACHEWASM_DIR": "relative"})
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"fail  configuration: CACHEWASM_DIR: " in done.stdout
