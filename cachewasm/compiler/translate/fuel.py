"""Fuel in the code of a function: what is left, in a register for as long as nobody else asks.

What is left lies in the store. A function takes it when it is entered and after each call, and gives it
back before each call and before it returns. In between it is a value, `left`, or lies in a slot of the
function where ways meet. The costs of a straight line are summed up at compile time, `pending`, and
subtracted where it ends, in one instruction. Fuel is checked where it may be used up for ever: at
the entry (entry_check.py), at the header of a loop, and before a bulk operation, which is charged by its size.
The baseline tier keeps no value from block to block, so it looks into the store when it has to.

A trap leaves in the store what was last given back, whichever instruction it was: a fault has no code
that could say more, and so both tiers and every kind of bounds check leave the same.
"""

from cachewasm.abi import traps
from cachewasm.abi.vmctx import STORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

ENTRY_COST = 1
# No value has this name.
IN_STORE = "store"


class Fuel:
    """What the translation of a function knows of its fuel.

    `left` is the value without what is `pending`; None while it lies in `slot`, which is made when
    it is needed, and IN_STORE while it has not been taken from there.
    """

    __slots__ = ("left", "pending", "slot")

    def __init__(self) -> None:
        self.left: str | None = None
        self.pending = 0
        self.slot = ""


def enter(t: "FunctionTranslator") -> None:
    """The beginning of a function."""
    take(t)
    t.fuel.pending = ENTRY_COST


def is_used_up(t: "FunctionTranslator") -> str:
    """The i1 that tells, at the entry, whether nothing is left once it is paid for. Taken as it is,
    what is left need not be subtracted from before it is next charged.
    """
    return t.value(f"icmp sle i64 {_left(t)}, {ENTRY_COST}")


def charge(t: "FunctionTranslator") -> None:
    """Subtract what the instructions since the last time have cost."""
    if t.fuel.pending:
        _subtract(t, str(t.fuel.pending))
        t.fuel.pending = 0


def charge_for(t: "FunctionTranslator", count: str) -> None:
    """Charge for `count` bytes or elements, an i64 of at most 33 bits, and check."""
    charge(t)
    _subtract(t, count)
    check(t)


def settle(t: "FunctionTranslator", deferred: int) -> None:
    """Put what is left where a label looks for it, behind which `deferred` is still to be charged."""
    if t.fuel.pending != deferred:
        _subtract(t, str(t.fuel.pending - deferred))
        t.fuel.pending = deferred
    if t.fuel.left is not None:
        t.emit(f"  store i64 {_left(t)}, ptr {_slot(t)}")
        t.fuel.left = None


def give_back(t: "FunctionTranslator") -> None:
    """Charge, and store what is left: whoever runs next may ask for it."""
    charge(t)
    left = _left(t)
    t.emit(f"  store volatile i64 {left}, ptr {t.address(t.store_context(), STORE.fuel)}")


def take(t: "FunctionTranslator") -> None:
    """Go on with what others have left."""
    t.fuel.left = IN_STORE if t.context.baseline else _load(t)


def keep(t: "FunctionTranslator") -> None:
    """Take what is left into a value, for the rest of this block."""
    t.fuel.left = _left(t)


def check(t: "FunctionTranslator") -> None:
    """Trap unless there is something left. The runtime knows what that trap leaves: nothing."""
    t.trap_if(t.value(f"icmp slt i64 {_left(t)}, 1"), traps.OUT_OF_FUEL)


def _left(t: "FunctionTranslator") -> str:
    # What has been loaded is loaded again: in the baseline tier a value that is used in several blocks
    # would go back to memory.
    if t.fuel.left == IN_STORE:
        return _load(t)
    return t.fuel.left or t.value(f"load i64, ptr {_slot(t)}")


def _load(t: "FunctionTranslator") -> str:
    address = t.address(t.store_context(), STORE.fuel)
    # The baseline tier moves no load, and makes a plain one an operand of the instruction that uses it.
    volatile = "" if t.context.baseline else "volatile "
    return t.value(f"load {volatile}i64, ptr {address}")


def _subtract(t: "FunctionTranslator", amount: str) -> None:
    t.fuel.left = t.value(f"sub i64 {_left(t)}, {amount}")


def _slot(t: "FunctionTranslator") -> str:
    if not t.fuel.slot:
        t.fuel.slot = t.slot("i64")
    return t.fuel.slot
