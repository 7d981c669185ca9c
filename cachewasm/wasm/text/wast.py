"""Parse test scripts (.wast) into commands.

The grammar is that of the reference interpreter's scripts: modules, actions and assertions in any
order, or the bare fields of one module. A command with a keyword that is not known here is kept as
one that nobody can execute; what is malformed within a known one is an error. Modules in the text
format are parsed when their binary is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, assert_never

from cachewasm.wasm.encode import encode
from cachewasm.wasm.opcodes import V128_CONST
from cachewasm.wasm.text.commands import (
    Action,
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertTrap,
    AssertUnlinkable,
    BinaryModule,
    Command,
    Define,
    Either,
    FunctionReference,
    Get,
    HostReference,
    Instantiate,
    Invoke,
    ModuleForm,
    NanPattern,
    NullReference,
    Number,
    Order,
    Pattern,
    Perform,
    QuotedModule,
    Register,
    TextModule,
    UnknownCommand,
    UnknownValue,
    Value,
    VectorPattern,
)
from cachewasm.wasm.text.lexer import Place, Tokens, tokenize
from cachewasm.wasm.text.literals import pack
from cachewasm.wasm.text.parser import Parser, VectorConst, wat2wasm
from cachewasm.wasm.types import EXNREF, EXTERNREF, F32, F64, FUNCREF, I32, I64, V128

_Parsed = TypeVar("_Parsed")

# Where a script begins with one of these, it is the fields of one module.
_FIELDS = frozenset(
    (
        *("type", "rec", "import", "func", "table", "memory"),
        *("global", "tag", "export", "start", "elem", "data"),
    )
)
_NUMERIC = frozenset(f"{type}.const" for type in (I32, I64, F32, F64))
_HEAP_TYPES = {"func": FUNCREF, "extern": EXTERNREF, "exn": EXNREF}
_BARE_REFERENCES: dict[str, NullReference | HostReference | FunctionReference] = {
    "ref.null": NullReference(None),
    "ref.extern": HostReference(None),
    "ref.func": FunctionReference(),
}


@dataclass(frozen=True, slots=True)
class Script:
    """A parsed script: its commands over its tokens."""

    tokens: Tokens
    commands: tuple[Command, ...]

    def binary(self, module: ModuleForm) -> bytes:
        """The binary of a module of this script.

        Raises TextError for malformed text, with its place in the script unless the text is quoted,
        and UnsupportedModule for a proposal.
        """
        match module:
            case BinaryModule(content):
                return content
            case QuotedModule(content):
                return wat2wasm(content)
            case TextModule(position):
                parser = Parser(self.tokens, position)
                source = parser.fields(parser.optional_identifier())
                if position == 0 and parser.token:  # no parenthesis holds these fields
                    raise parser.unexpected("the end of the input")
                return encode(source)
        assert_never(module)

    def place(self, command: Command) -> Place:
        """Where a command begins."""
        return self.tokens.place_of_offset(command.start)

    def excerpt(self, command: Command, length: int) -> str:
        """The first `length` characters of a command's text."""
        return self.tokens.text[command.start : min(command.end, command.start + length)]


def parse_script(text: str | bytes) -> Script:
    """Parse a script; bytes must be UTF-8.

    Raises TextError, and UnsupportedModule where a proposal's keyword stands in its way.
    """
    tokens = tokenize(text)
    return Script(tokens, tuple(_ScriptParser(tokens).commands()))


class _ScriptParser(Parser):
    """The cursor that commands are parsed at."""

    __slots__ = ()

    def commands(self) -> list[Command]:
        """All commands, up to the end of the input."""
        texts, starts = self.texts, self.tokens.starts
        if texts[0] == "(" and texts[1] in _FIELDS:
            return [Command(Define(None, TextModule(0), False), 0, starts[-1])]
        commands = []
        while texts[self.pos]:
            start = starts[self.pos]
            order = self._in_parentheses(self._order)
            commands.append(Command(order, start, starts[self.pos - 1] + 1))
        return commands

    def _in_parentheses(self, parse: Callable[[], _Parsed]) -> _Parsed:
        self.expect("(")
        parsed = parse()
        self.expect(")")
        return parsed

    def _skip_to_end(self) -> None:
        """Go to the parenthesis that closes the one that is open."""
        self.skip_form()
        self.pos -= 1

    def _keyword(self, expected: str) -> str:
        """The keyword that must be next."""
        token = self.token
        if not token[:1].isalpha():
            raise self.unexpected(expected)
        self.pos += 1
        return token

    # --- Commands

    def _order(self) -> Order:
        keyword = self._keyword("a command")
        match keyword:
            case "module":
                return self._module_order()
            case "register":
                return Register(self.name(), self.optional_identifier())
            case "invoke" | "get":
                self.pos -= 1
                return Perform(self._action_in_parentheses())
            case "assert_return":
                action = self._action()
                patterns = []
                while self.token == "(":
                    patterns.append(self._pattern())
                return AssertReturn(action, tuple(patterns))
            case "assert_trap":
                if self.at_form("module"):
                    return AssertTrap(self._module(), self.name())
                return AssertTrap(self._action(), self.name())
            case "assert_exhaustion":
                return AssertExhaustion(self._action(), self.name())
            case "assert_exception":
                return AssertException(self._action())
            case "assert_malformed":
                return AssertMalformed(self._module(), self.name())
            case "assert_invalid":
                return AssertInvalid(self._module(), self.name())
            case "assert_unlinkable":
                return AssertUnlinkable(self._module(), self.name())
        self._skip_to_end()
        return UnknownCommand(keyword)

    def _module_order(self) -> Order:
        if self.take("instance"):
            return Instantiate(self.optional_identifier(), self.optional_identifier())
        definition_only = self.take("definition")
        name, module = self._module_after_keyword()
        return Define(name, module, definition_only)

    def _module(self) -> ModuleForm:
        """A module that an assertion is about; its name is of no use."""
        return self._in_parentheses(self._module_in_parentheses)

    def _module_in_parentheses(self) -> ModuleForm:
        self.expect("module")
        self.take("definition")
        return self._module_after_keyword()[1]

    def _module_after_keyword(self) -> tuple[str | None, ModuleForm]:
        position = self.pos
        name = self.optional_identifier()
        if self.take("binary"):
            return name, BinaryModule(self._strings())
        if self.take("quote"):
            return name, QuotedModule(self._strings())
        self._skip_to_end()
        return name, TextModule(position)

    def _strings(self) -> bytes:
        parts = []
        while self.token != ")":
            parts.append(self.string())
        return b"".join(parts)

    def _action(self) -> Action:
        return self._in_parentheses(self._action_in_parentheses)

    def _action_in_parentheses(self) -> Action:
        if self.take("get"):
            return Get(self.optional_identifier(), self.name())
        if not self.take("invoke"):
            raise self.unexpected("an action")
        instance, name = self.optional_identifier(), self.name()
        arguments = []
        while self.token == "(":
            arguments.append(self._value())
        return Invoke(instance, name, tuple(arguments))

    # --- Values, with their parentheses

    def _value(self) -> Value:
        """An argument."""
        operand = self.pos + 2
        value = self._simple_pattern()
        if isinstance(value, (NanPattern, VectorPattern, FunctionReference)):
            raise self.error("unexpected token: only a result may be a pattern", operand)
        return value

    def _pattern(self) -> Pattern:
        """An expected result."""
        if not self.take_form("either"):
            return self._simple_pattern()
        options = []
        while self.token == "(":
            options.append(self._simple_pattern())
        self.expect(")")
        return Either(tuple(options))

    def _simple_pattern(self) -> Value | NanPattern | VectorPattern | FunctionReference:
        keyword = self.texts[self.pos + 1]
        if keyword in _NUMERIC:
            const = self.numeric_const()
            if const.pattern:
                return NanPattern(const.type, const.pattern == "nan:canonical")
            return Number(const.type, const.bits)
        if keyword == V128_CONST.name:
            return _vector(self.vector_const())
        self.expect("(")
        if keyword == "either" or not keyword[:1].isalpha():
            raise self.unexpected("a value")
        self.pos += 1
        if keyword in _BARE_REFERENCES and self.take(")"):
            return _BARE_REFERENCES[keyword]
        if keyword == "ref.null" and self.token in _HEAP_TYPES:
            self.pos += 1
            value: Value = NullReference(_HEAP_TYPES[self.texts[self.pos - 1]])
        elif keyword == "ref.extern":
            value = HostReference(self.u32())
        else:
            value = UnknownValue(keyword)
            self._skip_to_end()
        self.expect(")")
        return value


def _vector(const: VectorConst) -> Number | VectorPattern:
    bits = [each for each in const.lanes if isinstance(each, int)]
    if len(bits) == len(const.lanes):
        return Number(V128, pack(const.shape, bits))
    type = F32 if const.shape.bits == 32 else F64
    return VectorPattern(
        tuple(
            Number(type, each)
            if isinstance(each, int)
            else NanPattern(type, each == "nan:canonical")
            for each in const.lanes
        )
    )
