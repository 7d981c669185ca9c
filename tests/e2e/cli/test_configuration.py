"""A configuration file and the command: `run` uses the cache that the file describes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]


def test_run_uses_the_users_own_configuration(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    file = tmp_path / "home" / ".config" / "cachewasm" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[cache]\ndirectory = "{tmp_path}/cache"\npayload = "raw"\n', encoding="utf-8")
    file.chmod(0o600)
    names = ("CACHEWASM_DIR", "XDG_CONFIG_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in names}
    environment["HOME"] = str(tmp_path / "home")
    path = module("one.wasm", '(module (func (export "f") (result i32) i32.const 1))')
    for _ in range(2):
        done = cachewasm("run", "--invoke", "f", path, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
    entries = [each for each in (tmp_path / "cache" / "entries").rglob("*") if each.is_file()]
    # Of the module and of the support image; neither is compressed.
    assert len(entries) == 2
    assert all(each.stat().st_size > 8192 for each in entries)


def test_run_with_a_bad_configuration_is_an_error_in_one_line(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[cache]\nmode = 1\n", encoding="utf-8")
    file.chmod(0o600)
    done = cachewasm("run", "--config", file, module("one.wasm", "(module)"))
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"cachewasm: failed to parse config file: {file}: line 2: `mode`: "
        "invalid type: an integer, expected a string\n"
    )
