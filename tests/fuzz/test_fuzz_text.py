"""The text parser on damaged text: a module or an error of ours; what it means, as the oracle says.

PyPI wasmtime reads more than this version does, so a text that is refused here as unsupported is
not compared. Of a text that both read the binaries must mean the same.
"""

from dataclasses import replace
from itertools import groupby

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachewasm.errors import InvalidModule, TextError, UnsupportedModule
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, LocalGroup
from cachewasm.wasm.module import Names
from cachewasm.wasm.text.parser import parse_module
from tests.fuzz.bounded import run_bounded
from tests.fuzz.seeds import Corpus
from tests.fuzz.text_mutation import TokenEdit, edited_text, token_edits

EXAMPLES = settings(
    max_examples=600,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _grouped(body: FunctionBody) -> FunctionBody:
    """The body with its locals in the fewest groups."""
    types = [group.type for group in body.locals for _ in range(group.count)]
    groups = [LocalGroup(len(list(same)), valtype) for valtype, same in groupby(types)]
    return FunctionBody(tuple(groups), body.instructions)


def _meaning(wasm: bytes) -> ModuleSource:
    source = ModuleSource.from_module(decode(wasm, features.DEFAULT))
    bodies = tuple(_grouped(body) for body in source.bodies)
    return replace(source, bodies=bodies, names=Names(), customs=(), has_data_count=False)


def check(text: str) -> None:
    """Parse; compare the verdict and the binary with the oracle's."""
    try:
        oracle = bytes(wasmtime.wat2wasm(text))
    except (wasmtime.WasmtimeError, UnicodeEncodeError):
        oracle = None
    try:
        wasm = encode(parse_module(text))
    except (UnsupportedModule, InvalidModule):
        return
    except TextError as error:
        assert oracle is None, f"refused here alone: {error}\n{text}"
        return
    assert oracle is not None, f"accepted here alone\n{text}"
    assert _meaning(wasm) == _meaning(oracle)


@EXAMPLES
@given(seed=st.integers(0, 65535), changes=token_edits)
def test_parse_edited_text_agrees_with_oracle(
    seed_texts: Corpus[str], seed: int, changes: list[TokenEdit]
) -> None:
    check(edited_text(seed_texts[seed], changes))
