"""Whether the parts of an artifact fit together: asked of what comes from a caller.

Code and instances use the numbers of the module info as they are. An entry of the cache was checked
in every byte, and its writer is ours; an artifact from elsewhere has only its own digest, which
anybody can compute. So the numbers are looked at before anything is mapped. This finds a lie about places and
indices, never one in the code itself.
"""

from operator import add

from cachewasm.artifact.info import ACTIVE, DATA_COPY_WORDS
from cachewasm.errors import IncompatibleArtifact
from cachewasm.wasm import constexpr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.artifact.info import ModuleInfo
    from cachewasm.artifact.reader import Artifact
    from cachewasm.wasm.constexpr import ConstExpr


def check(artifact: "Artifact", info: "ModuleInfo") -> None:
    """Raises IncompatibleArtifact unless what `info` points at is there."""
    _check_code(info, artifact.text_range[1])
    _check_indices(info)
    _check_data(info, artifact.data_range[1])


def _check_code(info: "ModuleInfo", text_size: int) -> None:
    starts, sizes = info.code_ranges[::2], info.code_ranges[1::2]
    ends = list(map(add, starts, sizes))
    _below(ends, text_size + 1, "a function ends behind the code")
    if any(map(int.__gt__, ends, starts[1:])):
        raise _misfit("functions overlap")
    _below(info.trampolines, text_size, "a trampoline is not in the code")


def _check_indices(info: "ModuleInfo") -> None:
    _below(info.func_typeidx, len(info.types), "a function has no type")
    _below(info.tag_typeidx, len(info.types), "a tag has no type")
    _below(info.escapes, len(info.func_typeidx), "a reference has no function")
    escapes = list(info.escapes)
    if escapes != sorted(set(escapes)):
        raise _misfit("the functions that may be referenced are not in order")
    if len(info.exports) != len({name for name, _, _ in info.exports}):
        raise _misfit("two exports have one name")
    expressions = list(info.global_inits)
    for segment in info.elements:
        if segment.mode == ACTIVE:
            _below([segment.table], len(info.tables), "an element segment has no table")
        if segment.rows is not None:
            rows = memoryview(segment.rows).cast("I")
            _below(rows, len(escapes), "an element has no function")
        expressions += segment.inits
        expressions += [] if segment.offset is None else [segment.offset]
    expressions += [data.offset for data in info.data_segments if data.offset is not None]
    _check_expressions(expressions, len(info.globals), frozenset(escapes))


def _check_expressions(
    expressions: "Iterable[ConstExpr]", global_count: int, escapes: frozenset[int]
) -> None:
    for kind, operand in (operator for each in expressions for operator in each):
        if kind == constexpr.GLOBAL_GET and operand not in range(global_count):
            raise _misfit("an expression has no global")
        if kind == constexpr.REF_FUNC and operand not in escapes:
            raise _misfit("an expression has no function")


def _check_data(info: "ModuleInfo", data_size: int) -> None:
    for data in info.data_segments:
        if data.mode == ACTIVE:
            _below([data.memory], len(info.memories), "a data segment has no memory")
        _below([data.start + data.size], data_size + 1, "a data segment is not in the file")
    memories, _, sources, sizes = (
        info.data_copies[word::DATA_COPY_WORDS] for word in range(DATA_COPY_WORDS)
    )
    _below(memories, len(info.memories), "a data segment has no memory")
    ends = list(map(add, sources, sizes))
    _below(ends, data_size + 1, "a data segment is not in the file")


def _below(numbers: "Iterable[int]", bound: int, otherwise: str) -> None:
    if max(numbers, default=-1) >= bound:
        raise _misfit(otherwise)


def _misfit(what: str) -> IncompatibleArtifact:
    return IncompatibleArtifact(f"module info does not fit the artifact: {what}")
