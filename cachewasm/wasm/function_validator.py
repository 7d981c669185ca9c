"""Validation of one function body: the algorithm of the specification's appendix, under its names.

The translator drives it, one `step` per instruction, and reads `vals` (operand types; None is the
Unknown of unreachable code), `ctrls` and `locals` between steps, so a body is decoded once to be
validated and compiled. After an error the state is of no use. Plain instructions are checked from
their row in opcodes.py; only what depends on control, locals or the module has a rule below.
"""

from collections.abc import Callable, Iterator, Sequence

from cachewasm.errors import InvalidModule, MalformedModule, UnsupportedModule
from cachewasm.generics import TypeVar
from cachewasm.wasm import limits
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.leb128 import UNEXPECTED_END
from cachewasm.wasm.module import ValidModule
from cachewasm.wasm.opcodes import (
    BLOCK,
    BY_NAME,
    CATCH_ALL_OP,
    CATCH_OP,
    ELSE,
    GLOBAL_GET,
    IF,
    IMM_LANE,
    IMM_MEMARG,
    IMM_MEMARG_LANE,
    IMM_MEMORY,
    IMM_SHUFFLE,
    LOOP,
    OPS,
    TRY,
    Imm,
    Op,
    TryTable,
)
from cachewasm.wasm.types import EXNREF, FUNCREF, I32, VALTYPES, TableType, ValType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_Rule = TypeVar("_Rule", bound=Callable[..., None])

# By Op.index: the hand-written rule, called as rule(validator, op, imm); and the fixed operand and
# result types, with the number of operands, which are checked after the rule. Every op has one of the two, or both.
_RULES: list[Callable[..., None] | None] = [None] * len(OPS)
_FIXED_TYPES = [
    None if op.params is None or op.results is None else (op.params, op.results, len(op.params))
    for op in OPS
]
_ONE_RESULT = {valtype: (valtype,) for valtype in VALTYPES}


def _rule(*names: str) -> Callable[[_Rule], _Rule]:
    """Register the rule of the instructions named."""

    def register(rule: _Rule) -> _Rule:
        for name in names:
            _RULES[BY_NAME[name].index] = rule
        return rule

    return register


class ControlFrame:
    """An enclosing block, by the instruction that began it or its present arm; the function's body
    is a BLOCK.

    `height` is the length of `vals` below the block's parameters.
    """

    __slots__ = ("end_types", "height", "op", "start_types", "unreachable")

    def __init__(
        self, op: Op, start_types: tuple[ValType, ...], end_types: tuple[ValType, ...], height: int
    ) -> None:
        self.op = op
        self.start_types = start_types
        self.end_types = end_types
        self.height = height
        self.unreachable = False

    @property
    def label_types(self) -> tuple[ValType, ...]:
        """What a branch to this block carries."""
        return self.start_types if self.op is LOOP else self.end_types


class FunctionValidator:
    """The state of validating one defined function; reads its locals when made.

    Usage: `for offset, op, imm in v.instructions(): v.step(offset, op, imm)`, then `v.finish(offset)`.
    Raises the leaves of `ModuleError`, with module offsets.
    """

    __slots__ = (
        "_module",
        "_refs",
        "body",
        "code_start",
        "ctrls",
        "functype",
        "height",
        "locals",
        "offset",
        "vals",
    )

    def __init__(self, module: ValidModule, funcidx: int) -> None:
        self._module = module.module
        self._refs = module.declared_refs
        self.functype = self._module.func_type(funcidx)
        self.body = self._module.body(funcidx)
        self.offset = self.body.start
        groups, self.code_start = read_locals(
            self._module.data, self.body.start, self.body.end, self._module.features
        )
        self.locals: list[ValType] = list(self.functype.param_types)
        for count, valtype in groups:
            self.locals.extend([valtype] * count)
        if len(self.locals) > limits.LOCALS:
            raise UnsupportedModule(
                f"too many locals: {len(self.locals)} with the parameters exceed the "
                f"implementation limit of {limits.LOCALS}",
                offset=self.offset,
            )
        self.vals: list[ValType | None] = []
        self.ctrls: list[ControlFrame] = []
        self.height = 0  # ctrls[-1].height
        self.push_ctrl(BLOCK, (), self.functype.result_types)

    def instructions(self) -> Iterator[tuple[int, Op, Imm]]:
        """The instructions of the body, to be stepped through."""
        module = self._module
        return instructions(module.data, self.code_start, self.body.end, module.features)

    def step(self, offset: int, op: Op, imm: Imm) -> None:
        """Validate one instruction and move the state past it."""
        self.offset = offset
        index = op.index
        rule = _RULES[index]
        if rule is not None:
            rule(self, op, imm)
        types = _FIXED_TYPES[index]
        if types is None:
            return
        # pop_vals and push_vals, with their common cases written out.
        params, results, count = types
        vals = self.vals
        if count == 2:
            if (
                len(vals) - 2 < self.height
                or vals[-1] is not params[1]
                or vals[-2] is not params[0]
            ):
                self.pop_vals(params)
            else:
                del vals[-2:]
        elif count == 1:
            if len(vals) == self.height or vals[-1] is not params[0]:
                self.pop_vals(params)
            else:
                vals.pop()
        elif count:
            self.pop_vals(params)
        vals += results

    def finish(self, offset: int) -> None:
        """Check that the body is complete; `offset` is that of its last instruction."""
        if self.ctrls:
            raise MalformedModule(UNEXPECTED_END, offset=offset)

    # The operations of the appendix.

    def push_val(self, valtype: ValType | None) -> None:
        """Push an operand type; None is Unknown."""
        self.vals.append(valtype)

    def pop_val(self, expect: ValType | None = None) -> ValType | None:
        """Pop an operand, of type `expect` if given; the result is None where it is Unknown."""
        vals = self.vals
        if len(vals) == self.height:
            if self.ctrls[-1].unreachable:
                return None
            self._fail(f"type mismatch: expected {expect or 'a type'} but nothing on stack")
        actual = vals.pop()
        if actual is not expect and actual is not None and expect is not None:
            self._fail(f"type mismatch: expected {expect}, found {actual}")
        return actual

    def push_vals(self, valtypes: Sequence[ValType | None]) -> None:
        """Push operand types, the last on top."""
        if not valtypes:
            return
        self.vals.extend(valtypes)
        if len(self.vals) > limits.OPERAND_STACK:
            raise UnsupportedModule(
                "operand stack too high: it exceeds the implementation limit of "
                f"{limits.OPERAND_STACK}",
                offset=self.offset,
            )

    def pop_vals(self, expect: tuple[ValType, ...]) -> list[ValType | None]:
        """Pop operands of these types, the last first; what was popped, in stack order."""
        if not expect:
            return []
        vals = self.vals
        count = len(expect)
        base = len(vals) - count
        if base >= self.height and tuple(vals[base:]) == expect:
            del vals[base:]
            return list(expect)
        popped = [self.pop_val(valtype) for valtype in reversed(expect)]
        popped.reverse()
        return popped

    def push_ctrl(
        self, op: Op, start_types: tuple[ValType, ...], end_types: tuple[ValType, ...]
    ) -> None:
        """Enter a block whose parameters have been popped."""
        self.height = len(self.vals)
        self.ctrls.append(ControlFrame(op, start_types, end_types, self.height))
        if start_types:
            self.push_vals(start_types)

    def pop_ctrl(self) -> ControlFrame:
        """Leave the innermost block: pop its results, which must be all that it left."""
        frame = self.ctrls[-1]
        if frame.end_types:
            self.pop_vals(frame.end_types)
        if len(self.vals) != frame.height:
            self._fail("type mismatch: values remaining on stack at end of block")
        self.ctrls.pop()
        self.height = self.ctrls[-1].height if self.ctrls else 0
        return frame

    def unreachable(self) -> None:
        """Mark what follows in the innermost block as unreachable."""
        frame = self.ctrls[-1]
        del self.vals[frame.height :]
        frame.unreachable = True

    def label_types(self, label: int) -> tuple[ValType, ...]:
        """What a branch to `label` (0 is the innermost block) carries."""
        if label >= len(self.ctrls):
            self._fail(f"unknown label {label}")
        return self.ctrls[-1 - label].label_types

    # Lookups in the module.

    def _fail(self, message: str) -> "NoReturn":
        raise InvalidModule(message, offset=self.offset)

    def _table(self, tableidx: int) -> TableType:
        if tableidx >= len(self._module.table_types):
            self._fail(f"unknown table {tableidx}")
        return self._module.table_types[tableidx]

    def _tag_params(self, tagidx: int) -> tuple[ValType, ...]:
        if tagidx >= len(self._module.tag_typeidxs):
            self._fail(f"unknown tag {tagidx}")
        return self._module.tag_params(tagidx)

    def _check_memory(self, memidx: int) -> None:
        if memidx >= len(self._module.memory_types):
            self._fail(f"unknown memory {memidx}")

    def _check_data(self, dataidx: int) -> None:
        data_count = self._module.data_count
        if data_count is None:
            raise MalformedModule("data count section required", offset=self.offset)
        if dataidx >= data_count:
            self._fail(f"unknown data segment {dataidx}")

    def _elem(self, elemidx: int) -> ValType:
        if elemidx >= len(self._module.elements):
            self._fail(f"unknown elem segment {elemidx}")
        return self._module.elements[elemidx].type

    def _check_same_ref(self, expect: ValType, found: ValType) -> None:
        if expect is not found:
            self._fail(f"type mismatch: expected {expect}, found {found}")

    def _block_types(
        self, blocktype: ValType | int | None
    ) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
        if blocktype is None:
            return (), ()
        if isinstance(blocktype, ValType):
            return (), _ONE_RESULT[blocktype]
        if blocktype >= len(self._module.types):
            self._fail(f"unknown type {blocktype}")
        functype = self._module.types[blocktype]
        return functype.param_types, functype.result_types

    # Control (3.4.12).

    @_rule("unreachable")
    def _unreachable(self, _op: Op, _imm: None) -> None:
        self.unreachable()

    @_rule("block", "loop", "if", "try")
    def _block(self, op: Op, blocktype: ValType | int | None) -> None:
        start_types, end_types = self._block_types(blocktype)
        if op is IF:
            self.pop_val(I32)
        if start_types:
            self.pop_vals(start_types)
        self.push_ctrl(op, start_types, end_types)

    @_rule("else")
    def _else(self, _op: Op, _imm: None) -> None:
        if self.ctrls[-1].op is not IF:
            raise MalformedModule("END opcode expected", offset=self.offset)
        frame = self.pop_ctrl()
        self.push_ctrl(ELSE, frame.start_types, frame.end_types)

    @_rule("end")
    def _end(self, _op: Op, _imm: None) -> None:
        frame = self.pop_ctrl()
        if frame.op is IF and frame.start_types != frame.end_types:
            self._fail("type mismatch: if without else must leave its parameters as results")
        if frame.end_types:
            self.push_vals(frame.end_types)

    # Exceptions (3.4.12); try, its arms, rethrow and delegate are the legacy instructions.

    @_rule("throw")
    def _throw(self, _op: Op, tagidx: int) -> None:
        self.pop_vals(self._tag_params(tagidx))
        self.unreachable()

    @_rule("throw_ref")
    def _throw_ref(self, _op: Op, _imm: None) -> None:
        self.pop_val(EXNREF)
        self.unreachable()

    @_rule("try_table")
    def _try_table(self, op: Op, imm: TryTable) -> None:
        start_types, end_types = self._block_types(imm.blocktype)
        self.pop_vals(start_types)
        for each in imm.catches:
            label_types = self.label_types(each.label)
            caught = self._tag_params(each.tag) if each.has_tag else ()
            if each.has_ref:
                caught = (*caught, EXNREF)
            if caught != label_types:
                self._fail(
                    f"type mismatch: a catch clause hands over {_listed(caught)} to a label that "
                    f"takes {_listed(label_types)}"
                )
        self.push_ctrl(op, start_types, end_types)

    @_rule("catch", "catch_all")
    def _catch(self, op: Op, tagidx: int | None) -> None:
        if self.ctrls[-1].op not in (TRY, CATCH_OP):
            raise MalformedModule("END opcode expected", offset=self.offset)
        frame = self.pop_ctrl()
        self.push_ctrl(op, (), frame.end_types)
        if tagidx is not None:
            self.push_vals(self._tag_params(tagidx))

    @_rule("delegate")
    def _delegate(self, _op: Op, label: int) -> None:
        if self.ctrls[-1].op is not TRY:
            raise MalformedModule("END opcode expected", offset=self.offset)
        frame = self.pop_ctrl()
        self.label_types(label)
        self.push_vals(frame.end_types)

    @_rule("rethrow")
    def _rethrow(self, _op: Op, label: int) -> None:
        self.label_types(label)
        if self.ctrls[-1 - label].op not in (CATCH_OP, CATCH_ALL_OP):
            self._fail(f"invalid rethrow label {label}")
        self.unreachable()

    @_rule("br")
    def _br(self, _op: Op, label: int) -> None:
        self.pop_vals(self.label_types(label))
        self.unreachable()

    @_rule("br_if")
    def _br_if(self, _op: Op, label: int) -> None:
        self.pop_val(I32)
        types = self.label_types(label)
        if types:
            self.pop_vals(types)
            self.push_vals(types)

    @_rule("br_table")
    def _br_table(self, _op: Op, imm: tuple[tuple[int, ...], int]) -> None:
        labels, default = imm
        self.pop_val(I32)
        default_types = self.label_types(default)
        # Many labels of few blocks are usual, and hostile ones have long types: each type once.
        checked = {id(default_types)}
        for label in labels:
            types = self.label_types(label)
            if id(types) in checked:
                continue
            checked.add(id(types))
            if len(types) != len(default_types):
                self._fail(
                    f"type mismatch: br_table's labels carry {len(types)} and "
                    f"{len(default_types)} values"
                )
            self.push_vals(self.pop_vals(types))
        self.pop_vals(default_types)
        self.unreachable()

    @_rule("return")
    def _return(self, _op: Op, _imm: None) -> None:
        self.pop_vals(self.functype.result_types)
        self.unreachable()

    @_rule("call")
    def _call(self, _op: Op, funcidx: int) -> None:
        if funcidx >= len(self._module.func_typeidxs):
            self._fail(f"unknown function {funcidx}")
        functype = self._module.func_type(funcidx)
        self.pop_vals(functype.param_types)
        self.push_vals(functype.result_types)

    @_rule("call_indirect")
    def _call_indirect(self, _op: Op, imm: tuple[int, int]) -> None:
        typeidx, tableidx = imm
        self._check_same_ref(FUNCREF, self._table(tableidx).element)
        if typeidx >= len(self._module.types):
            self._fail(f"unknown type {typeidx}")
        functype = self._module.types[typeidx]
        self.pop_val(I32)
        self.pop_vals(functype.param_types)
        self.push_vals(functype.result_types)

    # Parametric and variable (3.4.3, 3.4.4).

    @_rule("drop")
    def _drop(self, _op: Op, _imm: None) -> None:
        self.pop_val()

    @_rule("select")
    def _select(self, _op: Op, _imm: None) -> None:
        self.pop_val(I32)
        second, first = self.pop_val(), self.pop_val()
        for valtype in (first, second):
            if valtype is not None and valtype.is_ref:
                self._fail(f"type mismatch: select without a type on {valtype}")
        if first is not second and first is not None and second is not None:
            self._fail(f"type mismatch: select between {first} and {second}")
        self.push_val(second if first is None else first)

    @_rule("select t")
    def _select_t(self, _op: Op, types: tuple[ValType, ...]) -> None:
        if len(types) != 1:
            self._fail("invalid result arity: select must have one type")
        self.pop_val(I32)
        self.pop_val(types[0])
        self.pop_val(types[0])
        self.push_val(types[0])

    # Locals are a third of all instructions: pop_val and push_val are written out.

    @_rule("local.get")
    def _local_get(self, _op: Op, localidx: int) -> None:
        if localidx >= len(self.locals):
            self._fail(f"unknown local {localidx}")
        self.vals.append(self.locals[localidx])

    @_rule("local.set")
    def _local_set(self, _op: Op, localidx: int) -> None:
        if localidx >= len(self.locals):
            self._fail(f"unknown local {localidx}")
        valtype = self.locals[localidx]
        vals = self.vals
        if len(vals) > self.height and vals[-1] is valtype:
            vals.pop()
        else:
            self.pop_val(valtype)

    @_rule("local.tee")
    def _local_tee(self, _op: Op, localidx: int) -> None:
        if localidx >= len(self.locals):
            self._fail(f"unknown local {localidx}")
        valtype = self.locals[localidx]
        vals = self.vals
        if len(vals) == self.height or vals[-1] is not valtype:
            self.pop_val(valtype)
            vals.append(valtype)

    @_rule("global.get", "global.set")
    def _global(self, op: Op, globalidx: int) -> None:
        if globalidx >= len(self._module.global_types):
            self._fail(f"unknown global {globalidx}")
        globaltype = self._module.global_types[globalidx]
        if op is GLOBAL_GET:
            self.push_val(globaltype.content)
            return
        if not globaltype.mutable:
            self._fail(f"immutable global {globalidx}")
        self.pop_val(globaltype.content)

    # References and tables (3.4.2, 3.4.5).

    @_rule("ref.null")
    def _ref_null(self, _op: Op, reftype: ValType) -> None:
        self.push_val(reftype)

    @_rule("ref.is_null")
    def _ref_is_null(self, _op: Op, _imm: None) -> None:
        reftype = self.pop_val()
        if reftype is not None and not reftype.is_ref:
            self._fail(f"type mismatch: expected a reference, found {reftype}")
        self.push_val(I32)

    @_rule("ref.func")
    def _ref_func(self, _op: Op, funcidx: int) -> None:
        if funcidx >= len(self._module.func_typeidxs):
            self._fail(f"unknown function {funcidx}")
        if funcidx not in self._refs:
            self._fail(f"undeclared function reference {funcidx}")
        self.push_val(FUNCREF)

    @_rule("table.get")
    def _table_get(self, _op: Op, tableidx: int) -> None:
        element = self._table(tableidx).element
        self.pop_val(I32)
        self.push_val(element)

    @_rule("table.set")
    def _table_set(self, _op: Op, tableidx: int) -> None:
        self.pop_val(self._table(tableidx).element)
        self.pop_val(I32)

    @_rule("table.grow")
    def _table_grow(self, _op: Op, tableidx: int) -> None:
        element = self._table(tableidx).element
        self.pop_val(I32)
        self.pop_val(element)
        self.push_val(I32)

    @_rule("table.fill")
    def _table_fill(self, _op: Op, tableidx: int) -> None:
        element = self._table(tableidx).element
        self.pop_val(I32)
        self.pop_val(element)
        self.pop_val(I32)

    @_rule("table.size")
    def _table_size(self, _op: Op, tableidx: int) -> None:
        self._table(tableidx)

    @_rule("table.copy")
    def _table_copy(self, _op: Op, imm: tuple[int, int]) -> None:
        destination, source = imm
        self._check_same_ref(self._table(destination).element, self._table(source).element)

    @_rule("table.init")
    def _table_init(self, _op: Op, imm: tuple[int, int]) -> None:
        elemidx, tableidx = imm
        element = self._table(tableidx).element
        self._check_same_ref(element, self._elem(elemidx))

    @_rule("elem.drop")
    def _elem_drop(self, _op: Op, elemidx: int) -> None:
        self._elem(elemidx)

    # Memory (3.4.6).

    @_rule(*(op.name for op in OPS if op.imm == IMM_MEMARG))
    def _memory_access(self, op: Op, imm: tuple[int, int, int]) -> None:
        memidx, align_log2, offset = imm
        if memidx >= len(self._module.memory_types):
            self._fail(f"unknown memory {memidx}")
        if op.access is not None and 1 << align_log2 > op.access.bytes:
            self._fail(f"alignment must not be larger than natural: 2**{align_log2} of {op}")
        if offset > 0xFFFF_FFFF:
            self._fail(f"offset out of range: {offset}")

    @_rule(*(op.name for op in OPS if op.imm == IMM_MEMARG_LANE))
    def _lane_access(self, op: Op, imm: tuple[int, int, int, int]) -> None:
        memidx, align_log2, offset, lane = imm
        self._memory_access(op, (memidx, align_log2, offset))
        self._lane(op, lane)

    @_rule(*(op.name for op in OPS if op.imm == IMM_MEMORY))
    def _memory(self, _op: Op, memidx: int) -> None:
        self._check_memory(memidx)

    @_rule("memory.copy")
    def _memory_copy(self, _op: Op, imm: tuple[int, int]) -> None:
        destination, source = imm
        self._check_memory(destination)
        self._check_memory(source)

    @_rule("memory.init")
    def _memory_init(self, _op: Op, imm: tuple[int, int]) -> None:
        dataidx, memidx = imm
        self._check_memory(memidx)
        self._check_data(dataidx)

    @_rule("data.drop")
    def _data_drop(self, _op: Op, dataidx: int) -> None:
        self._check_data(dataidx)

    # Vectors (3.4.8).

    @_rule(*(op.name for op in OPS if op.imm == IMM_LANE))
    def _lane(self, op: Op, lane: int) -> None:
        if lane >= op.lanes:
            self._fail(f"invalid lane index {lane} of {op}")

    @_rule(*(op.name for op in OPS if op.imm == IMM_SHUFFLE))
    def _shuffle(self, op: Op, lanes: bytes) -> None:
        self._lane(op, max(lanes))


def _listed(types: Sequence[ValType]) -> str:
    """Types as messages show them, a long list shortened."""
    return "[" + " ".join(t.name for t in types[:8]) + (" ..." if len(types) > 8 else "") + "]"
