"""Run one program under the oracle and the engine's variants, and say where they differ."""

from functools import cache

import wasmtime

import cachewasm
from tests.property.programs.observe import Run, Trace
from tests.property.programs.program import Program, generate

# Both tiers, by their options; and, each for one program in so many since the rest of the code is the
# same: memory accesses that are checked by code instead of by guard pages, tables that are filled late.
VARIANTS: dict[str, dict[str, str | bool]] = {
    "baseline": {"strategy": "baseline"},
    "optimized": {"strategy": "optimized"},
    "baseline, checked accesses": {"strategy": "baseline", "signals_based_traps": False},
    "optimized, lazy tables": {"strategy": "optimized", "table_lazy_init": True},
}
_RARE = {"baseline, checked accesses": 0, "optimized, lazy tables": 1}
_RARE_EVERY = 4


def config_of(variant: str) -> cachewasm.Config:
    """A new Config with the options of a variant."""
    config = cachewasm.Config()
    for name, value in VARIANTS[variant].items():
        setattr(config, name, value)
    return config


@cache
def _engine(variant: str) -> cachewasm.Engine:
    config = config_of(variant)
    config.cache = False  # no program comes twice
    return cachewasm.Engine(config)


@cache
def _oracle() -> wasmtime.Engine:
    return wasmtime.Engine()


def oracle_trace(program: Program) -> Trace:
    """What PyPI wasmtime does."""
    return Run(wasmtime, _oracle(), program).run()


def difference(program: Program, wanted: Trace) -> str | None:
    """How a variant differs from the oracle's trace, or None."""
    turn = len(program.wasm) % _RARE_EVERY
    for variant in VARIANTS:
        if _RARE.get(variant, turn) != turn:
            continue
        try:
            found = Run(cachewasm, _engine(variant), program).run()
        except Exception as error:  # of whatever kind: a valid program must run
            return f"{variant}: {type(error).__name__}: {error}"
        if found != wanted:
            return f"{variant}: {_first_difference(found, wanted)}"
    return None


def _first_difference(found: Trace, wanted: Trace) -> str:
    for number, (ours, oracle) in enumerate(zip(found, wanted, strict=False)):
        if ours != oracle:
            return f"event {number}: expected {oracle}, found {ours}"
    return f"expected {len(wanted)} events, found {len(found)}"


def minimised(data: bytes) -> bytes:
    """Shorter or smaller choices that still show a difference: pieces left out, bytes zeroed."""

    def differs(data: bytes) -> bool:
        program = generate(data)
        return difference(program, oracle_trace(program)) is not None

    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            zeroed = data[:at] + bytes(len(data[at : at + size])) + data[at + size :]
            if differs(shorter):
                data = shorter
            else:
                if zeroed != data and differs(zeroed):
                    data = zeroed
                at += size
        size //= 2
    return data
