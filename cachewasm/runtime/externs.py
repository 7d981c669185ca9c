"""Imports against what is given for them: kinds, types and stores (specification, section 4.5.4).

On the warm path.
"""

from cachewasm.abi.vmctx import MEMORY
from cachewasm.errors import LinkError, WasmtimeError
from cachewasm.loader import native
from cachewasm.runtime.func import store_address, type_of
from cachewasm.runtime.global_ import Global
from cachewasm.runtime.memory import Memory
from cachewasm.runtime.store import Store
from cachewasm.runtime.table import Table
from cachewasm.wasm.types import (
    FUNC,
    GLOBAL,
    KIND_NAMES,
    TAG,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    TagType,
)
from cachewasm.wasm.types import MEMORY as MEMORY_KIND
from cachewasm.wasm.types import TABLE as TABLE_KIND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cachewasm.runtime.func import Func
    from cachewasm.runtime.tag import Tag
    from cachewasm.wasm.types import ExternType

    Extern = Func | Memory | Table | Global | Tag


def kind_of(store: Store, item: "Any") -> int:
    """The kind of an extern of `store`. Raises TypeError, or WasmtimeError for another store's."""
    # Not isinstance: a mock answers for its class, and its bytes are read natively.
    if type(item) is store._func_type:
        kind, owner = FUNC, store_address(item)
    elif isinstance(item, Memory):
        kind, owner = MEMORY_KIND, id(item._store)
    elif isinstance(item, Table):
        kind, owner = TABLE_KIND, id(item._store)
    elif isinstance(item, Global):
        kind, owner = GLOBAL, id(item._store)
    elif _is_tag(item):
        kind, owner = TAG, id(item._store)
    else:
        raise TypeError(f"expected a Func, Global, Memory, Table or Tag, not {item!r}")
    if owner != id(store):
        raise WasmtimeError("object used with the wrong store")
    return kind


def _is_tag(item: object) -> bool:
    # Imported by the few who have tags.
    from cachewasm.runtime.tag import Tag

    return isinstance(item, Tag)


def check_import(store: Store, module: str, name: str, want: "ExternType", item: "Any") -> None:
    """Raises LinkError unless `item` may stand for an import of type `want`."""
    kind = kind_of(store, item)
    wanted = _kind_of_type(want)
    if kind != wanted:
        raise LinkError(
            f"incompatible import type for `{module}::{name}`: "
            f"expected {KIND_NAMES[wanted]}, but found {KIND_NAMES[kind]}"
        )
    problem = _mismatch(want, item)
    if problem:
        raise LinkError(f"incompatible import type for `{module}::{name}`: {problem}")


def _kind_of_type(type: "ExternType") -> int:
    if isinstance(type, FuncType):
        return FUNC
    if isinstance(type, MemoryType):
        return MEMORY_KIND
    if isinstance(type, TagType):
        return TAG
    return TABLE_KIND if isinstance(type, TableType) else GLOBAL


def _mismatch(want: "ExternType", item: "Any") -> str | None:
    if isinstance(want, FuncType):
        return type_mismatch(want, type_of(item))
    if isinstance(want, GlobalType):
        if item._type.content is not want.content:
            return (
                f"global types incompatible: expected global of type `{want.content}`, "
                f"found global of type `{item._type.content}`"
            )
        if item._type.mutable != want.mutable:
            names = ("immutable", "mutable")
            return (
                f"global types incompatible: expected {names[want.mutable]} global, "
                f"found {names[item._type.mutable]} global"
            )
    elif isinstance(want, TagType):
        if item._type != want:
            return "incompatible tag types"
    elif isinstance(want, TableType):
        if item._type.element is not want.element:
            return (
                f"table types incompatible: expected table of type `{want.element}`, "
                f"found table of type `{item._type.element}`"
            )
        size = item._definition.size
        return _limits_mismatch("table", want.limits, Limits(size, item._type.limits.max))
    else:
        size = native.read_u64(item._definition + MEMORY.length) >> want.page_size_log2
        return _limits_mismatch("memory", want.limits, Limits(size, item._type.limits.max))
    return None


def type_mismatch(want: "ExternType", found: FuncType) -> str | None:
    """What is wrong with a function of type `found` as an import of type `want`."""
    if not isinstance(want, FuncType):
        return f"expected {KIND_NAMES[_kind_of_type(want)]}, but found {KIND_NAMES[FUNC]}"
    if found == want:
        return None
    return f"types incompatible: expected type `{_text(want)}`, found type `{_text(found)}`"


def _text(type: FuncType) -> str:
    """A function type as the text format has it."""
    params = " ".join(["param", *(t.name for t in type.param_types)])
    results = " ".join(["result", *(t.name for t in type.result_types)])
    parts = ["func"]
    if type.param_types:
        parts.append(f"({params})")
    if type.result_types:
        parts.append(f"({results})")
    return f"({' '.join(parts)})"


def _limits_mismatch(what: str, want: Limits, found: Limits) -> str | None:
    fits = found.min >= want.min and (
        want.max is None or (found.max is not None and found.max <= want.max)
    )
    if fits:
        return None
    return (
        f"{what} types incompatible: expected {what} limits {_describe(want)} doesn't match "
        f"provided {what} limits {_describe(found)}"
    )


def _describe(limits: Limits) -> str:
    most = "none" if limits.max is None else str(limits.max)
    return f"(min: {limits.min}, max: {most})"
