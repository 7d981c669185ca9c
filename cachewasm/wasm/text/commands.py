"""The commands of a test script, as frozen values: what wast.py parses to and a runner executes.

The language is that of the reference interpreter's scripts (.wast): a module is brought to life or
expected to be refused, actions use what it exports, assertions say what has to come of it. The text
of a module stays a range of the script's tokens until somebody asks for it, so one that this
implementation cannot parse costs no other command.
"""

from dataclasses import dataclass
from typing import TypeAlias

from cachewasm.wasm.types import ValType


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a type, or a vector, as its raw bits: `(i32.const 1)`."""

    type: ValType
    bits: int


@dataclass(frozen=True, slots=True)
class NanPattern:
    """Any NaN that is `nan:canonical`, or else any that is `nan:arithmetic`."""

    type: ValType
    canonical: bool


@dataclass(frozen=True, slots=True)
class VectorPattern:
    """A vector of floats of which some lanes are patterns, lane 0 first."""

    lanes: tuple[Number | NanPattern, ...]


@dataclass(frozen=True, slots=True)
class NullReference:
    """`(ref.null T)`; as an expected result, without a type, null of any type."""

    type: ValType | None


@dataclass(frozen=True, slots=True)
class HostReference:
    """`(ref.extern N)`: what the host calls number N; without a number, any but null."""

    number: int | None


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """`(ref.func)` as an expected result: any function."""


@dataclass(frozen=True, slots=True)
class Either:
    """One of several expected results."""

    options: "tuple[Pattern, ...]"


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A value of a later proposal, by its keyword."""

    keyword: str


Value: TypeAlias = Number | NullReference | HostReference | UnknownValue
Pattern: TypeAlias = Value | NanPattern | VectorPattern | FunctionReference | Either


@dataclass(frozen=True, slots=True)
class TextModule:
    """A module in the text format: the position of the token where its name or its fields begin."""

    position: int


@dataclass(frozen=True, slots=True)
class BinaryModule:
    """`(module binary "...")`."""

    content: bytes


@dataclass(frozen=True, slots=True)
class QuotedModule:
    """`(module quote "...")`: text that need not be well-formed, not even UTF-8."""

    content: bytes


ModuleForm: TypeAlias = TextModule | BinaryModule | QuotedModule


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call an exported function, of the instance `instance` or else the last one."""

    instance: str | None
    name: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read an exported global."""

    instance: str | None
    name: str


Action: TypeAlias = Invoke | Get


@dataclass(frozen=True, slots=True)
class Define:
    """Check a module and remember it; unless `definition_only`, instantiate it, too."""

    name: str | None
    module: ModuleForm
    definition_only: bool


@dataclass(frozen=True, slots=True)
class Instantiate:
    """`(module instance $instance $module)`: another instance of a module, by default the last."""

    name: str | None
    module: str | None


@dataclass(frozen=True, slots=True)
class Register:
    """Make the exports of an instance importable under `name`."""

    name: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class Perform:
    """An action whose results do not matter."""

    action: Action


@dataclass(frozen=True, slots=True)
class AssertReturn:
    """The action returns these results."""

    action: Action
    results: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class AssertTrap:
    """The action, or the module's instantiation, traps."""

    subject: Action | ModuleForm
    message: str


@dataclass(frozen=True, slots=True)
class AssertExhaustion:
    """The action exhausts a resource."""

    action: Action
    message: str


@dataclass(frozen=True, slots=True)
class AssertException:
    """The action throws an exception that nobody catches."""

    action: Action


@dataclass(frozen=True, slots=True)
class AssertMalformed:
    """The module cannot be decoded or parsed."""

    module: ModuleForm
    message: str


@dataclass(frozen=True, slots=True)
class AssertInvalid:
    """The module is well-formed, but not valid."""

    module: ModuleForm
    message: str


@dataclass(frozen=True, slots=True)
class AssertUnlinkable:
    """The module is valid, but its imports do not fit."""

    module: ModuleForm
    message: str


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A command that is none of the above, by its keyword."""

    keyword: str


Order: TypeAlias = (
    Define
    | Instantiate
    | Register
    | Perform
    | AssertReturn
    | AssertTrap
    | AssertExhaustion
    | AssertException
    | AssertMalformed
    | AssertInvalid
    | AssertUnlinkable
    | UnknownCommand
)


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be done, and the range of the script's text that says so."""

    order: Order
    start: int
    end: int
