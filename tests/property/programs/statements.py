"""Statements: code that leaves the stack as it was, and the blocks that hold statements.

Every program ends. A function counts its iterations down in a local, whatever loop they belong to,
and the module counts calls down in a global; at zero the function returns zeros.
"""

from collections.abc import Callable

from cachewasm.wasm.opcodes import IMM_NONE, OPS
from cachewasm.wasm.types import EXTERNREF, FUNCREF, I32, ValType
from tests.property.programs.code import Code
from tests.property.programs.operands import STORES, Operands
from tests.property.programs.shape import CALLS_LEFT, VALUES, globalidx, has_vectors

_ITERATIONS = 12
_ANY = [op for op in OPS if op.imm == IMM_NONE and op.params is not None and op.results is not None]


class Statements:
    """Makes the body of one function in a `Code`."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._choices = code.choices
        self._shape = code.shape
        self._operands = Operands(code, self.block_value)

    def function(self) -> None:
        """The whole body but for its last `end`."""
        code = self.code
        for _ in range(self._choices.below(4)):
            code.new_local(self._choices.pick((*VALUES, FUNCREF, EXTERNREF)))
        calls = globalidx(self._shape, CALLS_LEFT)
        code.emit("global.get", calls)
        code.emit("i32.eqz")
        self._return_zeros_if()
        code.emit("global.get", calls)
        code.i32(1)
        code.emit("i32.sub")
        code.emit("global.set", calls)
        code.i32(1 + self._choices.below(_ITERATIONS))
        code.emit("local.set", code.counter)
        while code.left > 0 and self._choices.chance(93):
            self.statement(3)
        self._operands.values(code.functype.result_types)

    def _return_zeros_if(self) -> None:
        """Return if the i32 on the stack is not zero."""
        code = self.code
        code.emit("if")
        for valtype in code.functype.result_types:
            code.zero(valtype)
        code.emit("return")
        code.emit("end")

    def statement(self, depth: int) -> None:
        """One statement, with blocks nested at most `depth` deep."""
        rows: list[tuple[int, Callable[[int], None]]] = [
            (4, self._set_local),
            (3, self._set_global),
            (2, self._drop),
            (1, self._table),
            (1, self._reference),
            (1, self._call),
            (1, lambda _: self.code.emit("nop")),
        ]
        if self._shape.memories:
            rows += [(6, self._store), (2, self._bulk), (2, self._set_pointer)]
        if depth > 0:
            rows += [(6, self._block), (2, self._leave_if), (1, self._switch), (1, self._dead)]
        self._choices.weighted(rows)(depth)

    def _set_local(self, _depth: int) -> None:
        valtype = self._choices.pick(self.code.locals)
        self._operands.value(valtype)
        self.code.emit("local.set", self.code.scratch(valtype))

    def _set_pointer(self, _depth: int) -> None:
        self._operands.value(I32, 2)
        self.code.i32(0x7FFF)
        self.code.emit("i32.and")
        self.code.emit("local.set", self.code.pointer)

    def _set_global(self, _depth: int) -> None:
        found = [
            number
            for number, globaltype in enumerate(self._shape.global_types)
            if globaltype.mutable and number != CALLS_LEFT
        ]
        if found:
            number = self._choices.pick(found)
            self._operands.value(self._shape.global_types[number].content)
            self.code.emit("global.set", globalidx(self._shape, number))

    def _drop(self, _depth: int) -> None:
        self._operands.value(self._choices.pick(VALUES))
        self.code.emit("drop")

    def _call(self, _depth: int) -> None:
        """A call, of which all results are used or dropped."""
        types = self._shape.all_functypes
        funcidx = self._choices.below(len(types))
        if self._choices.chance(30) and not has_vectors(types[funcidx]):
            self._operands.call_indirect(types[funcidx], 2)
        else:
            self._operands.values(types[funcidx].param_types, 2)
            self.code.emit("call", funcidx)
        self.code.set_scratch(types[funcidx].result_types)

    # Memories and tables.

    def _store(self, _depth: int) -> None:
        op = self._choices.pick(STORES)
        assert op.params is not None
        memarg = self._operands.address(op)
        self._operands.exact(op.params[1], 3)
        self.code.emit_op(op, self._operands.with_lane(op, memarg))

    def _region(self) -> None:
        """Where a bulk operation starts: anywhere, or near the end of a page."""
        if self._choices.chance(25):
            self.code.i32(0x10000 - self._choices.below(32))
        else:
            self._operands.value(I32, 1)
            self.code.i32(0x3FFF)
            self.code.emit("i32.and")

    def _bulk(self, _depth: int) -> None:
        choices, code, memories = self._choices, self.code, len(self._shape.memories)
        kind = choices.below(5)
        memory = choices.below(memories)
        if kind == 0:
            self._region()
            self._operands.value(I32, 2)
            self._operands.length(choices.pick((1, 2, 20, 300, 5000)))
            code.emit("memory.fill", memory)
        elif kind <= 2:
            self._region()
            self._region()
            self._operands.length(choices.pick((1, 2, 20, 300, 5000)))
            code.emit("memory.copy", (memory, choices.below(memories)))
        elif kind == 3:
            self._region()
            self._operands.length(8)
            self._operands.length(16)
            code.emit("memory.init", (choices.below(len(self._shape.data)), memory))
        elif choices.chance(30):
            code.emit("data.drop", choices.below(len(self._shape.data)))

    def _table(self, _depth: int) -> None:
        choices, code, operands = self._choices, self.code, self._operands
        table = choices.below(len(self._shape.tables))
        element = self._shape.tables[table].element
        kind = choices.below(4)
        operands.table_index(table)
        if kind == 0:
            operands.value(element, 2)
            code.emit("table.set", table)
        elif kind == 1:
            operands.value(element, 2)
            operands.length(3)
            code.emit("table.fill", table)
        elif kind == 2:
            source = choices.pick(operands.tables_of(element))
            operands.table_index(source)
            operands.length(3)
            code.emit("table.copy", (table, source))
        else:
            found = [i for i, each in enumerate(self._shape.elements) if each.type is element]
            operands.length(3)
            operands.length(2)
            code.emit("table.init", (choices.pick(found), table))

    def _reference(self, _depth: int) -> None:
        if self._choices.chance(20):
            self.code.emit("elem.drop", self._choices.below(len(self._shape.elements)))
            return
        valtype = self._choices.pick((FUNCREF, EXTERNREF))
        self._operands.value(valtype)
        self.code.emit("local.set", self.code.scratch(valtype))

    # Blocks.

    def _some_types(self, most: int) -> tuple[ValType, ...]:
        return tuple(
            self._choices.pick((*VALUES, EXTERNREF)) for _ in range(self._choices.below(most + 1))
        )

    def block_value(self, valtype: ValType, depth: int) -> None:
        """An expression: a block, loop or if that leaves the value, and others below it at times."""
        extra = self._some_types(2) if self._choices.chance(20) else ()
        self._any_block((*extra, valtype), depth)
        if extra:
            copy = self.code.scratch(valtype)
            self.code.emit("local.set", copy)
            self.code.set_scratch(extra)
            self.code.emit("local.get", copy)

    def _block(self, depth: int) -> None:
        results = self._some_types(3) if self._choices.chance(40) else ()
        self._any_block(results, depth - 1)
        self.code.set_scratch(results)

    def _any_block(self, results: tuple[ValType, ...], depth: int) -> None:
        code, choices = self.code, self._choices
        kind = choices.pick(("block", "loop", "if", "if"))
        params = self._some_types(2) if choices.chance(25) else ()
        self._operands.values(params, 2)
        if kind == "if":
            self._operands.condition()
        without_else = kind == "if" and not results and not params and choices.chance(50)
        code.emit(kind, code.block_type(params, results))
        code.labels.append(params if kind == "loop" else results)
        if kind == "loop":
            code.emit("local.get", code.counter)
            code.emit("i32.eqz")
            self._return_zeros_if()
            code.emit("local.get", code.counter)
            code.i32(1)
            code.emit("i32.sub")
            code.emit("local.set", code.counter)
        self._inside(params, results, depth)
        if kind == "loop":
            self._again()
        if kind == "if" and not without_else:
            code.emit("else")
            self._inside(params, results, depth)
        code.labels.pop()
        code.emit("end")

    def _inside(
        self, params: tuple[ValType, ...], results: tuple[ValType, ...], depth: int
    ) -> None:
        """What is in a block: its parameters become its first results where types allow."""
        if params == results and self._choices.chance(30):
            self._statements(depth)
            return
        self.code.set_scratch(params)
        self._statements(depth)
        if self._choices.chance(4) and self._branch(depth):
            return  # unreachable: results need not be there
        self._operands.values(results, min(depth, 2))

    def _statements(self, depth: int) -> None:
        for _ in range(self._choices.below(4)):
            if self.code.left > 0:
                self.statement(min(depth, 2))

    def _again(self) -> None:
        """At the end of a loop, with its results on the stack: perhaps once more."""
        carried = self.code.labels[-1]
        self._operands.values(carried, 1)
        self._operands.condition()
        self.code.emit("br_if", 0)
        for _ in carried:
            self.code.emit("drop")

    # Branches.

    def _branch(self, depth: int) -> bool:
        """Leave for good; what follows is unreachable. False if it turned out to be nothing."""
        code, choices = self.code, self._choices
        kind = choices.below(8)
        if kind == 7:
            code.emit("unreachable")
        elif kind >= 5:
            self._operands.values(code.functype.result_types, 1)
            code.emit("return")
        elif kind >= 2:
            label = choices.below(len(code.labels))
            self._operands.values(code.labels[-1 - label], min(depth, 2))
            code.emit("br", label)
        else:
            self._branch_table(depth)
        return True

    def _branch_table(self, depth: int) -> None:
        code, choices = self.code, self._choices
        default = choices.below(len(code.labels))
        types = code.labels[-1 - default]
        same = [label for label in range(len(code.labels)) if code.labels[-1 - label] == types]
        labels = tuple(choices.pick(same) for _ in range(choices.below(6)))
        self._operands.values(types, min(depth, 2))
        self._operands.value(I32, 2)
        if choices.chance(70):
            code.i32(7)
            code.emit("i32.and")
        code.emit("br_table", (labels, default))

    def _leave_if(self, depth: int) -> None:
        """A branch that may be taken, so that what follows is reachable."""
        code = self.code
        label = self._choices.below(len(code.labels))
        if self._choices.chance(50):
            types = code.labels[-1 - label]
            self._operands.values(types, 1)
            self._operands.condition()
            code.emit("br_if", label)
            code.set_scratch(types)
            return
        self._operands.condition()
        code.emit("if")
        code.labels.append(())
        self._branch(depth)
        code.labels.pop()
        code.emit("end")

    def _switch(self, depth: int) -> None:
        """Nested blocks, and a br_table over them."""
        code, choices = self.code, self._choices
        count = 2 + choices.below(4)
        for _ in range(count):
            code.emit("block")
            code.labels.append(())
        self._operands.value(I32, 2)
        if choices.chance(80):
            code.i32(7)
            code.emit("i32.and")
        labels = tuple(choices.below(count) for _ in range(choices.below(9)))
        code.emit("br_table", (labels, choices.below(count)))
        for _ in range(count):
            code.labels.pop()
            code.emit("end")
            if code.left > 0:
                self.statement(depth - 1)

    def _dead(self, depth: int) -> None:
        """A block that ends in unreachable code, whose operands come out of nowhere."""
        code, choices = self.code, self._choices
        code.emit("block")
        code.labels.append(())
        self._branch(depth)
        for _ in range(choices.below(4)):
            kind = choices.below(4)
            if kind == 0:
                op = choices.pick(_ANY)
                code.emit_op(op)
                for _ in op.results or ():
                    code.emit("drop")
            elif kind == 1:
                code.emit("select")
                code.emit("drop")
            elif kind == 2:
                code.emit("drop")
            else:
                code.emit("br_if", 0)
        code.emit("unreachable")
        code.labels.pop()
        code.emit("end")
