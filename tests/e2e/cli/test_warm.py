"""`cachewasm cache warm`: modules and folders into the cache, for this host and others."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.engine.host import host_target

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

ANSWER = '(module $answer (func (export "f") (result i32) (i32.const 42)))'
INVALID = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\5\1\3\0\x1a\x0b"  # drop of nothing


@pytest.fixture
def folder(tmp_path: Path, module: MakeModule) -> Path:
    """A binary, a text and a module that is wrong, in and below a folder."""
    folder = tmp_path / "modules"
    (folder / "below").mkdir(parents=True)
    module("modules/answer.wasm", ANSWER)
    (folder / "below" / "text.wat").write_text('(module (func (export "g")))')
    (folder / "below" / "wrong.wasm").write_bytes(INVALID)
    return folder


def results(done: Completed) -> dict[str | None, str]:
    """What became of each file, by its name."""
    rows = json.loads(done.stdout)["results"]
    return {row["path"] and os.path.basename(row["path"]): row["result"] for row in rows}


def test_warm_compiles_what_is_right_and_says_what_is_wrong(
    cachewasm: Cachewasm, cache_dir: Path, folder: Path
) -> None:
    done = cachewasm("cache", "warm", "--json", "--cache-dir", cache_dir, folder)
    assert (done.returncode, done.stderr) == (1, b"")
    report = json.loads(done.stdout)
    assert report["counts"] == {"hit": 0, "compiled": 3, "failed": 1}
    assert [row["path"] and os.path.relpath(row["path"], folder) for row in report["results"]] == [
        "answer.wasm",
        "below/text.wat",
        "below/wrong.wasm",
        None,
    ]
    problems = [row["problem"] for row in report["results"]]
    assert (problems[:2], problems[3]) == ([None, None], None)
    assert "(at offset" in problems[2]


def test_warm_again_finds_all_and_run_compiles_nothing(
    cachewasm: Cachewasm, cache_dir: Path, folder: Path
) -> None:
    (folder / "below" / "wrong.wasm").unlink()
    first = cachewasm("cache", "warm", "--json", "--cache-dir", cache_dir, folder)
    assert set(results(first).values()) == {"compiled"}
    again = cachewasm("cache", "warm", "--json", "--cache-dir", cache_dir, folder)
    assert (again.returncode, set(results(again).values())) == (0, {"hit"})
    (cache_dir / "stats" / "log").unlink()
    for name, export, printed in (("answer.wasm", "f", b"42\n"), ("below/text.wat", "g", b"")):
        done = cachewasm("run", "--cache-dir", cache_dir, "--invoke", export, folder / name)
        assert done.stdout == printed
    counts = json.loads(cachewasm("cache", "stats", "--json", "--cache-dir", cache_dir).stdout)
    assert (counts["hits"], counts["misses"]) == (4, 0)


def test_warm_with_options_of_config_is_for_who_has_the_same(
    cachewasm: Cachewasm, cache_dir: Path, module: MakeModule, tmp_path: Path
) -> None:
    path, place = module("answer.wasm", ANSWER), ("--cache-dir", cache_dir)
    options = ("-C", "consume_fuel", "-C", "target_features=+movbe", "-C", "tune_cpu=znver4")
    assert cachewasm("cache", "warm", *place, *options, path).returncode == 0
    done = cachewasm("cache", "why", *place, *options, path)
    assert (done.returncode, done.stderr) == (0, b"")
    done = cachewasm("cache", "why", *place, "-C", "epoch_interruption", path)
    assert done.returncode == 3
    assert "    tunables.consume_fuel: false here, true there" in done.stdout.decode().splitlines()
    # Locking is by the same options.
    lock = tmp_path / "app.lock"
    assert cachewasm("cache", "lock", *place, *options, "-o", lock, path).returncode == 0
    assert cachewasm("cache", "lock", *place, "-o", lock, path).returncode == 1


def test_warm_for_several_targets_makes_entries_of_each_once(
    cachewasm: Cachewasm, cache_dir: Path, module: MakeModule
) -> None:
    path = module("answer.wasm", ANSWER)
    targets = ("host", host_target().level, "x86-64-v1", "aarch64-unknown-linux-gnu")
    options = [part for target in targets for part in ("--target", target)]
    done = cachewasm("cache", "warm", "--json", "--cache-dir", cache_dir, *options, path)
    rows = json.loads(done.stdout)["results"]
    labels = dict.fromkeys((host_target().level, "x86-64-v1", "armv8-a"))
    assert [row["isa"] for row in rows] == [label for label in labels for _ in range(2)]
    assert {row["result"] for row in rows} == {"compiled"}
    listed = json.loads(cachewasm("cache", "list", "--json", "--cache-dir", cache_dir).stdout)
    assert len(listed) == len(rows)


def test_warm_tells_people_each_file_and_the_sum(
    cachewasm: Cachewasm, cache_dir: Path, module: MakeModule
) -> None:
    path = module("answer.wasm", ANSWER)
    command = ("cache", "warm", "--jobs", "2", "--strategy", "baseline", "--cache-dir", cache_dir)
    lines = cachewasm(*command, path).stdout.decode().splitlines()
    assert sorted(line.split()[0] for line in lines) == ["2", "compiled", "compiled"]
    assert any(line.endswith(str(path)) for line in lines)
    assert lines[-1].startswith("2 artifacts: 0 hit, 2 compiled, 0 failed in ")


def test_warm_without_a_place_to_store_ends_at_once(
    cachewasm: Cachewasm, cache_dir: Path, folder: Path
) -> None:
    cache_dir.mkdir()
    cache_dir.chmod(0o777)
    done = cachewasm("cache", "warm", "--cache-dir", cache_dir, folder / "answer.wasm")
    assert done.returncode == 1
    told = done.stderr.decode()
    assert told.startswith("cachewasm: nothing can be stored: untrusted: ")
    assert told.endswith(f"{cache_dir}: others can write to it (mode 0777)\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "z80", "x"), b"nor is it `host`"),
        (("--jobs", "0", "x"), b"not a number of processes from 1 to 1024"),
        ((), b"FILE|DIR"),
    ],
)
def test_warm_wrong_arguments_are_wrong_usage(
    cachewasm: Cachewasm, arguments: tuple[str, ...], said: bytes
) -> None:
    done = cachewasm("cache", "warm", *arguments)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert said in done.stderr


def test_warm_interrupted_leaves_nothing_behind(
    console_script: str, cache_dir: Path, tmp_path: Path, module: MakeModule
) -> None:
    body = "(drop (i32.mul (local.get 0) (i32.const 3)))" * 50
    text = f'(func (export "{{}}") (param i32) {body})'
    large = module("large.wasm", f"(module {''.join(text.format(i) for i in range(3000))})")
    # The largest comes first, and is nothing.
    first = tmp_path / "first.wasm"
    first.write_bytes(b"")
    os.truncate(first, 2 * large.stat().st_size)
    command = [console_script, "cache", "warm", "--jobs", "2", "--strategy", "optimized"]
    with subprocess.Popen(
        [*command, "--cache-dir", cache_dir, first, large],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"failed")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""
    left = {path.name for path in cache_dir.rglob("*") if path.is_file()}
    assert left <= {"CACHEDIR.TAG", "keys", "log", "misses"}


@pytest.mark.parametrize("command", ["run", "compile"])
def test_jobs_is_an_option_of_what_compiles(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path, command: str
) -> None:
    path = module("answer.wasm", ANSWER)
    rest = ("--invoke", "f", path) if command == "run" else ("-o", tmp_path / "out", path)
    assert cachewasm(command, "--no-cache", "--jobs", "1", *rest).returncode == 0
    done = cachewasm(command, "--no-cache", "--jobs", "many", *rest)
    assert done.returncode == 2
    assert b"'many' is not a number of processes" in done.stderr
