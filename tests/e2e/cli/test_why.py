"""`cachewasm cache why`: hit or miss in the exit code, and which ingredient of the key differs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

TEXT = '(module $demo (func (export "f")))'


@pytest.fixture
def path(module: MakeModule) -> Path:
    return module("demo.wasm", TEXT)


@pytest.fixture
def why(cachewasm: Cachewasm, cache_dir: Path) -> Callable[..., tuple[int, object]]:
    """Runs `cachewasm cache why ARGUMENT... --json`: exit code and report."""

    def run(*arguments: str | Path) -> tuple[int, object]:
        done = cachewasm("cache", "why", "--json", "--cache-dir", cache_dir, *arguments)
        assert done.stderr == b""
        return done.returncode, json.loads(done.stdout)

    return run


Why = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def filled(cachewasm: Cachewasm, cache_dir: Path, path: Path, tmp_path: Path) -> None:
    """The cache has the module's optimized code for x86-64-v1."""
    output = tmp_path / "demo.cwasm"
    options = ("--strategy", "optimized", "--target", "x86-64-v1", "-o", output)
    assert cachewasm("compile", "--cache-dir", cache_dir, *options, path).returncode == 0


def test_why_of_no_cache_is_a_miss(why: Why, path: Path, cache_dir: Path) -> None:
    code, report = why(path)
    assert (code, report["hit"], report["reason"], report["nearest"]) == (3, False, "absent", [])
    assert not cache_dir.exists()


@pytest.mark.usefixtures("filled")
def test_why_of_an_entry_is_a_hit(why: Why, path: Path, cache_dir: Path) -> None:
    code, report = why("--target", "x86-64-v1", path)
    assert (code, report["hit"], report["reason"]) == (0, True, None)
    assert (cache_dir / "entries" / "v1" / str(report["entry"])).is_file()


@pytest.mark.usefixtures("filled")
def test_why_text_of_the_module_is_the_same_module(why: Why, tmp_path: Path) -> None:
    text = tmp_path / "demo.wat"
    text.write_text(TEXT)
    assert why("--target", "x86-64-v1", text)[0] == 0


@pytest.mark.usefixtures("filled")
def test_why_names_what_differs_value_against_value(
    why: Why, path: Path, cachewasm: Cachewasm, cache_dir: Path
) -> None:
    options = ("--target", "x86-64-v1", "--strategy", "baseline")
    code, report = why(*options, path)
    (near,) = report["nearest"]  # type: ignore[misc]
    difference = {"name": "tier", "wanted": "baseline", "found": "optimized"}
    assert (code, near["differences"]) == (3, [difference])
    done = cachewasm("cache", "why", "--cache-dir", cache_dir, *options, path)
    assert done.returncode == 3
    assert "    tier: baseline here, optimized there" in done.stdout.decode().splitlines()


@pytest.mark.usefixtures("filled")
def test_why_against_compares_with_the_entry_that_is_named(why: Why, path: Path) -> None:
    digest = str(why(path)[1]["wasm_digest"])
    for key in (digest, digest[:6]):
        code, report = why("--target", "x86-64-v2", "--against", key, path)
        differences = report["against"]["differences"]  # type: ignore[index]
        assert (code, report["made_for"]) == (0, "x86-64-v1")
        assert {
            "name": "isa.features.sse4.2",
            "wanted": "true",
            "found": "false",
        } in differences
        assert {each["name"].rpartition(".")[0] for each in differences} >= {"isa.features"}


@pytest.mark.usefixtures("filled")
def test_why_host_answers_for_another_machine(why: Why, path: Path, tmp_path: Path) -> None:
    host = tmp_path / "host.json"
    lowest = ["cmov", "cx8", "fxsr", "mmx", "sse", "sse2"]
    host.write_text(json.dumps({"machine": "x86_64", "features": lowest}))
    assert why("--host", host, path)[0] == 0
    host.write_text(json.dumps({"machine": "aarch64", "features": ["fp-armv8", "neon"]}))
    code, report = why("--host", host, path)
    (near,) = report["nearest"]  # type: ignore[misc]
    assert (code, report["reason"]) == (3, "absent")
    assert "target.triple" in {each["name"] for each in near["differences"]}
    # Found, and of no use there.
    code, report = why("--host", host, "--target", "x86-64-v1", path)
    assert (code, report["reason"]) == (3, "incompatible")


def test_why_print_host_describes_what_host_takes(
    why: Why, cachewasm: Cachewasm, path: Path, tmp_path: Path
) -> None:
    host = tmp_path / "host.json"
    host.write_bytes(cachewasm("cache", "why", "--print-host").stdout)
    assert why("--host", host, path)[1] == why(path)[1]
    host.write_text("[]")
    done = cachewasm("cache", "why", "--host", host, path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_why_last_explains_the_misses_of_all_processes(
    why: Why, cachewasm: Cachewasm, path: Path, cache_dir: Path
) -> None:
    for strategy in ("optimized", "baseline", "baseline"):
        options = ("--strategy", strategy, "--invoke", "f")
        assert cachewasm("run", "--cache-dir", cache_dir, *options, path).returncode == 0
    code, found = why("--last", "9")
    second, *first = found
    assert (code, second["module"], second["reason"]) == (0, "demo", "absent")
    assert second["made"] == second["entry"]
    (near,) = second["nearest"]  # type: ignore[index]
    assert near["differences"] == [{"name": "tier", "wanted": "baseline", "found": "optimized"}]
    made = {each["module"]: each for each in first}  # type: ignore[index]
    assert made.keys() == {"demo", "support image"}
    # What was made in the same second may have been there.
    assert made["support image"]["nearest"] == []
    assert made["demo"]["made"] == made["demo"]["entry"] == near["entry"]
    text = cachewasm("cache", "why", "--last", "1", "--cache-dir", cache_dir).stdout.decode()
    assert text.startswith("demo: absent, ")
    assert len(why("--last", "1")[1]) == 1


def test_why_last_of_what_was_never_compiled_tells_the_parts(
    why: Why, cachewasm: Cachewasm, module: MakeModule, path: Path, cache_dir: Path
) -> None:
    cachewasm("run", "--cache-dir", cache_dir, "--invoke", "f", path)
    broken = module("broken.wasm", TEXT)
    broken.write_bytes(broken.read_bytes() + b"\x0b")
    cachewasm("run", "--cache-dir", cache_dir, broken)
    (last,) = why("--last", "1")[1]
    assert (last["made"], last["nearest"]) == (None, [])  # type: ignore[index]
    # Entries of other modules tell what its key was made of.
    assert last["ingredients_known"] is True  # type: ignore[index]


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("x.wasm", "--last"), ("--last", "0"), ("--print-host", "--last")),
        *(("--last", "--host", "x"), ("--last", "--against", "x")),
    ],
)
def test_why_wrong_usage_is_one_line(cachewasm: Cachewasm, arguments: tuple[str, ...]) -> None:
    done = cachewasm("cache", "why", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_why_against_nothing_is_an_error(cachewasm: Cachewasm, path: Path, cache_dir: Path) -> None:
    for key in ("xyz", "0123456789", "ab"):
        done = cachewasm("cache", "why", "--cache-dir", cache_dir, "--against", key, path)
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_why_says_that_there_is_no_other_entry_only_if_that_is_so(
    cachewasm: Cachewasm, path: Path, cache_dir: Path
) -> None:
    alone = b"  no other entry of this module"
    why = ("cache", "why", "--cache-dir", cache_dir, "--strategy", "optimized", path)
    done = cachewasm(*why)
    assert (done.returncode, alone in done.stdout.splitlines()) == (3, True)
    assert cachewasm("run", "--invoke", "f", *why[2:]).returncode == 0
    entries = [*cache_dir.rglob("*.optimized"), *cache_dir.rglob("*.support")]
    for entry in entries:
        entry.chmod(0o666)
    # Neither if it is the very entry, nor if it is another that cannot be compared.
    for target in ((), ("--target", "x86-64-v1")):
        done = cachewasm(*why, *target)
        assert (done.returncode, alone in done.stdout.splitlines()) == (3, False)
    last = cachewasm("cache", "why", "--last", "--cache-dir", cache_dir).stdout.splitlines()
    assert len(entries) == 2 and alone not in last
    for entry in entries:
        entry.chmod(0o600)
    last = cachewasm("cache", "why", "--last", "--cache-dir", cache_dir).stdout.splitlines()
    assert alone in last
