"""What instructions cost in fuel: a table by mnemonic, of which only the differences are kept.

The table is in the key and in the metadata of an artifact, since its numbers are in the code. Besides
the instructions, a function costs 1 each time it is entered, and bulk operations cost 1 for every byte
or element; neither can be changed.

Not on the warm path of engines without costs of their own: an environment has the bytes.
"""

from cachewasm.engine import encoding
from cachewasm.errors import ConfigError, InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# These become no code, or none that is worth counting.
FREE = frozenset(("block", "drop", "else", "end", "loop", "nop", "return", "unreachable"))
# What runs between two checks is bounded, so the sum of its costs cannot overflow 64 bits.
MAX_COST = 255


def default_cost(mnemonic: str) -> int:
    """What an instruction costs unless a table says otherwise."""
    return 0 if mnemonic in FREE else 1


class OperatorCost:
    """The fuel that each instruction uses up: `OperatorCost({"i64.div_s": 20, "nop": 1})`.

    Instructions that are not named cost 1; `block`, `drop`, `else`, `end`, `loop`, `nop`, `return` and
    `unreachable` cost nothing. Names are those of the text format; costs are from 0 to 255. Raises
    ConfigError for anything else. Immutable, compared by value.
    """

    __slots__ = ("changed",)

    changed: tuple[tuple[str, int], ...]

    def __init__(self, costs: "Mapping[str, int] | None" = None) -> None:
        costs = costs or {}
        if costs:
            _check(costs)
        rows = [(name, cost) for name, cost in costs.items() if cost != default_cost(name)]
        object.__setattr__(self, "changed", tuple(sorted(rows)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an OperatorCost cannot be changed")

    def __getitem__(self, mnemonic: str) -> int:
        """The cost of an instruction, whether or not there is one of that name."""
        return dict(self.changed).get(mnemonic, default_cost(mnemonic))

    def to_bytes(self) -> bytes:
        """What differs from the default: a count, then names, ascending, with their costs."""
        rows = (encoding.text(name) + encoding.u16(cost) for name, cost in self.changed)
        return encoding.u16(len(self.changed)) + b"".join(rows)

    @classmethod
    def from_bytes(cls, data: bytes) -> "OperatorCost":
        """The inverse of `to_bytes`. Raises InternalError: such bytes come from this package."""
        return cls.read(encoding.Reader(data, InternalError))

    @classmethod
    def read(cls, reader: encoding.Reader) -> "OperatorCost":
        """From bytes of anybody's. Names are not looked up: another version may know others."""
        rows: list[tuple[str, int]] = []
        for _ in range(reader.u16()):
            name, cost = reader.text(), reader.u16()
            if cost > MAX_COST or cost == default_cost(name):
                raise reader.fail(f"the operator `{name}` cannot have the cost {cost}")
            if rows and name <= rows[-1][0]:
                raise reader.fail(f"the operator `{name}` is out of order")
            rows.append((name, cost))
        reader.finish()
        found = cls()
        object.__setattr__(found, "changed", tuple(rows))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OperatorCost) and self.changed == other.changed

    def __hash__(self) -> int:
        return hash(self.changed)

    def __repr__(self) -> str:
        return f"OperatorCost({dict(self.changed)})"


DEFAULT_COST = OperatorCost()


def mnemonic(name: str) -> str:
    """The mnemonic of a row of the table of instructions, whose name may say more."""
    return name.partition(" ")[0]


def _check(costs: "Mapping[str, int]") -> None:
    from cachewasm.engine.suggest import shown
    from cachewasm.wasm.opcodes import OPS

    known = {mnemonic(op.name) for op in OPS}
    for name, cost in costs.items():
        if name not in known:
            unknown = shown(str(name))
            raise ConfigError(f"the option operator_cost names an unknown instruction: {unknown}")
        if not isinstance(cost, int) or isinstance(cost, bool) or not 0 <= cost <= MAX_COST:
            raise ConfigError(
                f"the option operator_cost must have costs from 0 to {MAX_COST}, not {shown(repr(cost))}"
            )
