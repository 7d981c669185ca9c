"""Random programs use up the same fuel in both tiers, with checks by code, and under PyPI wasmtime.

Some calls get little fuel, so that they end in the middle. What is left is looked at after every call,
however it ended, and in host functions.
"""

import random
from functools import cache

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

import cachewasm
from cachewasm.wasm import features
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.decode import decode
from tests.property.programs.compare import VARIANTS
from tests.property.programs.observe import Run, Trace
from tests.property.programs.program import CHOICES, Call, Program, generate

PLENTY = 10**9


class MeteredRun(Run):
    """A run in which each call begins with a stated amount of fuel."""

    def __init__(self, package: object, engine: object, program: Program, fuel: list[int]) -> None:
        super().__init__(package, engine, program)  # type: ignore[arg-type]
        self._fuel = fuel
        # Initialisation is other code there and here.
        self._store.set_fuel(PLENTY)

    def _call(self, exports: object, call: Call) -> object:
        self._store.set_fuel(self._fuel[len(self.trace) % len(self._fuel)])
        return super()._call(exports, call), self._store.get_fuel()

    def _first(self, value: int) -> int:
        self.trace.append(("left", self._store.get_fuel()))
        return super()._first(value)


@cache
def _engine(variant: str) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy, config.signals_based_traps = VARIANTS[variant]
    config.cache = False
    config.consume_fuel = True
    return cachewasm.Engine(config)


@cache
def _oracle() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True
    return wasmtime.Engine(config)


def _grows_a_table(program: Program) -> bool:
    # PyPI wasmtime forgets to charge for what was executed before an attempt that fails.
    module = decode(program.wasm, features.DEFAULT)
    for body in module.code:
        _, start = read_locals(module.data, body.start, body.end, module.features)
        if any(
            op.name == "table.grow"
            for _, op, _ in instructions(module.data, start, body.end, module.features)
        ):
            return True
    return False


def _traces(data: bytes) -> list[tuple[str, Trace]]:
    program = generate(data)
    chosen = random.Random(data)
    fuel = [chosen.choice((PLENTY, PLENTY, chosen.randrange(300))) for _ in range(7)]
    traces = [
        (variant, MeteredRun(cachewasm, _engine(variant), program, fuel).run())
        for variant in VARIANTS
    ]
    if not _grows_a_table(program):
        traces.append(("oracle", MeteredRun(wasmtime, _oracle(), program, fuel).run()))
    return traces


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(data=st.binary(min_size=CHOICES // 2, max_size=CHOICES))
def test_fuel_of_a_random_program_is_the_same_everywhere(data: bytes) -> None:
    (_, wanted), *others = _traces(data)
    for name, trace in others:
        for found, expected in zip(trace, wanted, strict=False):
            assert found == expected, f"{name} after {wanted}: {generate(data).wasm.hex()}"
        assert len(trace) == len(wanted), name


def test_fuel_some_programs_are_compared_with_the_oracle_and_some_run_out() -> None:
    seen = set()
    for seed in range(40):
        traces = _traces(random.Random(seed).randbytes(CHOICES))
        seen |= {name for name, _ in traces}
        seen |= {"out" for event in traces[0][1] if "OUT_OF_FUEL" in str(event)}
    assert seen == {*VARIANTS, "oracle", "out"}
