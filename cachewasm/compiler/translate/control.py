"""Control instructions: blocks, branches, returns, traps.

A label that values are carried to has an alloca per value, its slots: a branch stores, the label
loads. A label that nothing branches to is not emitted, and the code just goes on. Values stored for
a branch that is then not taken do no harm, since whoever arrives at the label has stored last.
"""

from cachewasm.abi import traps
from cachewasm.abi.vmctx import FUNC_BOUNDED, SLOT_SIZE, STORE
from cachewasm.compiler.translate import entry_check, fuel
from cachewasm.compiler.translate.condition import pop_condition
from cachewasm.compiler.translate.ir import LLVM_TYPES, return_lines
from cachewasm.compiler.translate.registry import Family
from cachewasm.wasm.function_validator import ControlFrame
from cachewasm.wasm.opcodes import IF, LOOP, TryTable
from cachewasm.wasm.types import ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.exception import Try
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()

BlockType = ValType | int | TryTable | None

# Of the blocks that have no types: most.
_NOTHING: list[str] = []


class Frame:
    """An enclosing block in the making.

    `height` is that of the stack below the parameters. `label` is None in unreachable code, where
    frames only count ends. `deferred` is the fuel that is charged behind the label, None until it is
    branched to. For an `if`, `arguments`, `known`, `left` and `pending` are the parameters, the known
    locals and the fuel with which the `else` arm starts, and `has_else` tells whether that arm has begun.
    `before` and `assigned` are the locals set on every way to the block and to its label: see locals.py.
    `trying` and `outer`, what catches around the block, belong to exception.py.
    """

    __slots__ = (
        "arguments",
        "assigned",
        "before",
        "carried",
        "deferred",
        "has_else",
        "height",
        "is_if",
        "is_loop",
        "is_target",
        "known",
        "label",
        "left",
        "outer",
        "pending",
        "slots",
        "trying",
    )

    def __init__(self, t: "FunctionTranslator", frame: ControlFrame, height: int) -> None:
        self.height = height
        self.label: int | None = t.new_label() if t.live else None
        self.is_loop = frame.op is LOOP
        self.is_if = frame.op is IF
        self.has_else = False
        self.is_target = False
        types = frame.label_types
        self.carried = [LLVM_TYPES[valtype] for valtype in types] if types else _NOTHING
        self.slots: list[str] | None = None
        self.arguments = _NOTHING
        self.known: dict[int, str] = {}
        self.deferred: int | None = None
        self.left: str | None = None
        self.pending = 0
        self.trying: Try | None = None
        self.outer = t.handler
        self.before = t.locals.assigned
        self.assigned = -1

    def store_slots(self, t: "FunctionTranslator") -> None:
        """Store what a branch to this frame's label carries: the top of the stack."""
        count = len(self.carried)
        self.store_values(t, t.stack[len(t.stack) - count :] if count else _NOTHING)

    def store_values(self, t: "FunctionTranslator", values: list[str]) -> None:
        """Store these values for whoever arrives at the label."""
        self.is_target = True
        self.assigned &= t.locals.assigned
        if t.context.consume_fuel:
            if self.deferred is None:
                self.deferred = 0 if self.is_loop else t.fuel.pending
            fuel.settle(t, self.deferred)
        if not values:
            return
        t.carry(len(values))
        if self.slots is None:
            self.slots = [t.slot(llvm_type) for llvm_type in self.carried]
        for llvm_type, slot, value in zip(self.carried, self.slots, values, strict=True):
            t.emit(f"  store {llvm_type} {value}, ptr {slot}")

    def load_slots(self, t: "FunctionTranslator") -> None:
        """Push what was carried here."""
        if self.carried:
            for llvm_type, slot in zip(self.carried, self.slots or (), strict=True):
                t.stack.append(t.value(f"load {llvm_type}, ptr {slot}"))

    def free_slots(self, t: "FunctionTranslator") -> None:
        """Give the slots back: nobody branches to the label any more."""
        if self.slots:
            for llvm_type, slot in zip(self.carried, self.slots, strict=True):
                t.free_slot(llvm_type, slot)


def enter(t: "FunctionTranslator") -> Frame:
    """Make the frame of the block that the validator has just entered."""
    control = t.validator.ctrls[-1]
    frame = Frame(t, control, len(t.stack) - len(control.start_types))
    t.frames.append(frame)
    return frame


def _branch(t: "FunctionTranslator", depth: int) -> Frame:
    """Store what a branch carries; return the frame that it goes to."""
    frame = t.frames[-1 - depth]
    frame.store_slots(t)
    return frame


@FAMILY.lowers("block")
def _block(t: "FunctionTranslator", _type: BlockType) -> None:
    enter(t)


@FAMILY.lowers("loop")
def _loop(t: "FunctionTranslator", _type: BlockType) -> None:
    frame = enter(t)
    t.flags &= ~FUNC_BOUNDED
    frame.store_slots(t)
    del t.stack[frame.height :]
    t.jump(f"b{frame.label}")
    t.emit(f"b{frame.label}:")
    t.forget()
    t.locals.loops += 1
    frame.load_slots(t)


@FAMILY.lowers("if")
def _if(t: "FunctionTranslator", _type: BlockType) -> None:
    condition = pop_condition(t)
    frame = enter(t)
    frame.arguments = t.stack[frame.height :]
    frame.known = t.locals.remembered()
    frame.left, frame.pending = t.fuel.left, t.fuel.pending
    t.branch_unless(condition, f"e{frame.label}")


@FAMILY.lowers("else")
def _else(t: "FunctionTranslator", _imm: None) -> None:
    frame = t.frames[-1]
    if frame.label is None:
        return
    if t.live:
        frame.store_slots(t)
        t.jump(f"b{frame.label}")
    _begin_else(t, frame)


def _begin_else(t: "FunctionTranslator", frame: Frame) -> None:
    t.emit(f"e{frame.label}:")
    del t.stack[frame.height :]
    t.stack.extend(frame.arguments)
    t.forget()
    t.locals.recall(frame.known)
    t.locals.assigned = frame.before
    t.fuel.left, t.fuel.pending = frame.left, frame.pending
    frame.has_else = True
    t.live = True


@FAMILY.lowers("end")
def _end(t: "FunctionTranslator", _imm: None) -> None:
    frame = t.frames.pop()
    if frame.label is not None:
        if frame.is_loop:
            t.locals.loops -= 1
        if frame.trying is not None:
            frame.trying.end(t, frame)
        if frame.is_if and not frame.has_else:
            _end_if_without_else(t, frame)
        else:
            end_arm(t, frame)
    if not t.frames and t.live:
        _return(t)


def _end_if_without_else(t: "FunctionTranslator", frame: Frame) -> None:
    """The missing arm leaves the parameters as results."""
    if t.live and not frame.carried and frame.left is None:
        # The label of the missing arm serves the end of the first arm too.
        if t.context.consume_fuel:
            fuel.settle(t, frame.pending)
        t.jump(f"e{frame.label}")
        _begin_else(t, frame)
        t.forget()
    else:
        if frame.deferred is None:
            frame.deferred = frame.pending  # so that the missing arm has nothing to charge
        if t.live:
            frame.store_slots(t)
            t.jump(f"b{frame.label}")
        _begin_else(t, frame)
    end_arm(t, frame)


def end_arm(t: "FunctionTranslator", frame: Frame) -> None:
    """Go on behind the block with its results."""
    if frame.is_loop or not frame.is_target:
        frame.free_slots(t)
        return  # reached from above only, if at all
    if t.live:
        frame.store_slots(t)
        t.jump(f"b{frame.label}")
    t.emit(f"b{frame.label}:")
    del t.stack[frame.height :]
    t.forget()
    t.locals.assigned = frame.assigned
    t.fuel.pending = frame.deferred or 0
    t.live = True
    frame.load_slots(t)
    frame.free_slots(t)


def unreachable_block(t: "FunctionTranslator", _type: BlockType) -> None:
    """Follow a block of unreachable code to its end."""
    t.frames.append(Frame(t, t.validator.ctrls[-1], len(t.stack)))


@FAMILY.lowers("br")
def _br(t: "FunctionTranslator", depth: int) -> None:
    t.jump(f"b{_branch(t, depth).label}")
    t.live = False


@FAMILY.lowers("br_if")
def _br_if(t: "FunctionTranslator", depth: int) -> None:
    condition = pop_condition(t)
    frame = t.frames[-1 - depth]
    # A branch back to a loop is likely to be taken, and better off without a block of its own.
    if frame.is_loop or not _differs(t, frame):
        frame.store_slots(t)
        t.branch_if(condition, f"b{frame.label}")
        return
    label = t.new_label()
    t.branch_unless(condition, f"c{label}")
    _on_the_way(t, frame)
    t.emit(f"c{label}:")


def _differs(t: "FunctionTranslator", frame: Frame) -> bool:
    """Whether some fuel must be charged on the way to a label, but not if the branch is not taken."""
    return frame.deferred is not None and frame.deferred != t.fuel.pending


def _on_the_way(t: "FunctionTranslator", frame: Frame) -> None:
    """A block that goes on to a label; the code behind it does not know of it."""
    left, pending = t.fuel.left, t.fuel.pending
    frame.store_slots(t)
    t.jump(f"b{frame.label}")
    t.fuel.left, t.fuel.pending = left, pending


@FAMILY.lowers("br_table")
def _br_table(t: "FunctionTranslator", imm: tuple[tuple[int, ...], int]) -> None:
    depths, default = imm
    index = t.stack.pop()
    labels: dict[int, str] = {}
    detours: list[tuple[int, Frame]] = []
    for depth in sorted({*depths, default}):
        frame = t.frames[-1 - depth]
        if _differs(t, frame):
            detours.append((t.new_label(), frame))
            labels[depth] = f"c{detours[-1][0]}"
        else:
            frame.store_slots(t)
            labels[depth] = f"b{frame.label}"
    cases = " ".join(f"i32 {i}, label %{labels[depth]}" for i, depth in enumerate(depths))
    t.alone()
    t.emit(f"  switch i32 {index}, label %{labels[default]} [ {cases} ]")
    for label, frame in detours:
        t.emit(f"c{label}:")
        _on_the_way(t, frame)
    t.live = False


@FAMILY.lowers("return")
def _return_instruction(t: "FunctionTranslator", _imm: None) -> None:
    _br(t, len(t.frames) - 1)


def _return(t: "FunctionTranslator") -> None:
    """Leave the function with the results on the stack."""
    entry_check.leave(t)
    if not t.signature.in_registers:
        area = t.field(t.store_context(), STORE.results)
        for i, llvm_type in enumerate(t.signature.result_types):
            t.emit(f"  store {llvm_type} {t.stack[i]}, ptr {t.address(area, i * SLOT_SIZE)}")
    for line in return_lines(t.signature, t.stack):
        t.emit(line)


@FAMILY.lowers("unreachable")
def _unreachable(t: "FunctionTranslator", _imm: None) -> None:
    t.trap(traps.UNREACHABLE)
