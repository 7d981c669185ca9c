"""Random programs give the same results, traps and state under PyPI wasmtime and in both tiers.

A few hundred run here; `python -m tests.property.long_run` runs as many as one likes. A difference
that was found becomes a test of its own in test_regressions.py.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cachewasm.wasm import features
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.decode import decode
from cachewasm.wasm.opcodes import OPS
from tests.property.programs.compare import difference, oracle_trace
from tests.property.programs.program import CHOICES, generate


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(data=st.binary(min_size=CHOICES // 2, max_size=CHOICES))
def test_program_random_agrees_with_oracle(data: bytes) -> None:
    program = generate(data)
    found = difference(program, oracle_trace(program))
    assert found is None, f"{found}\n{program.wasm.hex()}"


def test_generate_some_programs_use_every_instruction() -> None:
    used = set()
    for seed in range(400):
        module = decode(generate(random.Random(seed).randbytes(CHOICES)).wasm, features.DEFAULT)
        for body in module.code:
            _, start = read_locals(module.data, body.start, body.end, module.features)
            used |= {op for _, op, _ in instructions(module.data, start, body.end, module.features)}
    # What exceptions add has programs of its own (test_exceptions.py); what relaxed instructions give is
    # for an engine to choose (test_vectors.py).
    usual = features.DEFAULT & ~features.RELAXED_SIMD
    assert {op for op in OPS if not op.proposal & ~usual} <= used


def test_generate_no_choices_gives_the_simplest_program() -> None:
    program = generate(b"")
    assert [call.name for call in program.calls] == ["f0", "f0"]
    assert oracle_trace(program)[0] == ("f0", (), (0,))
