"""All file-system calls of the cache go through four modules, which the fault tests make fail."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import faulty

FILES = [Path(str(module.__file__)) for module in faulty.MODULES]
FOLDER = FILES[0].parent
MODULES = sorted(path for path in FOLDER.rglob("*.py") if path not in FILES)

# Names of os that look at the process, at constants or at the spelling of a path, never at a disk.
HARMLESS = {
    *("PathLike", "environ", "fsdecode", "fsencode", "fspath", "stat_result", "strerror"),
    *("getpid", "geteuid", "getuid", "getgid", "urandom", "register_at_fork", "cpu_count"),
    *("path.abspath", "path.basename", "path.dirname", "path.isabs", "path.join", "sep"),
}
# What else reaches a disk. `mmap` and `ctypes` are not for the cache at all.
MODULES_OF_FILES = {
    *("ctypes", "fcntl", "fileinput", "glob", "io", "mmap", "pathlib", "shutil", "socket"),
    *("sqlite3", "subprocess", "tarfile", "tempfile", "zipfile"),
}
# Modules that may, and what for: not a file of the cache directory.
EXCEPTIONS = {
    ("zstd.py", "os.path.isfile"): "finds the extension module of zstandard",
    ("index.py", "sqlite3"): "opens the index, which SQLite reads and writes by itself",
    ("index.py", "tempfile"): "compares the index with a new one",
    ("index.py", "os.path.expanduser"): "only looks at the spelling of a path",
    ("index.py", "os.path.expandvars"): "only looks at the spelling of a path",
}


def _calls(source: str) -> Iterator[str]:
    """What a module does with files by itself: attributes of os, open(), imports of others."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            is_dotted = name.replace(".", "").isidentifier()
            if name.startswith("os.") and is_dotted and name[3:] not in {*HARMLESS, "path"}:
                yield name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "open":
                yield "open"
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if _is_of_files(each.name))
        elif isinstance(node, ast.ImportFrom) and _is_of_files(node.module or ""):
            yield node.module or ""


def _is_of_files(module: str) -> bool:
    return module.partition(".")[0] in MODULES_OF_FILES or module in ("os", "os.path")


def _is_from_os(source: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module in ("os", "os.path", "posix")
        for node in ast.walk(ast.parse(source))
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_cache_module_leaves_file_system_calls_to_files(path: Path) -> None:
    source = path.read_text()
    assert not _is_from_os(source)
    found = {name for name in _calls(source) if name != "os"}
    assert {name for name in found if (path.name, name) not in EXCEPTIONS} == set()


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.unlink('x')",
        "import os\nos.path.exists('x')",
        "import os\nfor x in os.scandir('.'): pass",
        "open('x')",
        "import fcntl",
        "from shutil import rmtree",
        "import importlib.resources, tempfile",
    ],
)
def test_a_file_system_call_is_seen(source: str) -> None:
    assert list(_calls(source))
