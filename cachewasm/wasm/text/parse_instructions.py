"""Instructions, flat and folded, to a flat list (section 6.5).

One loop over the tokens with a stack of the open forms, so nesting costs memory alone. A folded
instruction waits on the stack until its operands, which stand after it, have been emitted.
"""

from dataclasses import dataclass

from cachewasm.errors import InvalidModule
from cachewasm.wasm import opcodes, sections
from cachewasm.wasm.constexpr import ConstExpr, ConstOp
from cachewasm.wasm.encode_body import Instruction
from cachewasm.wasm.opcodes import (
    BLOCK,
    CATCH_ALL_OP,
    CATCH_OP,
    DELEGATE,
    ELSE,
    END,
    IF,
    LOOP,
    TRY,
    TRY_TABLE,
    Op,
)
from cachewasm.wasm.text.context import Context, IndexSpace
from cachewasm.wasm.text.cursor import Cursor
from cachewasm.wasm.text.immediates import READERS, Reader, Scope, memarg, memarg_lane
from cachewasm.wasm.text.keywords import MNEMONICS
from cachewasm.wasm.text.lexer import quoted
from cachewasm.wasm.types import ValType

# What is open, innermost last.
_FLAT_BLOCK = 0  # block or loop, up to `end`
_FLAT_IF = 1  # up to `else` or `end`
_FLAT_ELSE = 2  # up to `end`
_BLOCK = 3  # `(block`, `(loop`
_CONDITION = 4  # `(if`, before its `(then`
_IF = 5  # `(if`, after its `(then ...)`
_IF_ELSE = 6  # `(if`, after its `(else ...)`
_ARM = 7  # `(then` or `(else`
_OPERANDS = 8  # `(` and a plain instruction
_FLAT_TRY = 9  # legacy `try`, up to its first arm, `delegate` or `end`
_FLAT_CATCH = 10  # up to another arm or `end`
_FLAT_CATCH_ALL = 11  # up to `end`
_TRY = 12  # `(try`, before its `(do`
_TRY_CATCH = 13  # after its `(do ...)`: `(catch ...)` may follow
_TRY_END = 14  # after `(catch_all ...)` or `(delegate ...)`
_DELEGATE = 15  # `(delegate`, up to its closing parenthesis

_FLAT = (_FLAT_BLOCK, _FLAT_IF, _FLAT_ELSE, _FLAT_TRY, _FLAT_CATCH, _FLAT_CATCH_ALL)

# Only folded instructions may stand in these.
_FOLDED_ONLY = (_CONDITION, _IF, _IF_ELSE, _OPERANDS, _TRY, _TRY_CATCH, _TRY_END, _DELEGATE)

_SELECT_TYPED = opcodes.BY_NAME["select t"]
_BLOCKS = {op.name: op for op in (BLOCK, LOOP, IF, TRY, TRY_TABLE)}
_ARMS = {op.name: op for op in (CATCH_OP, CATCH_ALL_OP, DELEGATE)}
_OPENED_BY = {IF: _FLAT_IF, TRY: _FLAT_TRY}
_NOT_PLAIN = {*_BLOCKS, *_ARMS, ELSE.name, END.name}
_PLAIN = {name: opcodes.BY_NAME[name] for name in MNEMONICS if name not in _NOT_PLAIN}

# What needs no look at the tokens after the mnemonic: one shared value each.
_BARE = {
    name: Instruction(op)
    for name, op in _PLAIN.items()
    if op.imm == opcodes.IMM_NONE and name != "select"
}
_READ: dict[str, Reader] = {
    name: READERS[op.imm] for name, op in _PLAIN.items() if op.imm in READERS
}

_CONST_KINDS = {op: kind for kind, op in enumerate(sections.CONST_OPS)}


@dataclass(frozen=True, slots=True)
class _Open:
    """An open form: its kind, and the instruction that its end emits or its `(then` does."""

    kind: int
    instruction: Instruction | None = None
    label: str | None = None


_OPEN_FLAT_ELSE = _Open(_FLAT_ELSE)
_OPEN_BLOCK = _Open(_BLOCK)
_OPEN_IF = _Open(_IF)
_OPEN_IF_ELSE = _Open(_IF_ELSE)
_OPEN_ARM = _Open(_ARM)
_END = Instruction(END)
_ELSE = Instruction(ELSE)


def instructions(c: Cursor, context: Context, locals_: IndexSpace) -> list[Instruction]:
    """The instructions up to the parenthesis that closes what is around them; it stays.

    The `end` of the whole expression is appended.
    """
    parser = _Instructions(c, Scope(context, locals_))
    parser.parse(only_one=False)
    parser.emitted.append(_END)
    return parser.emitted


def const_expr(c: Cursor, context: Context) -> ConstExpr:
    """The constant expression up to the closing parenthesis, which stays."""
    return _const_expr(c, context, only_one=False)


def folded_const_expr(c: Cursor, context: Context) -> ConstExpr:
    """The constant expression that is one folded instruction, which must be next."""
    if c.token != "(":
        raise c.unexpected("a constant expression")
    return _const_expr(c, context, only_one=True)


def _const_expr(c: Cursor, context: Context, *, only_one: bool) -> ConstExpr:
    start = c.pos
    parser = _Instructions(c, Scope(context, IndexSpace("local")))
    parser.parse(only_one=only_one)
    ops: list[ConstOp] = []
    for instruction in parser.emitted:
        kind = _CONST_KINDS.get(instruction.op)
        if kind is None:
            place = c.tokens.place(start)
            raise InvalidModule(
                f"constant expression required, found {instruction.op} "
                f"(at line {place.line}, column {place.column})"
            )
        imm = instruction.imm
        ops.append((kind, imm if isinstance(imm, int | ValType) else 0))
    return tuple(ops)


class _Instructions:
    """The forms that are open and what has been emitted."""

    __slots__ = ("c", "emitted", "open", "scope")

    def __init__(self, c: Cursor, scope: Scope) -> None:
        self.c = c
        self.scope = scope
        self.emitted: list[Instruction] = []
        self.open: list[_Open] = []

    def parse(self, *, only_one: bool) -> None:
        """Parse up to a parenthesis that closes nothing of these, or one folded instruction."""
        c, texts, opened = self.c, self.c.texts, self.open
        emit = self.emitted.append
        while True:
            token = texts[c.pos]
            if token == "(":
                self._folded()
            elif token == ")":
                if not opened:
                    return
                self._close()
                if only_one and not opened:
                    return
            elif opened and opened[-1].kind in _FOLDED_ONLY:
                raise c.unexpected("`(` or `)`")
            else:
                bare = _BARE.get(token)
                if bare is not None:
                    c.pos += 1
                    emit(bare)
                elif token in _PLAIN:
                    emit(self._plain(token))
                else:
                    self._block(token)

    def _plain(self, mnemonic: str) -> Instruction:
        """An instruction that opens no block, with its immediates."""
        c, op = self.c, _PLAIN[mnemonic]
        c.pos += 1
        read = _READ.get(mnemonic)
        if read is None:
            return self._memory_access(op)
        if mnemonic == "select" and c.at_form("result"):
            return Instruction(_SELECT_TYPED, READERS[_SELECT_TYPED.imm](c, self.scope))
        return Instruction(op, read(c, self.scope))

    def _memory_access(self, op: Op) -> Instruction:
        natural = 0 if op.access is None else op.access.align_log2
        if op.imm == opcodes.IMM_MEMARG_LANE:
            return Instruction(op, memarg_lane(self.c, self.scope, natural))
        return Instruction(op, memarg(self.c, self.scope, natural))

    def _block(self, mnemonic: str) -> None:
        """An instruction that opens a flat block, goes on with it or closes it."""
        c = self.c
        op = _BLOCKS.get(mnemonic)
        if op is not None:
            c.pos += 1
            label = c.optional_identifier()
            self.emitted.append(self._block_start(op))
            self.scope.labels.push(label)
            self.open.append(_Open(_OPENED_BY.get(op, _FLAT_BLOCK)))
            return
        innermost = self.open[-1].kind if self.open else _ARM
        if mnemonic == ELSE.name and innermost == _FLAT_IF:
            c.pos += 1
            self._check_label()
            self.emitted.append(_ELSE)
            self.open[-1] = _OPEN_FLAT_ELSE
        elif mnemonic in _ARMS and innermost in (_FLAT_TRY, _FLAT_CATCH):
            self._flat_arm(_ARMS[mnemonic], innermost)
        elif mnemonic == END.name and innermost in _FLAT:
            c.pos += 1
            self._check_label()
            self._end_block()
        else:
            raise c.unexpected("an instruction or `)`")

    def _flat_arm(self, op: Op, innermost: int) -> None:
        """`catch`, `catch_all` or `delegate` of a flat `try`."""
        if op is DELEGATE:
            if innermost != _FLAT_TRY:
                raise self.c.unexpected("an instruction or `end`")
            self.c.pos += 1
            self._end_try(op)
            return
        self.c.pos += 1
        self.emitted.append(Instruction(op, READERS[op.imm](self.c, self.scope)))
        self.open[-1] = _Open(_FLAT_CATCH if op is CATCH_OP else _FLAT_CATCH_ALL)

    def _end_try(self, op: Op) -> None:
        """`delegate`, whose label counts from outside the block that it ends."""
        self.scope.labels.pop()
        self.open.pop()
        self.emitted.append(Instruction(op, READERS[op.imm](self.c, self.scope)))

    def _block_start(self, op: Op) -> Instruction:
        return Instruction(op, READERS[op.imm](self.c, self.scope))

    def _end_block(self) -> None:
        self.emitted.append(_END)
        self.scope.labels.pop()
        self.open.pop()

    def _check_label(self) -> None:
        """Hold the label that may follow `else` and `end` to that of the block."""
        c = self.c
        label = c.optional_identifier()
        if label is not None and label != self.scope.labels.innermost:
            raise c.error(f"mismatching label {quoted('$' + label)}", c.pos - 1)

    def _folded(self) -> None:
        """Open a folded instruction, or an arm of an `if`."""
        c = self.c
        mnemonic = c.texts[c.pos + 1]
        c.pos += 1
        innermost = self.open[-1].kind if self.open else _ARM
        if _CONDITION <= innermost <= _IF_ELSE and self._arm(mnemonic, innermost):
            return
        if _TRY <= innermost <= _DELEGATE:
            self._try_arm(mnemonic, innermost)
            return
        if innermost in (_IF, _IF_ELSE):
            raise c.unexpected("`else`")
        op = _BLOCKS.get(mnemonic)
        if mnemonic in _PLAIN:
            bare = _BARE.get(mnemonic)
            if bare is None:
                bare = self._plain(mnemonic)
            else:
                c.pos += 1
            self.open.append(_Open(_OPERANDS, bare))
        elif op is None:
            raise c.unexpected("an instruction")
        else:
            c.pos += 1
            label = c.optional_identifier()
            start = self._block_start(op)
            if op is IF:
                self.open.append(_Open(_CONDITION, start, label))
                return
            self.emitted.append(start)
            self.scope.labels.push(label)
            self.open.append(_Open(_TRY) if op is TRY else _OPEN_BLOCK)

    def _arm(self, keyword: str, innermost: int) -> bool:
        """Open `(then` or `(else`, if that is what follows; say whether it was."""
        if keyword == "then" and innermost == _CONDITION:
            condition = self.open[-1]
            if condition.instruction is not None:
                self.emitted.append(condition.instruction)
            self.scope.labels.push(condition.label)
            self.open[-1] = _OPEN_IF
        elif keyword == ELSE.name and innermost == _IF:
            self.emitted.append(_ELSE)
            self.open[-1] = _OPEN_IF_ELSE
        else:
            return False
        self.c.pos += 1
        self.open.append(_OPEN_ARM)
        return True

    def _try_arm(self, keyword: str, innermost: int) -> None:
        """Open `(do`, or an arm of `(try`."""
        c = self.c
        if innermost == _TRY and keyword == "do":
            c.pos += 1
            self.open[-1] = _Open(_TRY_CATCH)
            self.open.append(_OPEN_ARM)
            return
        op = _ARMS.get(keyword) if innermost == _TRY_CATCH else None
        if op is None:
            raise c.unexpected("`(do`" if innermost == _TRY else "`)`")
        c.pos += 1
        if op is DELEGATE:
            # Only at once after `(do ...)`: an arm would have left the block without its label.
            if self.open[-1].label is not None:
                raise c.unexpected("`)`")
            self._end_try(op)
            self.open += (_Open(_DELEGATE), _Open(_DELEGATE))
            return
        self.emitted.append(Instruction(op, READERS[op.imm](c, self.scope)))
        self.open[-1] = _Open(_TRY_CATCH if op is CATCH_OP else _TRY_END, None, keyword)
        self.open.append(_OPEN_ARM)

    def _close(self) -> None:
        """Close the innermost form at a closing parenthesis."""
        innermost = self.open[-1]
        if innermost.kind in _FLAT:
            raise self.c.unexpected("an instruction or `end`")
        if innermost.kind == _CONDITION:
            raise self.c.unexpected("`(then`")
        if innermost.kind == _TRY:
            raise self.c.unexpected("`(do`")
        self.c.pos += 1
        if innermost.kind in (_BLOCK, _IF, _IF_ELSE, _TRY_CATCH, _TRY_END):
            self._end_block()
            return
        self.open.pop()
        if innermost.instruction is not None:
            self.emitted.append(innermost.instruction)
