"""The code of one function while it is being made: instructions, locals, labels, size left."""

from collections.abc import Iterable, Sequence

from cachewasm.wasm.encode_body import FunctionBody, Instruction, LocalGroup
from cachewasm.wasm.opcodes import BY_NAME, Imm, Op
from cachewasm.wasm.types import I32, V128, FuncType, ValType
from tests.property.programs.choices import Choices
from tests.property.programs.edges import EDGES, NANS, signed
from tests.property.programs.shape import Shape


class Code:
    """Appends instructions. Once `left` is used up, only what is needed should be added."""

    def __init__(self, choices: Choices, shape: Shape, functype: FuncType, size: int) -> None:
        self.choices = choices
        self.shape = shape
        self.functype = functype
        self.left = size
        self.locals: list[ValType] = list(functype.param_types)
        # Counts the iterations that are left; an index that is within every memory's bounds.
        self.counter = self.new_local(I32)
        self.pointer = self.new_local(I32)
        # What a branch to each label carries, the function's own label first.
        self.labels: list[tuple[ValType, ...]] = [functype.result_types]
        self._instructions: list[Instruction] = []

    def emit(self, name: str, imm: Imm = None) -> None:
        """Append an instruction by its mnemonic."""
        self.emit_op(BY_NAME[name], imm)

    def emit_op(self, op: Op, imm: Imm = None) -> None:
        """Append an instruction."""
        self._instructions.append(Instruction(op, imm))
        self.left -= 1

    def const(self, valtype: ValType, bits: int) -> None:
        """A constant from its bits; null for a reference type."""
        if valtype.is_ref:
            self.emit("ref.null", valtype)
        elif valtype in NANS or valtype is V128:
            self.emit(f"{valtype.name}.const", bits)
        else:
            self.emit(f"{valtype.name}.const", signed(bits, 32 if valtype.name == "i32" else 64))

    def zero(self, valtype: ValType) -> None:
        """Zero or null."""
        self.const(valtype, 0)

    def edge(self, valtype: ValType) -> None:
        """An edge value; null for a reference type."""
        self.const(valtype, 0 if valtype.is_ref else self.choices.pick(EDGES[valtype]))

    def i32(self, value: int) -> None:
        """The constant `value`, from its bits."""
        self.emit("i32.const", signed(value & 0xFFFFFFFF, 32))

    def new_local(self, valtype: ValType) -> int:
        """The index of another local."""
        self.locals.append(valtype)
        return len(self.locals) - 1

    def scratch(self, valtype: ValType) -> int:
        """A local that may be overwritten: one of those there are, or a new one."""
        found = self.locals_of(valtype)
        usable = [index for index in found if index not in (self.counter, self.pointer)]
        return self.choices.pick(usable) if usable else self.new_local(valtype)

    def locals_of(self, valtype: ValType) -> list[int]:
        """The indices of all locals of a type."""
        return [index for index, each in enumerate(self.locals) if each is valtype]

    def block_type(self, params: Sequence[ValType], results: Sequence[ValType]) -> Imm:
        """A block type, in the short form where there is one."""
        if not params and not results:
            return None
        if not params and len(results) == 1 and not self.choices.chance(10):
            return results[0]
        return self.shape.typeidx(FuncType(params, results))

    def set_scratch(self, valtypes: Iterable[ValType]) -> None:
        """Take values from the stack, the last of `valtypes` first."""
        for valtype in reversed(tuple(valtypes)):
            if self.choices.chance(50):
                self.emit("local.set", self.scratch(valtype))
            else:
                self.emit("drop")

    def body(self) -> FunctionBody:
        """The finished body."""
        self.emit("end")
        groups: list[LocalGroup] = []
        for valtype in self.locals[len(self.functype.param_types) :]:
            if groups and groups[-1].type is valtype:
                groups[-1] = LocalGroup(groups[-1].count + 1, valtype)
            else:
                groups.append(LocalGroup(1, valtype))
        return FunctionBody(tuple(groups), tuple(self._instructions))
