"""Exceptions: throw, try_table and the legacy instructions.

A call inside a try is an `invoke` whose landing pad notes the exception and goes to the try's
*dispatch*, code that compares tags: a clause that fits takes what the exception carries to its label,
and if none does the dispatch of the next outer try is asked, or, where there is none, the unwinder goes
on. A throw inside a try that is sure to catch it goes to the dispatch at once. Outside of any try a call is a call: exceptions
pass through by the unwind tables alone, at no cost until one is thrown.

The unwinder is libgcc_s's. It is asked for a forced unwind, which has one phase and never looks at the
frames of Python; `exception_stop` of the support image ends it at the entry. Its personality function
`__gcc_personality_v0` knows one kind of landing pad, the clean-up. Neither has an address that an image
could hold: the first is called through the table of builtins, the second by a stub of the image that
finds it in the exception.
"""

from cachewasm.abi import symbols, traps
from cachewasm.abi.builtins import UNWINDER
from cachewasm.abi.vmctx import EXCEPTION, EXCEPTION_CLASS, FUNC_BOUNDED, SLOT_SIZE
from cachewasm.compiler.translate import fuel
from cachewasm.compiler.translate.control import Frame, end_arm, enter
from cachewasm.compiler.translate.ir import (
    CODE,
    LLVM_TYPES,
    THROWS,
    load_builtin,
    load_field,
)
from cachewasm.compiler.translate.registry import Family
from cachewasm.wasm.opcodes import TryTable
from cachewasm.wasm.types import V128, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

FAMILY = Family()

_FORCED_UNWIND = UNWINDER[0]
_END_OF_STACK = 16  # _UA_END_OF_STACK
_CONTINUE_UNWIND = 8  # _URC_CONTINUE_UNWIND
# How many tries a throw looks at to spare itself the unwinder: nesting must not make it slow.
_MOST_ASKED = 32

PERSONALITY = f" personality ptr @{symbols.PERSONALITY}"


class Handler:
    """The dispatch of a try, `d` and a number; `pad` is the label of its landing pad, made on demand.

    `outer` is what catches around the try, `tags` are those that it is sure to catch (None: all). In a
    function all that is in flight lies in one slot.
    """

    __slots__ = ("_has_pad", "is_used", "number", "outer", "slot", "tags")

    slot: str

    def __init__(self, t: "FunctionTranslator", tags: frozenset[int | None]) -> None:
        self.tags = tags
        self.number = t.new_label()
        self.outer = t.handler
        self.slot = self.outer.slot if self.outer is not None else t.slot("ptr")
        self.is_used = False
        self._has_pad = False

    def is_sure_to_catch(self, tag: int | None) -> bool:
        """Whether it is known that an exception of this tag (None: of any) ends up in this function."""
        handler: Handler | None = self
        for _ in range(_MOST_ASKED):
            if handler is None:
                break
            if None in handler.tags or (tag is not None and tag in handler.tags):
                return True
            handler = handler.outer
        return False

    def pad(self, t: "FunctionTranslator") -> str:
        """The label of the landing pad."""
        t.has_pads = self._has_pad = self.is_used = True
        return f"l{self.number}"

    def enter(self, t: "FunctionTranslator", exception: str) -> None:
        """Go to the dispatch with an exception."""
        self.is_used = True
        t.emit(f"  store ptr {exception}, ptr {self.slot}")
        t.emit(f"  br label %d{self.number}")

    def begin(self, t: "FunctionTranslator") -> str:
        """The landing pad, if there is one, and the start of the dispatch; the exception."""
        if self._has_pad:
            t.emit(f"l{self.number}:")
            pad = t.value("landingpad { ptr, i32 } cleanup")
            landed = t.value(f"extractvalue {{ ptr, i32 }} {pad}, 0")
            t.emit(f"  store ptr {landed}, ptr {self.slot}")
            t.emit(f"  br label %d{self.number}")
        t.emit(f"d{self.number}:")
        return t.value(f"load ptr, ptr {self.slot}")


class Try:
    """A try in the making: what its frame needs besides a block's.

    Of try_table `clauses` are the catch clauses. Of the legacy try `arms` are the catches met so far;
    `caught` is the slot of the exception that its arms may throw again.
    """

    __slots__ = ("arms", "caught", "clauses", "handler", "in_body")

    def __init__(self, t: "FunctionTranslator", clauses: TryTable | None) -> None:
        catches = clauses.catches if clauses is not None else ()
        self.handler = Handler(t, frozenset(c.tag if c.has_tag else None for c in catches))
        self.clauses = clauses
        self.arms: list[tuple[int | None, int]] = []  # tag or None for all, label
        self.caught = ""
        self.in_body = True
        if clauses is None or clauses.catches:
            t.handler = self.handler

    def leave_body(self, t: "FunctionTranslator") -> None:
        """What follows is no longer caught by this try."""
        if self.in_body:
            self.in_body = False
            t.handler = self.handler.outer

    def end(self, t: "FunctionTranslator", frame: Frame) -> None:
        """Emit the dispatch behind the last arm; the frame has been popped."""
        self.leave_body(t)
        if self.handler.is_used:
            _leave(t, frame)
            t.locals.assigned = frame.before
            exception = self.handler.begin(t)
            if self.clauses is None:
                self._dispatch_to_arms(t, exception)
            else:
                _dispatch_to_labels(t, self.clauses, exception, self.handler)

    def _dispatch_to_arms(self, t: "FunctionTranslator", exception: str) -> None:
        if self.caught:
            t.emit(f"  store ptr {exception}, ptr {self.caught}")
        for tag, label in self.arms:
            if tag is None:
                t.emit(f"  br label %c{label}")
                return
            t.branch_if(_is_tagged(t, exception, tag), f"c{label}")
        _pass_on(t, exception, self.handler.outer)


def _leave(t: "FunctionTranslator", frame: Frame) -> None:
    """Leave an arm of a block, if its end is reached, for the code behind the block."""
    if t.live:
        frame.store_slots(t)
        t.jump(f"b{frame.label}")
        t.live = False


def _is_tagged(t: "FunctionTranslator", exception: str, tagidx: int) -> str:
    """The i1 that tells whether an exception has a tag."""
    found = t.field(exception, EXCEPTION.tag, flags="volatile")
    return t.value(f"icmp eq ptr {found}, {_tag(t, tagidx)}")


def _tag(t: "FunctionTranslator", tagidx: int) -> str:
    return t.field("%vmctx", t.context.layout.tags + 8 * tagidx)


def _carried(t: "FunctionTranslator", exception: str, types: tuple[ValType, ...]) -> list[str]:
    """Load what an exception carries."""
    t.carry(len(types))
    values = []
    for i, valtype in enumerate(types):
        if valtype is V128:
            t.uses_vectors = True
        slot = t.address(exception, EXCEPTION.size + i * SLOT_SIZE)
        values.append(t.value(f"load volatile {LLVM_TYPES[valtype]}, ptr {slot}"))
    return values


def _pass_on(t: "FunctionTranslator", exception: str, handler: Handler | None) -> None:
    """Hand an exception on to what catches around, here or in a caller."""
    if handler is not None:
        handler.enter(t, exception)
        return
    _raise(t, exception, is_caught=False)


def _raise(t: "FunctionTranslator", exception: str, *, is_caught: bool) -> None:
    """Ask the unwinder who catches an exception: what catches here, or callers alone."""
    arguments = f"ptr %vmctx, ptr {exception}"
    t.call("void", f"@{symbols.RAISE_EXCEPTION}", arguments, may_throw=is_caught)
    t.emit("  unreachable")


def _dispatch_to_labels(
    t: "FunctionTranslator", clauses: TryTable, exception: str, handler: Handler
) -> None:
    _resume_metering(t)
    left = t.fuel.left
    for each in clauses.catches:
        target = t.frames[-1 - each.label]
        t.fuel.left, t.fuel.pending = left, 0
        if each.has_tag:
            fits = _is_tagged(t, exception, each.tag)
            t.n = n = t.n + 1
            other = t.new_label()
            t.emit(f"  br i1 {fits}, label %{n}, label %c{other}\n{n}:")
        types = t.module.tag_params(each.tag) if each.has_tag else ()
        values = _carried(t, exception, types)
        if each.has_ref:
            values.append(_keep(t, exception))
        else:
            _call_builtin(t, "exception_drop", "void", f"ptr {exception}")
        target.store_values(t, values)
        t.jump(f"b{target.label}")
        if not each.has_tag:
            return  # nothing is left for the clauses behind it
        t.emit(f"c{other}:")
    _pass_on(t, exception, handler.outer)


def _resume_metering(t: "FunctionTranslator") -> None:
    """Whoever threw has given the fuel back, and calls did before that: take what is left."""
    if t.context.consume_fuel:
        t.fuel.pending = 0
        fuel.take(t)


def _keep(t: "FunctionTranslator", exception: str) -> str:
    """The reference to an exception, which lives from now on as long as there is one."""
    return _call_builtin(t, "exception_keep", "i64", f"ptr %vmctx, ptr {exception}")


def _call_builtin(t: "FunctionTranslator", name: str, result: str, arguments: str) -> str:
    """Call a builtin that neither traps nor throws, so its place does not matter."""
    t.calls = True
    t.flags &= ~FUNC_BOUNDED
    t.n = n = t.n + 1
    t.emit(load_builtin(f"%builtin{n}", "%vmctx", name, t.context.invariant))
    text = f"call {result} %builtin{n}({arguments})"
    if result == "void":
        t.emit(f"  {text}")
        return ""
    return t.value(text)


def _throw(t: "FunctionTranslator", exception: str, tag: int | None) -> None:
    if t.handler is not None and t.handler.is_sure_to_catch(tag):
        t.handler.enter(t, exception)
    else:
        _raise(t, exception, is_caught=True)
    t.live = False


def _throw_again(t: "FunctionTranslator", exception: str) -> None:
    in_flight = t.address(exception, EXCEPTION.in_flight)
    t.emit(f"  store volatile i64 0, ptr {in_flight}")
    _throw(t, exception, None)


@FAMILY.lowers("throw")
def _throw_new(t: "FunctionTranslator", tagidx: int) -> None:
    types = t.module.tag_params(tagidx)
    size = EXCEPTION.size + len(types) * SLOT_SIZE
    exception = t.call_builtin(
        "exception_new", "ptr", f"ptr %vmctx, ptr {_tag(t, tagidx)}, i64 {size}"
    )
    t.carry(len(types))
    base = len(t.stack) - len(types)
    for i, valtype in enumerate(types):
        slot = t.address(exception, EXCEPTION.size + i * SLOT_SIZE)
        t.emit(f"  store {LLVM_TYPES[valtype]} {t.stack[base + i]}, ptr {slot}")
    del t.stack[base:]
    _throw(t, exception, tagidx)


@FAMILY.lowers("throw_ref")
def _throw_ref(t: "FunctionTranslator", _imm: None) -> None:
    reference = t.stack.pop()
    t.trap_if(t.value(f"icmp eq i64 {reference}, 0"), traps.NULL_REFERENCE)
    _throw_again(t, t.value(f"inttoptr i64 {reference} to ptr"))


@FAMILY.lowers("try_table")
def _try_table(t: "FunctionTranslator", imm: TryTable) -> None:
    frame = enter(t)
    if imm.catches:
        frame.trying = Try(t, imm)


# --- The legacy instructions ----------------------------------------------------------------------


@FAMILY.lowers("try")
def _try(t: "FunctionTranslator", _type: ValType | int | None) -> None:
    frame = enter(t)
    frame.trying = Try(t, None)


@FAMILY.lowers("catch", "catch_all")
def _catch(t: "FunctionTranslator", tagidx: int | None) -> None:
    frame = t.frames[-1]
    trying = frame.trying
    if frame.label is None or trying is None:
        return  # all of it is unreachable
    _leave(t, frame)
    trying.leave_body(t)
    if not trying.caught:
        trying.caught = t.slot("ptr")
    label = t.new_label()
    trying.arms.append((tagidx, label))
    # Not reachable where nothing in the body can throw; then LLVM finds that out.
    t.emit(f"c{label}:")
    del t.stack[frame.height :]
    t.forget()
    t.locals.assigned = frame.before
    t.live = True
    _resume_metering(t)
    exception = t.value(f"load ptr, ptr {trying.caught}")
    _keep(t, exception)
    if tagidx is not None:
        t.stack.extend(_carried(t, exception, t.module.tag_params(tagidx)))


@FAMILY.lowers("rethrow")
def _rethrow(t: "FunctionTranslator", depth: int) -> None:
    trying = t.frames[-1 - depth].trying
    assert trying is not None  # the validator has seen that it is an arm
    _throw_again(t, t.value(f"load ptr, ptr {trying.caught}"))


@FAMILY.lowers("delegate")
def _delegate(t: "FunctionTranslator", depth: int) -> None:
    frame = t.frames.pop()
    trying = frame.trying
    if frame.label is None or trying is None:
        return
    trying.leave_body(t)
    if trying.handler.is_used:
        _leave(t, frame)
        _pass_on(t, trying.handler.begin(t), _handler_at(t, depth))
    end_arm(t, frame)


def _handler_at(t: "FunctionTranslator", depth: int) -> Handler | None:
    """What catches an exception that is thrown at the label `depth`: its own try in its body, or
    what catches around it.
    """
    frame = t.frames[-1 - depth]
    if frame.trying is not None and frame.trying.in_body:
        return frame.trying.handler
    return frame.outer


# --- Once in an image -----------------------------------------------------------------------------


def declarations() -> list[str]:
    """The declarations of what `definitions` defines."""
    return [
        f"declare hidden void @{symbols.RAISE_EXCEPTION}(ptr, ptr) {THROWS}",
        f"declare hidden i32 @{symbols.PERSONALITY}(i32, i32, i64, ptr, ptr) {CODE}",
    ]


def definitions() -> list[str]:
    """What throws, and the personality function of the image's frames."""
    return [
        f"define hidden void @{symbols.RAISE_EXCEPTION}(ptr %vmctx, ptr %exception) {THROWS} {{",
        load_field("%in_flight", "%exception", EXCEPTION.in_flight, "i64"),
        "  %new = icmp eq i64 %in_flight, 0",
        "  br i1 %new, label %note, label %go_on",
        "note:",
        "  %frame = call ptr @llvm.frameaddress.p0(i32 0)",
        load_builtin("%backtrace", "%vmctx", "exception_backtrace"),
        "  call void %backtrace(ptr %vmctx, ptr %frame)",
        "  br label %go_on",
        "go_on:",
        load_builtin("%stop", "%vmctx", "exception_stop"),
        load_builtin("%unwind", "%vmctx", _FORCED_UNWIND),
        "  %failed = call i32 %unwind(ptr %exception, ptr %stop, ptr %vmctx)",
        # It comes back only if it finds the stack in disorder: then nobody catches, either.
        f"  %never = call i32 %stop(i32 1, i32 {_END_OF_STACK}, i64 0, ptr %exception, ptr null, "
        "ptr %vmctx)",
        "  unreachable",
        "}",
        f"define hidden i32 @{symbols.PERSONALITY}(i32 %version, i32 %actions, i64 %class, "
        f"ptr %exception, ptr %frame) {CODE} {{",
        # Others unwind as well (a thread that ends, C++), which is nothing to wasm code.
        f"  %ours = icmp eq i64 %class, {EXCEPTION_CLASS}",
        "  br i1 %ours, label %ask, label %pass",
        "pass:",
        f"  ret i32 {_CONTINUE_UNWIND}",
        "ask:",
        load_field("%found", "%exception", EXCEPTION.personality),
        "  %reason = tail call i32 %found(i32 %version, i32 %actions, i64 %class, ptr %exception, "
        "ptr %frame)",
        "  ret i32 %reason",
        "}",
    ]
