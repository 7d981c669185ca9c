"""Translate one function body to LLVM IR while it is validated, in one pass.

The state of a translation and the operations that lowerings are made of. The operand stack holds
LLVM operands as text: names of values, or constants. Locals live in allocas and so do values that
cross a label; LLVM's SROA makes the SSA form. What locals hold is remembered (locals.py), and so is the
extension of an index (`wide`). Values have numbers, which LLVM need not look up by name, and so do labels
that follow the branch to them; numbers grow in the order of the text and may have gaps. The entry block
is 0, then come the locals. Other labels are one of the letters b, c, d, e, f, l, r, t and a number; no
value is named so.

Always holds between instructions: while `live`, `stack` has as many operands as the validator has
types; whatever they name dominates the place where the text goes on.
"""

from typing import Any, NamedTuple

from cachewasm.abi import symbols, traps
from cachewasm.abi.vmctx import CONTEXT, FUNC_BOUNDED, MEMORY, STORE
from cachewasm.compiler.translate import exception
from cachewasm.compiler.translate.context import ModuleContext
from cachewasm.compiler.translate.control import Frame
from cachewasm.compiler.translate.debug import with_lines
from cachewasm.compiler.translate.dispatch import UNREACHABLE_LOWERINGS
from cachewasm.compiler.translate.fuel import Fuel
from cachewasm.compiler.translate.ir import (
    RAISE_TRAP,
    TRAP,
    at,
    fence,
    load_builtin,
    load_field,
)
from cachewasm.compiler.translate.locals import VECTOR, Locals
from cachewasm.compiler.translate.metering import enter
from cachewasm.errors import UnsupportedModule
from cachewasm.wasm.function_validator import FunctionValidator
from cachewasm.wasm.opcodes import BY_NAME
from cachewasm.wasm.types import I32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.entry_check import EntryCheck
    from cachewasm.compiler.translate.exception import Handler

# The stack check compares the frame address with the limit, that of a large frame less an estimate of
# it. Level 0 may give every local and operand a place of its own. A small frame may reach beyond the
# limit, as may that of a function that calls none and is not checked.
_FRAME_BASE = 64
_FRAME_PER_VALUE = 8
_FRAME_PER_VECTOR = 16
_MAX_FRAME_ESTIMATE = 256 << 10
_SMALL_FRAME = 1 << 10

# What values that calls and branches pass on may amount to: each makes a line or two of text, and
# real programs of the largest size stay far below.
_MAX_CARRIED = 4_000_000

LOCAL_GET = BY_NAME["local.get"]
LOCAL_SET = BY_NAME["local.set"]
LOCAL_TEE = BY_NAME["local.tee"]
I32_CONST = BY_NAME["i32.const"]


class Detour(NamedTuple):
    """A block behind the function's other code: its label, a call with its place, where it goes on."""

    label: int
    call: str
    dbg: str
    back: int


class FunctionTranslator:
    """The translation of one defined function.

    Lowerings use `stack`, `emit`, `live`, `frames`, `locals` and the methods; `n` is the number of
    the last value, `lines` is the text so far.
    """

    __slots__ = (
        "_allocas",
        "_carried",
        "_cold",
        "_detours",
        "_entry",
        "_free_slots",
        "_location",
        "_location_offset",
        "_places",
        "branched",
        "calls",
        "comparison",
        "context",
        "emit",
        "entry_check",
        "flag",
        "flag_before",
        "flag_before_of",
        "flag_line",
        "flag_of",
        "flags",
        "frames",
        "fuel",
        "funcidx",
        "handler",
        "has_pads",
        "is_foldable",
        "label_count",
        "lines",
        "live",
        "locals",
        "module",
        "n",
        "signature",
        "stack",
        "uses_vectors",
        "validator",
        "views",
        "wide",
    )

    def __init__(self, context: ModuleContext, funcidx: int) -> None:
        self.context = context
        self.module = context.module
        self.funcidx = funcidx
        self.validator = FunctionValidator(context.valid, funcidx)
        self.signature = context.signature(self.module.func_typeidxs[funcidx])
        self.stack: list[str] = []
        self.frames: list[Frame] = []
        self.live = True
        # What catches here, and whether any landing pad has been made: see exception.py.
        self.handler: Handler | None = None
        self.has_pads = False
        self.label_count = 0
        self.flags = FUNC_BOUNDED
        self.calls = False
        # Whether the block has what SelectionDAG could fold: see `opaque`.
        self.is_foldable = False
        self._carried = 0
        self.lines: list[str] = []
        self.emit = self.lines.append
        self._entry: dict[str, str] = {}
        self._allocas: list[str] = []
        self._free_slots: dict[str, list[str]] = {}
        self._cold: list[tuple[int, int, str]] = []
        self._detours: list[Detour] = []
        # The last comparison: the instruction, its i1, the i32 made of that, and where it was emitted.
        self.comparison = ""
        self.flag = ""
        self.flag_of = ""
        self.flag_line = 0
        # The i1 of the comparison before that, and its i32.
        self.flag_before = ""
        self.flag_before_of = ""
        # How long the text was behind the last branch with a condition: see `jump`.
        self.branched = -1

        self.locals = Locals(self)
        self.n = len(self.locals.types)
        # Whether there is any v128: it came from a local, an instruction, a global, a call or an exception.
        self.uses_vectors = VECTOR in self.locals.types
        # An i32 -> the same as i64, as far as it is extended already.
        self.wide: dict[str, str] = {}
        # A v128 and a type of LLVM's -> the same as that type: see simd/shapes.py.
        self.views: dict[tuple[str, str], str] = {}
        self.fuel = Fuel()
        self.entry_check: EntryCheck | None = None

        self._places = context.function_places(funcidx)
        self._location = ""
        self._location_offset = -1

    def translate(self) -> list[str]:
        """Translate the body; return the lines of the function's definition."""
        self.frames.append(Frame(self, self.validator.ctrls[0], height=0))
        validator = self.validator
        step = validator.step
        lowerings = self.context.lowerings
        # Where every instruction is counted, none goes past its lowering.
        quick = () if self.context.consume_fuel else (LOCAL_GET, I32_CONST, LOCAL_SET, LOCAL_TEE)
        quick_get, quick_const, quick_set, quick_tee = quick or (None, None, None, None)
        stack, lines, locals_ = self.stack, self.lines, self.locals
        highest = 0
        vals, local_types = validator.vals, validator.locals
        locals_count = len(local_types)
        enter(self)
        imm: Any  # of the type that the instruction's row promises
        for offset, op, imm in self.validator.instructions():
            # More than half of all instructions: validated and translated in one go.
            if op is quick_get:
                if self.live and imm < locals_count:
                    vals.append(local_types[imm])
                    value = locals_.known.get(imm)
                    if value is None:
                        value = locals_.load(self, imm)
                    stack.append(value)
                    continue
            elif op is quick_const and self.live:
                vals.append(I32)
                stack.append(str(imm))
                continue
            elif (
                (op is quick_set or op is quick_tee)
                and self.live
                and imm < locals_count
                and len(vals) > validator.height
                and vals[-1] is local_types[imm]
            ):
                locals_.set(lines, imm, stack[-1])
                if op is quick_set:
                    vals.pop()
                    stack.pop()
                continue
            step(offset, op, imm)
            if self.live:
                height = len(stack)
                if height > highest:
                    highest = height
                lowerings[op.index](self, imm)
            elif (lowering := UNREACHABLE_LOWERINGS.get(op)) is not None:
                lowering(self, imm)
        self.validator.finish(self.validator.offset)
        return self._definition(highest)

    # Values.

    def value(self, instruction: str) -> str:
        """Emit an instruction that makes a value; return its name."""
        self.n = n = self.n + 1
        self.emit(f"  %{n} = {instruction}")
        return f"%{n}"

    def field(self, base: str, offset: int, llvm_type: str = "ptr", *, flags: str = "") -> str:
        """Load a field; `flags` is "volatile", or "" for one that never changes."""
        address = self.address(base, offset) if offset else base
        if flags:
            return self.value(f"load {flags} {llvm_type}, ptr {address}")
        return self.value(f"load {llvm_type}, ptr {address}{self.context.invariant}")

    def address(self, base: str, offset: int) -> str:
        """The address `offset` bytes behind `base`."""
        return self.value(f"getelementptr i8, ptr {base}, i64 {offset}")

    def widened(self, value: str) -> str:
        """An i32 operand as i64, zero-extended."""
        if value[0] != "%":
            return str(int(value) & 0xFFFF_FFFF)
        wide = self.wide.get(value)
        if wide is None:
            wide = self.wide[value] = self.value(f"zext i32 {value} to i64")
        return wide

    def opaque(self, llvm_type: str, operand: str) -> str:
        """The same float as a value of which LLVM knows nothing. Nothing is folded in the baseline
        tier, where FastISel selects each instruction as it stands, but for vector instructions.
        """
        if self.context.baseline:
            self.is_foldable = True
            return operand
        return self.value(fence(llvm_type, operand))

    def forget(self) -> None:
        """Arrive at a label that is reached from elsewhere too."""
        self.locals.forget(len(self.lines))
        self.wide = {}
        self.views = {}
        self.fuel.left = None

    def go_on(self) -> None:
        """Begin a block that is reached from the end of the text alone.

        In the baseline tier nothing stays in a register: what is remembered beyond would be spilled.
        """
        locals_ = self.locals
        locals_.block = len(self.lines)
        if self.context.baseline:
            self.flag_of = ""
            if locals_.known:
                locals_.known = {}
            if self.wide:
                self.wide = {}

    def placeholder(self) -> int:
        """An empty line, for `fill`."""
        self.emit("")
        return len(self.lines) - 1

    def fill(self, line: int, text: str) -> None:
        """Put text where a placeholder is."""
        self.lines[line] = text

    # Entry block: values that are made at most once per function.

    def _at_entry(self, name: str, base: str, offset: int) -> str:
        """The name of a field that never changes, loaded in the entry block."""
        if name not in self._entry:
            self._entry[name] = load_field(name, base, offset, suffix=self.context.invariant)
        return name

    def store_context(self) -> str:
        """The store's context."""
        return self._at_entry("%store", "%vmctx", CONTEXT.store)

    def epoch(self) -> str:
        """The address of the engine's epoch."""
        return self._at_entry("%epoch", self.store_context(), STORE.epoch)

    def memory(self, memidx: int) -> str:
        """The definition of a memory."""
        offset = self.context.layout.memories + 8 * memidx
        return self._at_entry(f"%memory{memidx}", "%vmctx", offset)

    def memory_base(self, memidx: int) -> str:
        """The base of a memory that never moves."""
        name = f"%base{memidx}"
        if name in self._entry:
            return name
        return self._at_entry(name, self.memory(memidx), MEMORY.base)

    def table(self, tableidx: int) -> str:
        """The definition of a table."""
        offset = self.context.layout.tables + 8 * tableidx
        return self._at_entry(f"%table{tableidx}", "%vmctx", offset)

    def slot(self, llvm_type: str) -> str:
        """An alloca of the entry block for a value that crosses a label."""
        free = self._free_slots.get(llvm_type)
        if free:
            return free.pop()
        name = f"%s{len(self._allocas)}"
        self._allocas.append(f"  {name} = alloca {llvm_type}")
        return name

    def free_slot(self, llvm_type: str, name: str) -> None:
        """Let others have an alloca: no code that follows loads what has been stored there so far."""
        self._free_slots.setdefault(llvm_type, []).append(name)

    # Places.

    def dbg(self) -> str:
        """The suffix that gives an instruction its place in the wasm module."""
        offset = self.validator.offset
        if self._location_offset != offset:
            self._location_offset = offset
            places = self._places
            if places.before:
                self._location = f"{places.before}{offset + 1}{places.after}"
        return self._location

    def new_label(self) -> int:
        """A number for labels."""
        self.label_count += 1
        return self.label_count

    def jump(self, label: str) -> None:
        """Go on at a label. If nothing stands behind the last branch, that goes there itself: a block
        of nothing but a branch would cost one, even to the next instruction.
        """
        lines = self.lines
        if len(lines) == self.branched:
            branch, _, block = lines[-1].rpartition("\n")
            lines[-1] = branch.replace(f"label %{block[:-1]}", f"label %{label}")
            self.branched = -1
        else:
            self.emit(f"  br label %{label}")

    def branch_if(self, condition: str, label: str, suffix: str = "") -> None:
        """Branch to a label where the i1 holds, and go on behind the branch."""
        self.n = n = self.n + 1
        self.emit(f"  br i1 {condition}, label %{label}, label %{n}{suffix}\n{n}:")
        self.branched = len(self.lines)
        self.go_on()

    def branch_unless(self, condition: str, label: str) -> None:
        """Branch to a label where the i1 does not hold, and go on behind the branch."""
        self.n = n = self.n + 1
        self.emit(f"  br i1 {condition}, label %{n}, label %{label}\n{n}:")
        self.branched = len(self.lines)
        self.go_on()

    # Traps. Each has a block of its own behind the function's other code, so its pc tells the place.

    def trap_if(self, condition: str, code: int, dbg: str | None = None) -> None:
        """Trap where the i1 holds; `dbg` is its place if it is not this one."""
        label = self.new_label()
        self._cold.append((label, code, self.dbg() if dbg is None else dbg))
        self.branch_if(condition, f"t{label}", self.context.unlikely)

    def trap(self, code: int) -> None:
        """Trap always; what follows is unreachable."""
        label = self.new_label()
        self._cold.append((label, code, self.dbg()))
        self.jump(f"t{label}")
        self.live = False

    def detour_if(self, condition: str, call: str) -> None:
        """Where the i1 holds, which is next to never, make a call before going on behind it."""
        label = self.new_label()
        self.branch_if(condition, f"t{label}", self.context.unlikely)
        self._detours.append(Detour(label, call, self.dbg(), self.n))
        self.branched = -1  # the detour comes back to the block

    # Blocks.

    def alone(self) -> None:
        """Begin a block of its own for what FastISel does not select, in the baseline tier.

        FastISel gives such an instruction to SelectionDAG together with all that stands before it in
        its block, which takes several times as long and loses the places of calls (debug.py).
        """
        if self.context.baseline and len(self.lines) != self.branched:
            self.n = n = self.n + 1
            self.emit(f"  br label %{n}\n{n}:")
            self.go_on()

    def begin_vector(self) -> None:
        """Before a vector instruction, of which FastISel selects next to nothing."""
        self.uses_vectors = True
        if self.is_foldable:
            self.is_foldable = False
            self.alone()

    # Calls.

    def carry(self, count: int) -> None:
        """Account for the values that a call or branch passes on.

        A byte or two of wasm may pass a thousand values, so the text is not bounded by the body.
        """
        self._carried += count
        if self._carried > _MAX_CARRIED:
            raise UnsupportedModule(
                f"function {self.funcidx} passes more than {_MAX_CARRIED} values in its calls and "
                "branches, an implementation limit",
                offset=self.validator.offset,
            )

    def may_leave_instance(self) -> None:
        """Tell the store who calls, for host functions that look at their caller's exports."""
        address = self.address(self.store_context(), STORE.caller)
        self.emit(f"  store ptr %vmctx, ptr {address}")

    def call(self, result: str, callee: str, arguments: str, *, may_throw: bool = False) -> str:
        """Emit a call; return the name of its value, "" for a void one.

        `may_throw` is for code of wasm functions: where something catches, it is an invoke.
        """
        self.calls = True
        self.flags &= ~FUNC_BOUNDED
        dbg = self.dbg()
        handler = self.handler if may_throw else None
        if dbg and result == "void" and self.context.baseline:
            # LLVM aborts where SelectionDAG finds a place on a call that has no value. FastISel
            # selects the calls here; if ever it should not, this costs the place and nothing more.
            result = "i32"
        if handler is not None:
            return self._invoke(handler, f"{result} {callee}({arguments})", dbg)
        text = f"call {result} {callee}({arguments}){dbg}"
        if result == "void":
            self.emit(f"  {text}")
            return ""
        return self.value(text)

    def _invoke(self, handler: "Handler", call: str, dbg: str) -> str:
        self.alone()
        name = ""
        self.n = n = self.n + 1
        text = f"invoke {call}"
        if not call.startswith("void "):
            name = f"%{n}"
            text = f"{name} = {text}"
        self.n = after = self.n + 1
        self.emit(f"  {text} to label %{after} unwind label %{handler.pad(self)}{dbg}\n{after}:")
        self.go_on()
        return name

    def call_builtin(self, name: str, result: str, arguments: str) -> str:
        """Emit a call of a builtin."""
        self.n = n = self.n + 1
        self.emit(load_builtin(f"%builtin{n}", "%vmctx", name, self.context.invariant))
        return self.call(result, f"%builtin{n}", arguments)

    # The definition.

    def _definition(self, highest: int) -> list[str]:
        signature = self.signature
        values = len(self.locals.types) + len(self._allocas) + highest
        per_value = _FRAME_PER_VECTOR if self.uses_vectors else _FRAME_PER_VALUE
        estimate = min(_FRAME_BASE + per_value * values, _MAX_FRAME_ESTIMATE)
        checked = self.calls or estimate > _SMALL_FRAME
        store = self.store_context() if checked else ""
        personality = exception.PERSONALITY if self.has_pads else ""
        if self.has_pads or self.uses_vectors:
            self._use_lines()
        lines = [
            *self._places.nodes,
            f"define hidden {signature.result} @{symbols.function(self.funcidx)}"
            f"({signature.parameters()}) {self.context.code}{self.context.alignment}{personality}"
            f"{self._places.definition} {{",
            *self.locals.entry_lines(),
            *self._allocas,
            *self._entry.values(),
        ]
        if checked:
            lines += self._stack_check(store, estimate)
        self.locals.drop_dead_stores(self.lines)
        lines += filter(None, self.lines)
        for label, code, dbg in self._cold:
            lines.append(f"t{label}:")
            lines.append(f"  call void @{RAISE_TRAP}(ptr %vmctx, i32 {code}) {TRAP}{dbg}")
            lines.append("  unreachable")
        for detour in self._detours:
            lines.append(f"t{detour.label}:")
            lines.append(f"  {detour.call}{detour.dbg}")
            lines.append(f"  br label %{detour.back}")
        lines.append("}")
        return lines

    def _use_lines(self) -> None:
        """Replace PC sections, which invokes cannot have, nor calls that FastISel does not select: some
        with vectors, and all that stand before a vector instruction in its block.
        """
        places = self.context.line_places(self.funcidx)
        if places is None:
            return
        self.lines = [with_lines(line, places) for line in self.lines]
        self._cold = [(label, code, with_lines(dbg, places)) for label, code, dbg in self._cold]
        self._detours = [each._replace(dbg=with_lines(each.dbg, places)) for each in self._detours]
        self._places = places
        self._location_offset = -1

    def _stack_check(self, store: str, estimate: int) -> list[str]:
        self.validator.offset = self.validator.body.start  # the place of what the entry does
        self._cold.append((0, traps.STACK_OVERFLOW, self.dbg()))
        lines = ["  %frame = call ptr @llvm.frameaddress.p0(i32 0)"]
        lowest = "%frame"
        if estimate > _SMALL_FRAME:
            lowest = "%frame.end"
            lines.append(at(lowest, "%frame", -estimate))
        return [
            *lines,
            load_field("%limit", store, STORE.stack_limit),
            f"  %overflow = icmp ult ptr {lowest}, %limit",
            f"  br i1 %overflow, label %t0, label %body{self.context.unlikely}",
            "body:",
        ]
