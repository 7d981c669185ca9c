"""The table of costs: its defaults, what it refuses, its bytes."""

import pytest

from cachewasm.engine import environment
from cachewasm.engine.operator_cost import DEFAULT_COST, FREE, MAX_COST, OperatorCost, mnemonic
from cachewasm.errors import ConfigError, InternalError
from cachewasm.wasm.opcodes import OPS


def test_default_cost_is_one_but_for_the_free_instructions() -> None:
    costs = {mnemonic(op.name): DEFAULT_COST[mnemonic(op.name)] for op in OPS}
    assert {name for name, cost in costs.items() if not cost} == FREE
    assert set(costs.values()) == {0, 1}


def test_operator_cost_keeps_only_what_differs() -> None:
    cost = OperatorCost({"nop": 0, "i32.add": 1, "f64.sqrt": 30, "drop": 2})
    assert cost.changed == (("drop", 2), ("f64.sqrt", 30))
    assert (cost["f64.sqrt"], cost["i32.add"], cost["nop"]) == (30, 1, 0)
    assert OperatorCost({"i32.add": 1}) == DEFAULT_COST == OperatorCost()
    assert hash(OperatorCost({"nop": 1})) == hash(OperatorCost({"nop": 1, "block": 0}))


def test_operator_cost_is_immutable() -> None:
    with pytest.raises(AttributeError):
        DEFAULT_COST.changed = ()


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"i32.plus": 1}, "unknown instruction: i32.plus"),
        ({"select t": 1}, "unknown instruction"),
        ({"i32.add": -1}, f"from 0 to {MAX_COST}, not -1"),
        ({"i32.add": MAX_COST + 1}, f"from 0 to {MAX_COST}"),
        ({"i32.add": True}, "not True"),
        ({"i32.add": 1.5}, "not 1.5"),
    ],
)
def test_operator_cost_of_anything_else_is_refused(costs: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OperatorCost(costs)


def test_operator_cost_round_trips() -> None:
    cost = OperatorCost({"select": 9, "i32.add": MAX_COST, "nop": 1})
    assert OperatorCost.from_bytes(cost.to_bytes()) == cost
    assert OperatorCost.from_bytes(DEFAULT_COST.to_bytes()) == DEFAULT_COST
    assert DEFAULT_COST.to_bytes() == environment.DEFAULT_COST


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("nop", 0)], "cannot have the cost 0"),
        ([("nop", 256)], "cannot have the cost 256"),
        ([("nop", 1), ("drop", 1)], "out of order"),
        ([("nop", 1), ("nop", 2)], "out of order"),
    ],
)
def test_operator_cost_bytes_of_another_form_are_refused(
    rows: list[tuple[str, int]], message: str
) -> None:
    cost = OperatorCost()
    object.__setattr__(cost, "changed", tuple(rows))
    with pytest.raises(InternalError, match=message):
        OperatorCost.from_bytes(cost.to_bytes())
    with pytest.raises(InternalError, match="unexpected"):
        OperatorCost.from_bytes(cost.to_bytes()[:-1])
