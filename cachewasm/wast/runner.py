"""Run a script: one store, its instances by name, and a verdict for every command.

A command passes, fails, or is skipped: it needs a proposal that this engine refuses by name, or an
instance that a skipped or failed command should have made. A skipped command proves nothing; only a
script that passes whole counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from cachewasm.abi.traps import EXCEPTION_MESSAGE, MESSAGES
from cachewasm.errors import (
    CachewasmError,
    InvalidModule,
    LinkError,
    MalformedModule,
    ModuleError,
    TextError,
    Trap,
    UnsupportedModule,
)
from cachewasm.runtime.engine import Engine
from cachewasm.runtime.global_ import Global
from cachewasm.runtime.instance import Instance
from cachewasm.runtime.linker import Linker
from cachewasm.runtime.memory import Memory
from cachewasm.runtime.module import Module
from cachewasm.runtime.store import Store
from cachewasm.runtime.table import Table
from cachewasm.runtime.tag import Tag
from cachewasm.wasm.decode import decode
from cachewasm.wasm.text.commands import (
    Action,
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertTrap,
    AssertUnlinkable,
    Command,
    Define,
    Either,
    Get,
    Instantiate,
    Invoke,
    ModuleForm,
    Order,
    Pattern,
    Perform,
    Register,
    UnknownCommand,
    UnknownValue,
    Value,
)
from cachewasm.wasm.text.wast import Script
from cachewasm.wasm.validate import validate, validate_bodies
from cachewasm.wast import spectest, values
from cachewasm.wast.values import Result
from cachewasm.wast.wording import says

if TYPE_CHECKING:
    # At run time the type is made with the support image.
    from cachewasm.runtime.externs import Extern
    from cachewasm.runtime.func import Func


class Verdict(Enum):
    """What became of a command."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command's verdict, and the reason unless it passed."""

    command: Command
    verdict: Verdict
    reason: str = ""


class _Failed(Exception):
    """The command fails for this reason."""


class _Skipped(Exception):
    """The command cannot be judged, for this reason."""


def run(script: Script, engine: Engine, store: Store | None = None) -> Iterator[Outcome]:
    """Execute the commands in order, each when its outcome is asked for.

    In `store`, which is of `engine`; by default in a new one.
    """
    runner = _Runner(script, engine, store or Store(engine))
    for command in script.commands:
        yield runner.outcome(command)


class _Runner:
    """A script's store and what its commands have made in it."""

    def __init__(self, script: Script, engine: Engine, store: Store) -> None:
        self._script = script
        self._engine = engine
        self._store = store
        self._linker = Linker(engine)
        self._linker.allow_shadowing = True
        spectest.define(self._linker, self._store)
        # By name, and under None the last one. A value of None: it could not be made.
        self._modules: dict[str | None, Module | None] = {}
        self._instances: dict[str | None, Instance | None] = {}
        self._unregistered: set[str] = set()

    def outcome(self, command: Command) -> Outcome:
        """Execute one command."""
        try:
            self._execute(command.order)
        except (_Skipped, UnsupportedModule) as skipped:
            return Outcome(command, Verdict.SKIPPED, str(skipped))
        except _Failed as failed:
            return Outcome(command, Verdict.FAILED, str(failed))
        except CachewasmError as error:
            return Outcome(command, Verdict.FAILED, f"unexpected {_told(error)}")
        return Outcome(command, Verdict.PASSED)

    def _execute(self, order: Order) -> None:
        match order:
            case Define(name, form, definition_only):
                self._define(name, form, definition_only=definition_only)
            case Instantiate(name, module):
                self._make_instance(name, module)
            case Register(name, instance):
                self._register(name, instance)
            case Perform(action):
                self._perform(action)
            case AssertReturn(action, expected):
                self._assert_return(action, expected)
            case AssertTrap(subject, message):
                self._assert_trap(subject, message)
            case AssertExhaustion(action, message):
                self._assert_trap(action, message)
            case AssertException(action):
                self._assert_exception(action)
            case AssertMalformed(form, message):
                self._assert_refused(form, message, (MalformedModule, TextError))
            case AssertInvalid(form, message):
                self._assert_refused(form, message, (InvalidModule,))
            case AssertUnlinkable(form, message):
                self._assert_unlinkable(form, message)
            case UnknownCommand(keyword):
                raise _Skipped(f"the command `{keyword}` is not known")
            case _:
                assert_never(order)

    # --- Modules and instances

    def _define(self, name: str | None, form: ModuleForm, *, definition_only: bool) -> None:
        self._modules[None] = self._modules[name] = None
        if not definition_only:
            self._instances[None] = self._instances[name] = None
        self._modules[None] = self._modules[name] = self._compile(form)
        if not definition_only:
            self._make_instance(name, None)

    def _make_instance(self, name: str | None, module: str | None) -> None:
        self._instances[None] = self._instances[name] = None
        instance = self._link(self._find_module(module))
        self._instances[None] = self._instances[name] = instance

    def _register(self, name: str, instance: str | None) -> None:
        self._unregistered.add(name)
        self._linker.define_instance(self._store, name, self._find_instance(instance))
        self._unregistered.remove(name)

    def _link(self, module: Module) -> Instance:
        for wanted in module.imports:
            if wanted.module in self._unregistered:
                raise _Skipped(f"the instance `{wanted.module}` could not be registered")
        return self._linker.instantiate(self._store, module)

    def _compile(self, form: ModuleForm) -> Module:
        return Module(self._engine, self._script.binary(form))

    def _find_module(self, name: str | None) -> Module:
        if name not in self._modules:
            raise _Failed(f"there is no {_named('module', name)}")
        found = self._modules[name]
        if found is None:
            raise _Skipped(f"the {_named('module', name)} could not be compiled")
        return found

    def _find_instance(self, name: str | None) -> Instance:
        if name not in self._instances:
            raise _Failed(f"there is no {_named('instance', name)}")
        found = self._instances[name]
        if found is None:
            raise _Skipped(f"the {_named('instance', name)} could not be made")
        return found

    # --- Actions

    def _perform(self, action: Action) -> list[Result]:
        exports = self._find_instance(action.instance).exports(self._store)
        found: Extern | None = exports.get(action.name)
        match action:
            case Get(_, name):
                if not isinstance(found, Global):
                    raise _Failed(f"no global `{name}` is exported")
                content = found.type(self._store).content
                return [Result(content, found.value(self._store))]
            case Invoke(_, name, arguments):
                if found is None or isinstance(found, (Global, Memory, Table, Tag)):
                    raise _Failed(f"no function `{name}` is exported")
                return self._call(found, arguments)
        assert_never(action)

    def _call(self, func: "Func", given: tuple[Value, ...]) -> list[Result]:
        arguments = []
        for value in given:
            if isinstance(value, UnknownValue):
                raise _Skipped(f"the value `{value.keyword}` is not implemented")
            arguments.append(value)
        type = func.type(self._store)
        if tuple(map(values.type_of, arguments)) != type.param_types:
            raise _Failed(f"the function's type is {type}, other than that of the arguments")
        returned = func(self._store, *map(values.to_python, arguments))
        types = type.result_types
        listed = returned if isinstance(returned, list) else [returned] * len(types)
        return [Result(type, value) for type, value in zip(types, listed, strict=True)]

    # --- Assertions

    def _assert_return(self, action: Action, expected: tuple[Pattern, ...]) -> None:
        for pattern in expected:
            for each in pattern.options if isinstance(pattern, Either) else (pattern,):
                if isinstance(each, UnknownValue):
                    raise _Skipped(f"the value `{each.keyword}` is not implemented")
        results = self._perform(action)
        if len(results) != len(expected) or not all(map(values.matches, expected, results)):
            wanted = ", ".join(map(values.describe, expected)) or "nothing"
            got = ", ".join(map(values.describe_result, results)) or "nothing"
            raise _Failed(f"expected {wanted}; got {got}")

    def _assert_trap(self, subject: Action | ModuleForm, message: str) -> None:
        try:
            if isinstance(subject, (Invoke, Get)):
                self._perform(subject)
            else:
                self._link(self._compile(subject))
        except Trap as trap:
            _expect_words(trap, message)
            return
        raise _Failed(f"expected the trap `{message}`; got no trap")

    def _assert_exception(self, action: Action) -> None:
        try:
            self._perform(action)
        except Trap as trap:
            if EXCEPTION_MESSAGE not in trap.message:
                raise
            return
        raise _Failed("expected an exception; got none")

    def _assert_refused(
        self, form: ModuleForm, message: str, kinds: tuple[type[CachewasmError], ...]
    ) -> None:
        try:
            # Not Module.validate: that would take a binary without its magic bytes for text.
            binary = self._script.binary(form)
            validate_bodies(validate(decode(binary, self._engine._environment.features)))
        except kinds as error:
            _expect_words(error, message)
            return
        raise _Failed(f"expected `{message}`; got an acceptable module")

    def _assert_unlinkable(self, form: ModuleForm, message: str) -> None:
        module = self._compile(form)
        try:
            self._link(module)
        except LinkError as error:
            _expect_words(error, message)
            return
        raise _Failed(f"expected `{message}`; got an instance")


def _named(what: str, name: str | None) -> str:
    return f"last {what}" if name is None else f"{what} `{name}`"


def _expect_words(error: CachewasmError, expected: str) -> None:
    if not says(_message(error), expected):
        raise _Failed(f"expected `{expected}`; got {_told(error)}")


def _told(error: CachewasmError) -> str:
    return f"{type(error).__name__}: {_message(error)}"


def _message(error: CachewasmError) -> str:
    """The reason alone, without a backtrace or a place."""
    if isinstance(error, Trap):
        code = error.trap_code
        return MESSAGES[code.value] if isinstance(code, Enum) else error.message
    return error.message if isinstance(error, (ModuleError, TextError)) else str(error)
