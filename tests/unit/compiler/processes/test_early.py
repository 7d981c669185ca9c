"""The support image is begun early only where it is asked for and a processor is to spare."""

import pytest

from cachewasm.compiler.processes import early
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config

ENVIRONMENT = from_config(Config()).to_bytes()


@pytest.mark.parametrize(
    "request_fields",
    [
        [b"module", ENVIRONMENT, b"baseline", b"wasm", b"0", b""],
        [b"module", ENVIRONMENT, b"baseline", b"wasm", b"1", ENVIRONMENT],
        [b"support", ENVIRONMENT],
        [b"nonsense"],
    ],
)
def test_begin_without_need_or_processor_forks_nothing(request_fields: list[bytes]) -> None:
    assert early.begin(request_fields) is None


def test_processors_counts_this_machines_if_none_are_given() -> None:
    assert early.processors(b"3") == 3
    assert early.processors(b"0") >= 1
