"""The project as a whole: its public names, its pages and its packaging agree with the code."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import cachewasm
from cachewasm.cache.config import cache_enabled
from cachewasm.cache.setting import NotYet
from cachewasm.cache.settings import SETTINGS, VARIABLE, CacheConfig
from cachewasm.engine.version import VERSION

ROOT = Path(__file__).parent.parent
PACKAGES = ("cachewasm", "cli")
SOURCES = sorted(
    path
    for folder in (*PACKAGES, "benchmarks", "examples", "tests")
    for path in (ROOT / folder).rglob("*.py")
)

PUBLIC_NAMES = {
    "Cache",
    "CacheConfig",
    "CacheMiss",
    "CachewasmError",
    "Caller",
    "CompileError",
    "Config",
    "ConfigError",
    "DirPerms",
    "Engine",
    "EngineWeak",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "HostError",
    "ImportType",
    "IncompatibleArtifact",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "InternalError",
    "InvalidModule",
    "Limits",
    "LinkError",
    "Linker",
    "Lookup",
    "MalformedModule",
    "Managed",
    "Memory",
    "MemoryType",
    "Module",
    "ModuleError",
    "OperatorCost",
    "Store",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "TextError",
    "Trap",
    "TrapCode",
    "UnsupportedModule",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "lookup",
    "wat2wasm",
}


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def _rows(page: str, head: str) -> list[list[str]]:
    """The cells of a table, found by its first head."""
    lines = iter(page.splitlines())
    next(line for line in lines if line.startswith(f"| {head} |"))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def _project() -> dict[str, object]:
    project: dict[str, object] = tomllib.loads(_page("pyproject.toml"))["project"]
    return project


@pytest.fixture
def cli_module() -> Callable[[str], object]:
    def load(name: str) -> object:
        pytest.importorskip("cachewasm_cli")
        return importlib.import_module(f"cachewasm_cli.{name}")

    return load


def test_public_names_are_the_curated_ones() -> None:
    assert set(cachewasm.__all__) == PUBLIC_NAMES
    assert len(cachewasm.__all__) == len(PUBLIC_NAMES)


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_public_name_is_there_and_stays_the_same(name: str) -> None:
    assert getattr(cachewasm, name) is getattr(cachewasm, name)


def test_public_names_are_declared_for_type_checkers() -> None:
    tree = ast.parse(_page("cachewasm/__init__.py"))
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
    }
    assert declared == PUBLIC_NAMES
    assert (ROOT / "cachewasm" / "py.typed").exists()


def test_version_is_the_same_everywhere() -> None:
    assert _project()["version"] == VERSION


def test_every_module_says_what_it_owns() -> None:
    first_lines = {
        path: (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "This module")
        for path in SOURCES
        if path.stat().st_size
    }
    assert not [path for path, text in first_lines.items() if text.startswith("This module")]


def test_sources_leave_nothing_to_be_done() -> None:
    # In pieces, or this file would be found.
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    found = [path for path in SOURCES if marks.search(path.read_text(encoding="utf-8"))]
    assert not found


def test_readme_first_block_is_two_commands_with_environments_of_their_own() -> None:
    lines = _blocks(_page("README.md"))[0].splitlines()
    assert len(lines) == 2
    environments = [re.match(r"python3 -m venv (\S+) && ", line) for line in lines]
    assert all(environments)
    run, test = (match[1] for match in environments if match)
    assert run != test
    assert f"{run}/bin/pip install -q . &&" in lines[0]
    assert f"{run}/bin/cachewasm run examples/mandelbrot.wasm" in lines[0]
    assert lines[1].endswith(f"{test}/bin/pip install -q '.[test]' && {test}/bin/pytest -n auto")


def test_readme_tour_runs_as_it_stands() -> None:
    (tour,) = (block for block in _blocks(_page("README.md")) if "from cachewasm" in block)
    package = str(Path(cachewasm.__file__).parent.parent)
    script = f"import sys; sys.path.insert(0, {package!r})\n{tour}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (ROOT / "examples" / "mandelbrot.txt").read_bytes()


def test_readme_exit_codes_are_those_of_the_command(cli_module: Callable[[str], object]) -> None:
    exit_codes = cli_module("exit_codes")
    for head, table in (("exit code", "MEANINGS"), ("bit", "VERIFY_MEANINGS")):
        rows = [(int(code), meaning) for code, meaning in _rows(_page("README.md"), head)]
        assert rows == list(getattr(exit_codes, table))


def test_readme_lists_every_command(
    cli_module: Callable[[str], object], capsys: pytest.CaptureFixture[str]
) -> None:
    listed = " ".join(row[0] for row in _rows(_page("README.md"), "command"))
    dispatch = cli_module("commands").dispatch  # type: ignore[attr-defined]
    assert dispatch(["--help"]) == 0
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert commands
    assert all(f"cachewasm {command}" in listed for command in commands)


def _variables(*folders: str) -> set[str]:
    """The variables that the code reads from the environment, by the names it spells out."""
    pattern = re.compile(r"""["'](CACHEWASM_[A-Z_]+|XDG_[A-Z_]+|HOME|LD_LIBRARY_PATH)["']""")
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(pattern.findall(path.read_text(encoding="utf-8")))
    return found


def test_environment_page_has_every_variable_that_is_read() -> None:
    page = _page("config/environment.md")
    documented = {row[0].strip("`") for row in _rows(page, "variable")}
    settings = {row[0].strip("`"): row for row in _rows(page, "setting")}
    table = {row.variable: row for row in SETTINGS.values() if not isinstance(row, NotYet)}
    del table[None], table["CACHEWASM_DIR"]
    assert documented == _variables(*PACKAGES)
    assert all(f"`{name}`" in page for name in _variables("tests", "benchmarks") - {"HOME"})
    assert list(settings) == list(table)
    for name, (_, example, key) in settings.items():
        setting = table[name]
        config = CacheConfig(environ={name: example.strip("`")})
        assert key == f"`{setting.key}`"
        assert config.origin(setting.name).kind == VARIABLE


def test_readme_has_the_variables_of_this_project() -> None:
    listed = {row[0].strip("`") for row in _rows(_page("README.md"), "environment variable")}
    assert listed == {name for name in _variables(*PACKAGES) if name.startswith("CACHEWASM_")}


def test_environment_page_says_how_the_cache_is_switched_off() -> None:
    meanings = {row[0]: row[2] for row in _rows(_page("config/environment.md"), "variable")}
    words = re.findall(r"`(\w+)`", meanings["`CACHEWASM_CACHE`"])
    assert words
    assert not any(cache_enabled({"CACHEWASM_CACHE": word.upper()}) for word in words)
    assert cache_enabled({"CACHEWASM_CACHE": ""})
    assert cache_enabled({"CACHEWASM_CACHE": "1"})


def test_ci_takes_the_command_from_the_readme() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    script = _page(".ci/run")
    assert "README.md | sed -n 2p" in script
    assert "pytest -n" not in script


def test_changelog_has_a_section_for_what_is_not_released() -> None:
    assert "\n## Unreleased\n" in _page("CHANGELOG.md")
