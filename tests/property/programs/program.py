"""A whole program: a valid module, and the calls to make of it."""

from dataclasses import dataclass

from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody
from cachewasm.wasm.module import Export
from cachewasm.wasm.types import FUNC, GLOBAL, MEMORY, TABLE, V128, FuncType
from tests.property.programs.choices import Choices
from tests.property.programs.code import Code
from tests.property.programs.edges import EDGES
from tests.property.programs.shape import (
    CALLS_LEFT,
    HOST_TYPES,
    Shape,
    globalidx,
    has_vectors,
    shape_of,
)
from tests.property.programs.statements import Statements

# The size of what is decided by random bytes; beyond it everything is zero.
CHOICES = 1000
_FUNCTION_SIZE = 75  # instructions, more or less
CALLS_LEFT_EXPORT = "calls left"

# An argument is a bit pattern of its type; for a reference the number of an object, 0 for null.
Arguments = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an exported function."""

    name: str
    type: FuncType
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Program:
    """A binary and the calls to make, in order, of one instance of it."""

    wasm: bytes
    calls: tuple[Call, ...]


def generate(data: bytes) -> Program:
    """The program that `data` stands for."""
    choices = Choices(data)
    shape = shape_of(choices, 1 + choices.below(4))
    bodies = tuple(_body(choices, shape, functype) for functype in shape.functypes)
    calls = tuple(_calls(choices, shape))
    return Program(encode(_source(choices, shape, bodies)), calls)


def _body(choices: Choices, shape: Shape, functype: FuncType) -> FunctionBody:
    code = Code(choices, shape, functype, _FUNCTION_SIZE)
    Statements(code).function()
    return code.body()


def _calls(choices: Choices, shape: Shape) -> list[Call]:
    calls = []
    for _ in range(2 + choices.below(2)):
        for number, functype in enumerate(shape.functypes):
            if has_vectors(functype):
                continue
            arguments = tuple(
                choices.below(3) if t.is_ref else choices.pick(EDGES[t]) for t in functype.params
            )
            calls.append(Call(f"f{number}", functype, arguments))
    return calls


def _source(choices: Choices, shape: Shape, bodies: tuple[FunctionBody, ...]) -> ModuleSource:
    first = len(HOST_TYPES)
    exports = [
        *(Export(f"f{i}", FUNC, first + i) for i in range(len(shape.seen_functypes) - first)),
        *(Export(f"t{i}", TABLE, i) for i in range(len(shape.tables))),
        *(Export(f"m{i}", MEMORY, i) for i in range(len(shape.memories))),
        *(
            Export(f"g{i}", GLOBAL, globalidx(shape, i))
            for i, each in enumerate(shape.global_types)
            if i != CALLS_LEFT and each.content is not V128
        ),
        Export(CALLS_LEFT_EXPORT, GLOBAL, globalidx(shape, CALLS_LEFT)),
    ]
    start = None
    nothing = FuncType([], [])
    if nothing in shape.functypes and choices.chance(50):
        start = first + shape.functypes.index(nothing)
    return ModuleSource(
        types=tuple(shape.types),
        imports=tuple(shape.imports),
        funcs=tuple(shape.typeidx(functype) for functype in shape.functypes),
        bodies=bodies,
        tables=tuple(shape.tables),
        memories=tuple(shape.memories),
        globals=tuple(shape.globals),
        exports=tuple(exports),
        start=start,
        elements=tuple(shape.elements),
        data_segments=tuple(shape.data),
        has_data_count=True,
    )
