"""What a metered function checks when it is entered, at its beginning or at its end.

A check ends a block, and in the baseline tier whatever is needed behind it, parameters above all, goes to the
stack and back. So a function that only computes, without any effect, trap or branch, is checked when it
is about to return: nobody can tell. Its instructions are translated before that is known, hence
the check gets an empty line at the beginning, and numbers for its values, which must grow in the order of
the text.

Where both fuel and epochs are looked at, they are at the beginning.
"""

import re

from cachewasm.abi import traps
from cachewasm.abi.vmctx import STORE
from cachewasm.compiler.translate import fuel
from cachewasm.wasm.opcodes import Op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

# More than the values and labels of a check.
_NUMBERS = 16

# Instructions without effect that never trap. An `end` is the function's as long as no block has begun.
_NEUTRAL = frozenset(
    (
        "drop",
        "end",
        "global.get",
        "local.get",
        "local.set",
        "local.tee",
        "nop",
        "select",
        "select t",
    )
)
_COMPUTES = re.compile(r"[if](32|64)\.(?!(div|rem)_[su]|trunc_f)|(v128|[if]\d+x\d+)\.")


def is_neutral(op: Op) -> bool:
    """Whether it does not matter which is first, the instruction or the check."""
    return op.name in _NEUTRAL or (op.access is None and bool(_COMPUTES.match(op.name)))


class EntryCheck:
    """The check of one function. `is_open` until it has got its place."""

    __slots__ = ("_dbg", "_first", "_line", "is_open")

    def __init__(self, t: "FunctionTranslator") -> None:
        self._dbg = t.dbg()
        self._line = t.placeholder()
        self._first = t.n
        t.n += _NUMBERS
        self.is_open = True
        if t.context.consume_fuel and t.context.epoch_interruption:
            self.at_beginning(t)

    def at_beginning(self, t: "FunctionTranslator") -> None:
        """Something follows that must not happen unless the check has passed."""
        self.is_open = False
        emit, n = t.emit, t.n
        lines: list[str] = []
        t.emit, t.n = lines.append, self._first
        self._emit(t)
        t.emit, t.n = emit, n
        t.branched = -1  # its branch is not the last line
        t.fill(self._line, "\n".join(lines))

    def at_end(self, t: "FunctionTranslator") -> None:
        """The function is about to return, and has done nothing yet."""
        self.is_open = False
        if t.context.consume_fuel:
            fuel.keep(t)
            is_used_up = fuel.is_used_up(t)
            # Who runs out of fuel has none left, whatever lies in the store.
            fuel.give_back(t)
            t.trap_if(is_used_up, traps.OUT_OF_FUEL, self._dbg)
        else:
            t.trap_if(epoch_is_reached(t), traps.INTERRUPT, self._dbg)

    def _emit(self, t: "FunctionTranslator") -> None:
        if t.context.consume_fuel:
            t.trap_if(fuel.is_used_up(t), traps.OUT_OF_FUEL, self._dbg)
        if t.context.epoch_interruption:
            t.trap_if(epoch_is_reached(t), traps.INTERRUPT, self._dbg)


def leave(t: "FunctionTranslator") -> None:
    """The end of a function: check now what has not been, and give the fuel back."""
    check = t.entry_check
    if check is not None and check.is_open:
        check.at_end(t)
    elif t.context.consume_fuel:
        fuel.give_back(t)


def epoch_is_reached(t: "FunctionTranslator") -> str:
    """The i1 that tells whether the engine's epoch has reached the store's deadline."""
    now = t.value(f"load volatile i64, ptr {t.epoch()}")
    deadline = t.value(f"load i64, ptr {t.address(t.store_context(), STORE.epoch_deadline)}")
    return t.value(f"icmp uge i64 {now}, {deadline}")
