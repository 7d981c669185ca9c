"""Locals: where they lie, what is known of them, and which stores nobody sees.

A local that is loaded anywhere lies in an alloca, whose number is the local's index + 1. Within
straight-line code the value that it holds is remembered (`known`), which spares most loads, and what it
held before is not stored if it is set again. In the baseline tier that ends at every branch: its
register allocator keeps nothing in a register from block to block, and what is remembered beyond would
lie in two places of the frame. Constants are remembered there, too.

A local begins as its argument or as zero. That need not be stored if the local is set on every way to
each place where it is loaded. `assigned` has a bit for each local that has been set on every way here; where
ways meet, at a label, that is what they have in common. Ways back to a loop bring no less than its entry.
"""

from cachewasm.compiler.translate.ir import LLVM_TYPES, f32_literal, f64_literal, fence
from cachewasm.wasm.types import F32, F64, V128

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FLOAT_ZEROS = {LLVM_TYPES[F32]: f32_literal(0), LLVM_TYPES[F64]: f64_literal(0)}
VECTOR = LLVM_TYPES[V128]
_ZEROS = {VECTOR: "zeroinitializer"}

# Locals from this index on always store how they begin: each open block has a number of so many bits.
_MOST_FOLLOWED = 1024
# Up to this many locals are remembered at an `if` for its other arm.
_MOST_REMEMBERED = 64


class Locals:
    """The locals of one function; `set` and `load` are what instructions do.

    `types` are LLVM's, `loops` is how many loops are open, `block` the line with which the block begins.
    """

    __slots__ = (
        "_baseline",
        "_last",
        "_loaded",
        "_params",
        "_stores",
        "_unset",
        "assigned",
        "block",
        "known",
        "loops",
        "types",
    )

    def __init__(self, t: "FunctionTranslator") -> None:
        self._baseline = t.context.baseline
        self.types = [LLVM_TYPES[valtype] for valtype in t.validator.locals]
        self._params = len(t.signature.params)
        self.known: dict[int, str] = {}
        # What each was set to since the last label; a constant is still that.
        self._last: dict[int, str] = {}
        self.assigned = 0
        self.loops = 0
        self.block = 0
        # Where in the text each has been stored so far.
        self._stores: dict[int, list[int]] = {}
        # Which are loaded at all, and which where they may not have been set.
        self._loaded: set[int] = set()
        self._unset: set[int] = set()

    def load(self, t: "FunctionTranslator", localidx: int) -> str:
        """The value of a local that is not in `known`, as it will be from now on."""
        value = self._last.get(localidx)
        if value is not None:
            if value[0] != "%":
                self.known[localidx] = value
                return value
        elif not self.loops and localidx not in self._stores:
            # Only what stands before this can have been executed, and it does not set the local.
            initial = self._initial(localidx)
            if initial is not None:
                self.known[localidx] = initial
                return initial
        self._loaded.add(localidx)
        if not self.assigned >> localidx & 1:
            self._unset.add(localidx)
        t.n = n = t.n + 1
        self.known[localidx] = value = f"%{n}"
        t.emit(f"  {value} = load {self.types[localidx]}, ptr %{localidx + 1}")
        return value

    def set(self, lines: list[str], localidx: int, value: str) -> None:
        """Store a local, and remember its value."""
        self.known[localidx] = self._last[localidx] = value
        if localidx < _MOST_FOLLOWED:
            self.assigned |= 1 << localidx
        places = self._stores.get(localidx)
        if places is None:
            self._stores[localidx] = [len(lines)]
        else:
            if places[-1] >= self.block:
                lines[places[-1]] = ""  # within a block nobody has loaded it
            places.append(len(lines))
        lines.append(f"  store {self.types[localidx]} {value}, ptr %{localidx + 1}")

    def _initial(self, localidx: int) -> str | None:
        """The operand that a local begins as; None for a float's zero, which LLVM may have to be kept from."""
        if localidx < self._params:
            return f"%p{localidx}"
        llvm_type = self.types[localidx]
        return None if llvm_type in FLOAT_ZEROS else _ZEROS.get(llvm_type, "0")

    # Borders of blocks.

    def forget(self, place: int) -> None:
        """Arrive at a label that is reached from elsewhere too; the text goes on at line `place`."""
        self.block = place
        self.known = {}
        self._last = {}

    def remembered(self) -> dict[int, str]:
        """What is known at a branch, for `recall`."""
        remembered = self._last if self._baseline else self.known
        return remembered.copy() if len(remembered) <= _MOST_REMEMBERED else {}

    def recall(self, remembered: dict[int, str]) -> None:
        """Go on with what was known at a branch: after `forget`, at a label reached from there alone."""
        if self._baseline:
            self._last = remembered
        else:
            self.known = remembered

    # The definition.

    def drop_dead_stores(self, lines: list[str]) -> None:
        """Leave nothing of the stores to locals that are never loaded, which have no alloca."""
        for localidx, places in self._stores.items():
            if localidx not in self._loaded:
                for place in places:
                    lines[place] = ""

    def entry_lines(self) -> list[str]:
        """The allocas, and the stores of initial values."""
        types = self.types
        lines = [f"  %{i + 1} = alloca {types[i]}" for i in sorted(self._loaded)]
        for i in sorted(self._unset):
            t = types[i]
            initial = self._initial(i)
            is_hidden = not self._baseline and i >= self._params
            if initial is None:
                initial = FLOAT_ZEROS[t]
                if is_hidden:
                    lines.append(f"  %zero{i} = {fence(t, initial)}")
                    initial = f"%zero{i}"
            elif t == VECTOR and is_hidden:
                lines.append(f"  %zero{i}.lanes = {fence('<4 x float>', initial)}")
                lines.append(f"  %zero{i} = bitcast <4 x float> %zero{i}.lanes to {t}")
                initial = f"%zero{i}"
            lines.append(f"  store {t} {initial}, ptr %{i + 1}")
        return lines
