"""What every test can rely on: a cache directory of its own, and the engine under test.

No test reads or writes the user's cache or reads their configuration: `CACHEWASM_DIR` and
`XDG_CONFIG_HOME` name directories of this session, for child processes too. `--engine wasmtime`
runs the tests of behaviour on the PyPI package instead, which shows that a test asks for what the
oracle does.
"""

import importlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

EMULATED = "AARCH64_EMULATED"
OF_THE_TESTS = ("CACHEWASM_TEST_MODULES", "CACHEWASM_SPEC_DIR", "CACHEWASM_UPDATE_GOLDEN")
BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
MODULES = BENCHMARKS / "modules"
# What tests/aarch64/set_up.py makes.
EMULATION = BENCHMARKS.parent / ".venv-aarch64"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=("cachewasm", "wasmtime"), default="cachewasm")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "emulator_cannot(reason): what qemu's user mode does not do as a kernel does"
    )
    if EMULATED in os.environ:
        from hypothesis import HealthCheck, settings

        slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
        settings.register_profile("emulated", slow)
        settings.load_profile("emulated")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the environment of tests/aarch64/set_up.py, skip what its emulator cannot do."""
    for item in items if EMULATED in os.environ else ():
        for mark in item.iter_markers("emulator_cannot"):
            item.add_marker(pytest.mark.skip(reason=f"emulated: {mark.args[0]}"))


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The session's cache directory."""
    directory = tmp_path_factory.mktemp("cachewasm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CACHEWASM_DIR", str(directory))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        for name in [name for name in os.environ if name.startswith("CACHEWASM_")]:
            if name not in ("CACHEWASM_DIR", *OF_THE_TESTS):
                patch.delenv(name)
        yield directory


@pytest.fixture
def host_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[frozenset[str]], None]:
    """Makes this process believe that its CPU has these features, whatever it has."""

    def pretend(features: frozenset[str]) -> None:
        from cachewasm.engine import host

        monkeypatch.setattr(host, "probe", lambda: features)
        monkeypatch.setattr(host, "_answers", host._Answers())
        monkeypatch.setattr(host, "runnable", set())

    return pretend


@pytest.fixture(scope="session")
def objdump() -> Callable[[str], str]:
    """Finds an objdump that reads code of an architecture, `x86_64` or `aarch64`, or skips the test."""
    formats = {"x86_64": "elf64-x86-64", "aarch64": "elf64-littleaarch64"}

    def find(architecture: str) -> str:
        cross = f"{architecture}-linux-gnu-objdump"
        for name in ("objdump", cross, str(EMULATION / "bin" / cross)):
            command = shutil.which(name)
            if command is None:
                continue
            done = subprocess.run([command, "-i"], capture_output=True, text=True, check=True)
            if formats[architecture] in done.stdout:
                return command
        pytest.skip(f"no objdump for {architecture} is installed")

    return find


@pytest.fixture(scope="session")
def engine_module(request: pytest.FixtureRequest) -> ModuleType:
    """The package under test."""
    return importlib.import_module(request.config.getoption("--engine"))


@pytest.fixture(scope="session")
def new_engine(engine_module: ModuleType) -> Callable[[str], object]:
    """Makes an `Engine` of the package under test for a strategy."""

    def make(strategy: str) -> object:
        config = engine_module.Config()
        # The oracle has one compiler: it takes the part of both strategies.
        config.strategy = "cranelift" if engine_module.__name__ == "wasmtime" else strategy
        return engine_module.Engine(config)

    return make


def _is_fetched_in_ci(name: str) -> bool:
    # The benchmarks are not installed; their table of modules needs nothing but the standard library.
    spec = importlib.util.spec_from_file_location("fetch", BENCHMARKS / "fetch.py")
    assert spec is not None and spec.loader is not None
    fetch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fetch)
    (source,) = (each for each in fetch.SOURCES if each.name == name)
    return source.in_ci and (source.registry == "pypi" or shutil.which("npm") is not None)


@pytest.fixture(scope="session")
def module_path() -> Callable[[str], Path]:
    """Finds a real module that `python -m benchmarks.fetch` has fetched.

    `CACHEWASM_TEST_MODULES` may name another folder. Without the module the test is skipped, except
    in continuous integration: there it must run, if the module is one of those that are fetched and
    its registry has a client.
    """
    folder = Path(os.environ.get("CACHEWASM_TEST_MODULES", MODULES))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            missing = f"{path} is not there: run `python -m benchmarks.fetch {name}`"
            if os.environ.get("CI") == "true" and _is_fetched_in_ci(name):
                pytest.fail(missing)
            pytest.skip(missing)
        return path

    return find
