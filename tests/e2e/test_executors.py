"""One processor, all of them, this process or any executor: the artifact has the same bytes."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "compile_everywhere.py"
DEFAULT = "all"


@pytest.fixture(scope="module")
def artifacts_of(
    python: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[str]]:
    """The digests of the artifacts that are compiled in some ways, in a process for them."""
    scratch = {"DASK_TEMPORARY_DIRECTORY": str(tmp_path_factory.mktemp("dask"))}

    def run(*ways: str) -> list[str]:
        lines = python("-W", "error", str(SCRIPT), *ways, variables=scratch).decode().split()
        assert lines[::2] == list(ways)
        return lines[1::2]

    return run


def test_artifact_does_not_depend_on_processors_or_process(
    artifacts_of: Callable[..., list[str]],
) -> None:
    assert len(set(artifacts_of(DEFAULT, "one", "here"))) == 1


def test_artifact_of_pool_executors_is_the_same(artifacts_of: Callable[..., list[str]]) -> None:
    assert len(set(artifacts_of(DEFAULT, "fork", "spawn", "threads"))) == 1


def test_artifact_of_a_dask_cluster_is_the_same(artifacts_of: Callable[..., list[str]]) -> None:
    if importlib.util.find_spec("distributed") is None:
        missing = "dask.distributed is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    assert len(set(artifacts_of("dask", DEFAULT))) == 1
