"""`cachewasm compile`, `validate`, `inspect`: files in, files and reports out."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.engine.version import VERSION

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

ADD = """
(module $adder
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 2)
  (global (export "g") (mut i64) (i64.const 0))
  (func $add (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))
"""
PLAIN = '(module (func (export "two") (result i32) (i32.const 2)))'
INVALID = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\5\1\3\0\x1a\x0b"  # drop of nothing


def test_compile_default_output_runs(cachewasm: Cachewasm, module: MakeModule) -> None:
    path = module("plain.wasm", PLAIN)
    assert cachewasm("compile", path).returncode == 0
    done = cachewasm("run", "--invoke", "two", path.with_suffix(".cwasm"))
    assert (done.returncode, done.stdout) == (0, b"2\n")


def test_compile_leaves_only_the_output(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "x"
    output.parent.mkdir()
    umask = os.umask(0o022)
    try:
        done = cachewasm("compile", "--strategy", "baseline", "-o", output, module("p", PLAIN))
    finally:
        os.umask(umask)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(output.parent.iterdir()) == [output]
    assert output.stat().st_mode & 0o777 == 0o644


def test_compile_failure_leaves_the_old_output(cachewasm: Cachewasm, tmp_path: Path) -> None:
    source, output = tmp_path / "bad.wasm", tmp_path / "out.cwasm"
    source.write_bytes(INVALID)
    output.write_bytes(b"old")
    done = cachewasm("compile", "-o", output, source)
    assert (done.returncode, output.read_bytes()) == (1, b"old")
    assert sorted(tmp_path.iterdir()) == [source, output]


def test_compile_would_not_replace_the_module(cachewasm: Cachewasm, module: MakeModule) -> None:
    path = module("m.cwasm", PLAIN)
    before = path.read_bytes()
    assert cachewasm("compile", path).returncode == 1
    assert path.read_bytes() == before


def test_compile_for_another_machine_does_not_run_here(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    foreign = {"x86_64": "aarch64-unknown-linux-gnu", "aarch64": "x86_64-unknown-linux-gnu"}
    target = foreign[os.uname().machine]
    output = tmp_path / "out.cwasm"
    done = cachewasm("compile", "--target", target, "-o", output, module("p.wasm", PLAIN))
    assert (done.returncode, done.stderr) == (0, b"")
    done = cachewasm("run", "--invoke", "two", output)
    assert done.returncode == 1
    assert b"compiled for architecture" in done.stderr


def test_compile_unknown_target_is_wrong_usage(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("compile", "--target", "pdp11", module("p.wasm", PLAIN))
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_validate_says_of_each_file_what_is_wrong(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    good = module("good.wasm", ADD)
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(INVALID)
    assert cachewasm("validate", good).returncode == 0
    done = cachewasm("validate", bad, good, tmp_path / "absent")
    assert (done.returncode, done.stdout) == (1, b"")
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"cachewasm: {bad}: type mismatch")
    assert first.endswith("(at offset 0x17)")
    assert second == f"cachewasm: {tmp_path / 'absent'}: No such file or directory"


def test_inspect_module_tells_its_parts(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("inspect", "--json", module("add.wasm", ADD))
    facts = json.loads(done.stdout)
    assert (facts["file"], facts["name"]) == ("module", "adder")
    assert facts["types"] == ["[i32] -> []", "[i32 i32] -> [i32]"]
    assert facts["imports"] == [
        {"module": "env", "name": "log", "kind": "func", "type": "[i32] -> []"}
    ]
    assert [(e["name"], e["kind"], e["type"]) for e in facts["exports"]] == [
        ("memory", "memory", "memory 1..2"),
        ("g", "global", "global (mut i64)"),
        ("add", "func", "[i32 i32] -> [i32]"),
    ]
    assert facts["counts"]["functions"] == facts["counts"]["imported_functions"] == 1
    assert [each["section"] for each in facts["sections"]] == [
        *("type", "import", "function", "memory", "global", "export", "code", "custom")
    ]


def test_inspect_artifact_tells_engine_sections_and_functions(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    output = tmp_path / "add.cwasm"
    cachewasm("compile", "--strategy", "baseline", "-o", output, module("add.wasm", ADD))
    facts = json.loads(cachewasm("inspect", "--json", output).stdout)
    assert (facts["file"], facts["of"], facts["name"]) == ("artifact", "module", "adder")
    assert facts["engine"]["tier"] == "baseline"
    assert ".text" in [each["section"] for each in facts["sections"]]
    assert [(f["function"], f["name"], f["type"]) for f in facts["functions"]] == [
        (1, "add", "[i32 i32] -> [i32]")
    ]


@pytest.mark.parametrize(("strategy", "expected"), [("baseline", []), ("optimized", [(0, "big")])])
def test_inspect_tells_what_was_too_large_for_the_optimized_pipeline(
    cachewasm: Cachewasm,
    module: MakeModule,
    tmp_path: Path,
    strategy: str,
    expected: list[tuple[int, str]],
) -> None:
    steps = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))" * 10_000
    small = '(func $small (export "small"))'
    path = module("big.wasm", f"(module (func $big (param i32) {steps}) {small})")
    output = tmp_path / "big.cwasm"
    cachewasm("compile", "--strategy", strategy, "-o", output, path)
    facts = json.loads(cachewasm("inspect", "--json", output).stdout)["baseline_functions"]
    assert facts["count"] == len(expected)
    assert [(each["function"], each["name"]) for each in facts["functions"]] == expected


def test_inspect_cache_entries_tells_header_and_manifest(
    cachewasm: Cachewasm, module: MakeModule, cache_dir: Path
) -> None:
    cachewasm("run", "--cache-dir", cache_dir, "--invoke", "two", module("p.wasm", PLAIN))
    entries = [path for path in (cache_dir / "entries").rglob("*") if path.is_file()]
    reports = [json.loads(cachewasm("inspect", "--json", path).stdout) for path in entries]
    assert [report["file"] for report in reports] == ["cache entry"] * 2
    assert all(report["intact"] for report in reports)
    assert "support" in {report["key"]["tier"] for report in reports}


def test_inspect_text_is_for_people(cachewasm: Cachewasm, module: MakeModule) -> None:
    done = cachewasm("inspect", module("add.wasm", ADD))
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "file: module"
    assert "  name add  kind func  index 1  type [i32 i32] -> [i32]" in lines


@pytest.mark.parametrize("size", [0, 3, 64, 700, 4097])
def test_inspect_torn_file_of_any_kind_is_one_line(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path, size: int
) -> None:
    output = tmp_path / "add.cwasm"
    cachewasm("compile", "-o", output, module("add.wasm", ADD))
    output.write_bytes(output.read_bytes()[:size])
    done = cachewasm("inspect", output)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


def test_compile_options_of_the_code_reach_the_artifact(
    cachewasm: Cachewasm, module: MakeModule, tmp_path: Path
) -> None:
    output = tmp_path / "out.cwasm"
    options = ("--opt-level", "speed_and_size", "--nan-canonicalization", "--no-cache")
    assert cachewasm("compile", *options, "-o", output, module("p", PLAIN)).returncode == 0
    flags = json.loads(cachewasm("inspect", "--json", output).stdout)["engine"]["shared_flags"]
    assert (flags["opt_level"], flags["enable_nan_canonicalization"]) == ("speed_and_size", True)


def test_run_features_that_are_off_by_default_on_request(
    cachewasm: Cachewasm, module: MakeModule
) -> None:
    thrower = module(
        "thrower.wat",
        """(module (tag $t) (func (export "f") (result i32)
          (block $caught (try_table (catch $t $caught) (throw $t)) unreachable)
          (i32.const 7)))""",
    )
    refused = cachewasm("run", "--invoke", "f", thrower)
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"needs the WebAssembly feature `exceptions`, which is not enabled" in refused.stderr
    done = cachewasm("run", "--wasm-exceptions", "--invoke", "f", thrower)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"7\n", b"")


@pytest.mark.parametrize("command", ["run", "compile", "cache why", "cache warm", "cache lock"])
def test_command_contradictory_options_are_wrong_usage(
    cachewasm: Cachewasm, module: MakeModule, command: str
) -> None:
    options = ("--strategy", "baseline", "--opt-level", "speed_and_size")
    done = cachewasm(*command.split(), *options, module("p", PLAIN))
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        b"the options strategy = 'baseline' and opt_level = 'speed_and_size' contra" in done.stderr
    )


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("frobnicate",), ("inspect",), ("cache", "list", "x")),
        *(("run", "--opt-level", "fast", "m"), ("compile", "--opt-level", "fast", "m")),
    ],
)
def test_command_wrong_usage_is_one_line(cachewasm: Cachewasm, arguments: tuple[str, ...]) -> None:
    done = cachewasm(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("compile", ("a", "b"), "unrecognized arguments: b"),
        ("cache dir", ("extra",), "unrecognized arguments: extra"),
        ("cache config", ("--bogus",), "unrecognized arguments: --bogus"),
        ("cache stats log", ("F", "--cache-dir", "x"), "unrecognized arguments: --cache-dir x"),
        ("cache keys new", ("--bogus",), "unrecognized arguments: --bogus"),
        ("run", ("",), "FILE is empty"),
        ("run", ("--cache-dir", "", "m"), "--cache-dir is empty"),
        ("run", ("--config=", "m"), "--config is empty"),
        ("run", ("--dir", "", "m"), "--dir is empty"),
        ("compile", ("",), "FILE is empty"),
        ("compile", ("m", "-o", ""), "--output is empty"),
        ("cache pin", ("",), "KEY|FILE is empty"),
        ("cache warm", ("m", ""), "FILE|DIR is empty"),
        ("cache import", ("",), "BUNDLE is empty"),
        ("cache export", ("", "--all"), "BUNDLE is empty"),
        ("cache clear", ("--yes", "--cache-dir", ""), "--cache-dir is empty"),
    ],
)
def test_command_wrong_usage_leads_to_its_own_help(
    cachewasm: Cachewasm, command: str, more: tuple[str, ...], said: str
) -> None:
    done = cachewasm(*command.split(), *more)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"cachewasm: {said} (see `cachewasm {command} --help`)\n"


@pytest.mark.parametrize(
    "command",
    [
        *("", "run", "compile", "validate", "wat2wasm", "wasm2wat", "inspect"),
        *("cache", "cache dir", "cache list", "cache verify", "cache prune"),
        *("cache why", "cache show", "cache doctor", "completion"),
    ],
)
def test_command_help_goes_to_standard_output(cachewasm: Cachewasm, command: str) -> None:
    done = cachewasm(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith(f"usage: cachewasm {command}".rstrip())


def test_command_as_a_module_is_the_same(cachewasm: Cachewasm, console_script: str) -> None:
    python = Path(console_script).parent / "python"
    command = [python, "-P", "-m", "cachewasm_cli", "--version"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == cachewasm("--version").stdout == f"cachewasm {VERSION}\n".encode()


@pytest.mark.parametrize("name", ["inspect", "wasm2wat", "compile -o -"])
def test_command_into_a_closed_pipe_is_silent(
    console_script: str, module: MakeModule, name: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [console_script, *name.split(), str(module("add.wasm", ADD))]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("command", ["inspect", "wasm2wat"])
def test_command_without_standard_output_is_an_error(
    console_script: str, module: MakeModule, command: str
) -> None:
    path = module("add.wasm", ADD)
    script = 'exec "$0" "$1" "$2" >&-'
    done = subprocess.run(
        ["sh", "-c", script, console_script, command, str(path)], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith(b": Bad file descriptor\n")


@pytest.mark.parametrize(
    "command", ["compile", "validate", "wat2wasm", "wasm2wat", "inspect", "cache why"]
)
def test_command_fifo_is_refused_and_not_waited_for(
    cachewasm: Cachewasm, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    done = cachewasm(*command.split(), path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"cachewasm: {path}: it is not a regular file\n"
