"""`cachewasm cache verify` with its options, and `cachewasm cache show`."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.cache.entry import pack, unpack
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.survey.verify import check_entry

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]
MakeModule = Callable[[str, str], Path]

TEXT = '(module $demo (func (export "f") (result i32) (i32.const {value})))'


@pytest.fixture
def wasm(module: MakeModule, tmp_path: Path) -> list[Path]:
    (tmp_path / "modules").mkdir()
    return [module(f"modules/{value}.wasm", TEXT.format(value=value)) for value in range(2)]


@pytest.fixture
def entries(cachewasm: Cachewasm, wasm: list[Path], cache_dir: Path) -> list[Path]:
    """The entries of two modules, one in each tier, and the support image's, by this order."""
    found: list[Path] = []
    for path, strategy in zip(wasm, ("baseline", "optimized"), strict=True):
        options = ("--cache-dir", cache_dir, "--strategy", strategy, "--invoke", "f")
        assert cachewasm("run", *options, path).returncode == 0
        files = {path for path in (cache_dir / "entries").rglob("*") if path.is_file()}
        found += sorted(files.difference(found), key=lambda path: path.name.endswith("support"))
    return sorted(found, key=lambda path: path.name.endswith("support"))


Verify = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def verify(cachewasm: Cachewasm, cache_dir: Path, entries: list[Path]) -> Verify:
    """Runs `cachewasm cache verify ARGUMENT... --json`: exit code and report."""

    def run(*arguments: str | Path) -> tuple[int, dict[str, object]]:
        done = cachewasm("cache", "verify", "--json", "--cache-dir", cache_dir, *arguments)
        return done.returncode, json.loads(done.stdout)

    return run


def test_verify_sample_checks_so_many(verify: Verify) -> None:
    for share, expected in (("1", 1), ("2", 2), ("9", 3), ("1%", 1), ("66.7%", 2), ("100%", 3)):
        assert verify("--sample", share)[1]["counts"] == {"ok": expected}


@pytest.mark.parametrize("share", ["0", "0%", "101%", "x", "5%x", "%", "1/2%", "1e9%", "-1", ""])
def test_verify_wrong_sample_is_wrong_usage(cachewasm: Cachewasm, share: str) -> None:
    done = cachewasm("cache", "verify", f"--sample={share}")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_verify_quick_leaves_payloads_alone(verify: Verify, entries: list[Path]) -> None:
    data = bytearray(entries[0].read_bytes())
    data[150] ^= 1
    entries[0].write_bytes(data)
    assert verify("--quick")[0] == 0
    assert verify()[0] == 4


def test_verify_from_wasm_reports_entries_without_their_module(
    verify: Verify, entries: list[Path], wasm: list[Path], tmp_path: Path
) -> None:
    assert verify("--from-wasm", tmp_path)[1]["without_module"] == []
    code, report = verify("--from-wasm", wasm[0])
    assert (code, report["without_module"]) == (0, [str(entries[1])])


def test_verify_from_wasm_takes_text_and_says_what_is_no_module(
    cachewasm: Cachewasm, cache_dir: Path, entries: list[Path], wasm: list[Path]
) -> None:
    for path in wasm:
        text = cachewasm("wasm2wat", path).stdout
        path.unlink()
        path.with_suffix(".wat").write_bytes(text.replace(b"(;0;)", b""))
    folder = wasm[0].parent
    (folder / "broken.wat").write_text("(module")
    os.mkfifo(folder / "pipe.wasm")
    arguments = ("--json", "--cache-dir", cache_dir, "--from-wasm", folder)
    done = cachewasm("cache", "verify", *arguments)
    assert done.returncode == 0
    assert b"broken.wat: " in done.stderr and done.stderr.count(b"\n") == 1


def test_verify_from_wasm_names_the_file_that_is_no_module(
    cachewasm: Cachewasm, cache_dir: Path, entries: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"\xff")
    done = cachewasm("cache", "verify", "--cache-dir", cache_dir, "--from-wasm", path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert done.stderr.startswith(f"cachewasm: {path}: ".encode())


def test_verify_recompile_finds_the_same_bytes(verify: Verify, tmp_path: Path) -> None:
    code, report = verify("--from-wasm", tmp_path, "--recompile", "9")
    assert (code, report["recompiled"]) == (0, {"same": 2, "different": [], "skipped": []})
    report = verify("--from-wasm", tmp_path, "--recompile", "1")[1]
    assert report["recompiled"] == {"same": 1, "different": [], "skipped": []}


def test_verify_recompile_other_code_under_a_right_key_is_different(
    verify: Verify, entries: list[Path], tmp_path: Path
) -> None:
    path = entries[0]
    status = path.stat()
    name = f"{path.name[:2]}/{path.name}"
    _, entry = check_entry(ListedFile(name, str(path), status.st_size, 0, is_regular=True))
    assert entry is not None
    raw = bytearray(entry.raw)
    raw[-1] ^= 1
    manifest = {
        name: value
        for name, value in entry.manifest.items()
        if name not in ("wasm_digest", "compat", "isa", "tier")
    }
    path.write_bytes(pack(entry.key, bytes(raw), manifest))
    assert unpack(path.read_bytes(), entry.key).raw == raw
    code, report = verify("--from-wasm", tmp_path, "--recompile", "9")
    recompiled = report["recompiled"]
    assert code == 64
    assert [each["path"] for each in recompiled["different"]] == [str(path)]  # type: ignore[index]


def test_verify_recompile_without_modules_is_wrong_usage(cachewasm: Cachewasm) -> None:
    done = cachewasm("cache", "verify", "--recompile", "1")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_show_tells_key_provenance_ingredients_and_needs(
    cachewasm: Cachewasm, cache_dir: Path, entries: list[Path], wasm: list[Path]
) -> None:
    name = f"{entries[0].name[:2]}/{entries[0].name}"
    (by_name,) = json.loads(
        cachewasm("cache", "show", "--json", "--cache-dir", cache_dir, name).stdout
    )
    assert by_name["key"]["tier"] == "baseline"
    assert by_name["provenance"]["module_name"] == "demo"
    assert by_name["provenance"]["wasm_size"] == wasm[0].stat().st_size
    assert by_name["ingredients"]["tunables.signals_based_traps"] == "true"
    assert by_name["host"]["runs_here"] is True
    assert by_name["host"]["needs"] == by_name["ingredients"]["isa.features"]
    keys = (entries[0], wasm[0], by_name["key"]["wasm_digest"], by_name["key_digest"], name[3:9])
    for given in keys:
        done = cachewasm("cache", "show", "--json", "--cache-dir", cache_dir, given)
        (found,) = json.loads(done.stdout)
        assert found["key_digest"] == by_name["key_digest"]
    assert "payload" not in by_name


def test_show_payload_checks_and_shows_the_code(
    cachewasm: Cachewasm, cache_dir: Path, entries: list[Path]
) -> None:
    done = cachewasm("cache", "show", "--json", "--payload", entries[1])
    (found,) = json.loads(done.stdout)
    assert (done.returncode, found["payload"]["engine"]["tier"]) == (0, "optimized")
    data = bytearray(entries[1].read_bytes())
    data[150] ^= 1
    entries[1].write_bytes(data)
    assert cachewasm("cache", "show", entries[1]).returncode == 0
    done = cachewasm("cache", "show", "--payload", entries[1])
    assert done.returncode == 1
    assert b"problem: corrupt: " in done.stdout


def test_show_elf_writes_the_code_of_one_entry(
    cachewasm: Cachewasm, wasm: list[Path], entries: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / "code.elf"
    done = cachewasm("cache", "show", "--elf", output, entries[1])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    compiled = tmp_path / "compiled"
    options = ("--cache-dir", entries[1].parents[3], "--strategy", "optimized")
    assert cachewasm("compile", *options, "-o", compiled, wasm[1]).returncode == 0
    assert output.read_bytes() == compiled.read_bytes()
    done = cachewasm("cache", "show", "--elf", entries[1], entries[1])
    assert done.returncode == 1
    assert b"would replace the entry" in done.stderr
    data = bytearray(entries[1].read_bytes())
    data[150] ^= 1
    entries[1].write_bytes(data)
    output.unlink()
    done = cachewasm("cache", "show", "--elf", output, entries[1])
    assert done.returncode == 1
    assert b": corrupt: " in done.stderr
    assert not output.exists()


def test_show_damaged_entry_tells_what_can_be_read(
    cachewasm: Cachewasm, entries: list[Path]
) -> None:
    os.truncate(entries[0], 150)
    done = cachewasm("cache", "show", entries[0])
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"problem: torn: " in done.stdout


@pytest.mark.parametrize("given", ["nothing", "00", "0123456789abcdef", "00/x", "../../nowhere"])
def test_show_nothing_is_an_error(cachewasm: Cachewasm, cache_dir: Path, given: str) -> None:
    done = cachewasm("cache", "show", "--cache-dir", cache_dir, given)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
