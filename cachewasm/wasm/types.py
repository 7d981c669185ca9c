"""The types of WebAssembly: values, functions, tables, memories, globals, imports and exports.

These are also the public classes of the drop-in API (`ValType`, `FuncType`, ...), so there is one
set of types from decoder to application. Value types are interned: compare them with `is`. What an
embedder makes is checked at once; what is read is made by `_of`, and validation checks it.

On the warm path: no dataclasses, no enum, no typing. Source: specification, section 2.3.
"""

from cachewasm.errors import WasmtimeError
from cachewasm.managed import Managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    ExternType: TypeAlias = "FuncType | TableType | MemoryType | GlobalType | TagType"

# The kinds of imports and exports, with their codes of the binary format.
FUNC, TABLE, MEMORY, GLOBAL, TAG = range(5)
KIND_NAMES = ("func", "table", "memory", "global", "tag")

PAGE_SIZE_LOG2 = 16


class ValType(Managed):
    """A value type; one object per type."""

    __slots__ = ("code", "name")

    name: str
    code: int

    def __init__(self) -> None:
        raise WasmtimeError("cannot construct directly")

    @classmethod
    def _make(cls, name: str, code: int) -> "ValType":
        self = cls.__new__(cls)
        self.name = name
        self.code = code
        return self

    @property
    def is_ref(self) -> bool:
        """Whether this is a reference type."""
        return self is FUNCREF or self is EXTERNREF or self is EXNREF

    @staticmethod
    def i32() -> "ValType":
        return I32

    @staticmethod
    def i64() -> "ValType":
        return I64

    @staticmethod
    def f32() -> "ValType":
        return F32

    @staticmethod
    def f64() -> "ValType":
        return F64

    @staticmethod
    def v128() -> "ValType":
        return V128

    @staticmethod
    def externref() -> "ValType":
        return EXTERNREF

    @staticmethod
    def funcref() -> "ValType":
        return FUNCREF

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> "tuple[Callable[[int], ValType], tuple[int]]":
        # A copy, too, must be the one object of its type.
        return valtype_of_code, (self.code,)


def valtype_of_code(code: int) -> ValType:
    """The value type of a code of the binary format. Raises KeyError."""
    return VALTYPE_BY_CODE[code]


I32 = ValType._make("i32", 0x7F)
I64 = ValType._make("i64", 0x7E)
F32 = ValType._make("f32", 0x7D)
F64 = ValType._make("f64", 0x7C)
V128 = ValType._make("v128", 0x7B)
FUNCREF = ValType._make("funcref", 0x70)
EXTERNREF = ValType._make("externref", 0x6F)
# Values of this type stay inside wasm code: no embedder can hold an exception.
EXNREF = ValType._make("exnref", 0x69)

VALTYPES = (I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, EXNREF)
VALTYPE_BY_CODE = {t.code: t for t in VALTYPES}


def _valtypes(types: "Iterable[ValType]") -> tuple[ValType, ...]:
    checked = tuple(types)
    for t in checked:
        if not isinstance(t, ValType):
            raise TypeError("expected ValType")
    return checked


class FuncType(Managed):
    """A function type. `param_types` and `result_types` are tuples; hashable, compared by structure."""

    __slots__ = ("param_types", "result_types")

    def __init__(self, params: "Iterable[ValType]", results: "Iterable[ValType]") -> None:
        self.param_types = _valtypes(params)
        self.result_types = _valtypes(results)

    @property
    def params(self) -> list[ValType]:
        """The parameter types."""
        return list(self.param_types)

    @property
    def results(self) -> list[ValType]:
        """The result types."""
        return list(self.result_types)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FuncType)
            and self.param_types == other.param_types
            and self.result_types == other.result_types
        )

    def __hash__(self) -> int:
        return hash((self.param_types, self.result_types))

    def __repr__(self) -> str:
        params = " ".join(t.name for t in self.param_types)
        results = " ".join(t.name for t in self.result_types)
        return f"[{params}] -> [{results}]"


def expect_int(name: str, value: object) -> None:
    """Raise TypeError for what an embedder gives where a whole number is needed."""
    if not isinstance(value, int):
        raise TypeError(f"expected an int for {name}")


class Limits:
    """A minimum and an optional maximum: of pages for a memory, of elements for a table."""

    __slots__ = ("max", "min")

    def __init__(self, min: int, max: int | None = None) -> None:
        self.min = min
        self.max = max

    def _check(self) -> None:
        """Raise TypeError unless both are whole numbers, but for a maximum that is None."""
        expect_int("min", self.min)
        if self.max is not None:
            expect_int("max", self.max)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and self.min == other.min and self.max == other.max

    def __hash__(self) -> int:
        return hash((self.min, self.max))

    def __repr__(self) -> str:
        return f"{self.min}.." if self.max is None else f"{self.min}..{self.max}"


class TableType(Managed):
    """A table of references."""

    __slots__ = ("element", "limits")

    def __init__(self, valtype: ValType, limits: Limits) -> None:
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        self.element = valtype
        self.limits = limits
        self._check()

    @classmethod
    def _of(cls, element: ValType, limits: Limits) -> "TableType":
        self = cls.__new__(cls)
        self.element = element
        self.limits = limits
        return self

    def _check(self) -> None:
        """Raise WasmtimeError unless there are tables of such elements; TypeError as limits do."""
        if not self.element.is_ref:
            raise WasmtimeError("failed to allocate TableType")
        self.limits._check()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TableType)
            and self.element is other.element
            and self.limits == other.limits
        )

    def __hash__(self) -> int:
        return hash((self.element, self.limits))

    def __repr__(self) -> str:
        return f"table {self.limits} {self.element}"


class MemoryType(Managed):
    """A linear memory; limits count pages of `page_size` bytes."""

    __slots__ = ("is_64", "is_shared", "limits", "page_size_log2")

    def __init__(
        self,
        limits: Limits,
        is_64: bool = False,
        shared: bool = False,
        page_size_log2: int = PAGE_SIZE_LOG2,
    ) -> None:
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        self.limits = limits
        self.is_64 = is_64
        self.is_shared = shared
        self.page_size_log2 = page_size_log2
        self._check()

    @classmethod
    def _of(
        cls,
        limits: Limits,
        is_64: bool = False,
        shared: bool = False,
        page_size_log2: int = PAGE_SIZE_LOG2,
    ) -> "MemoryType":
        self = cls.__new__(cls)
        self.limits = limits
        self.is_64 = is_64
        self.is_shared = shared
        self.page_size_log2 = page_size_log2
        return self

    def _check(self) -> None:
        """Raise WasmtimeError unless there may be such a memory, TypeError for no whole numbers."""
        self.limits._check()
        least, most, page = self.limits.min, self.limits.max, self.page_size_log2
        expect_int("page_size_log2", page)
        address_bits = 64 if self.is_64 else 32
        end = 1 << address_bits
        if least < 0:
            raise WasmtimeError("size minimum must not be negative")
        if least >= end:
            raise WasmtimeError("minimum size too large")
        if most is not None and most >= end:
            raise WasmtimeError("maximum size too large")
        if page not in (0, PAGE_SIZE_LOG2):
            raise WasmtimeError(
                f"page size must be 2**16 or 2**0, but was given 2**{page}; note that future Wasm "
                "extensions might allow any power of two page size, but only 2**16 and 2**0 are "
                "currently valid"
            )
        if most is not None and most < least:
            raise WasmtimeError("maximum page size cannot be smaller than the minimum page size")
        if self.is_shared and most is None:
            raise WasmtimeError("shared memories must have a maximum size")
        if self.is_64:
            if least << page >= end:
                raise WasmtimeError("memory's minimum byte size must fit in a u64")
            return
        for name, pages in (("minimum", least), ("maximum", most or 0)):
            if pages << page > end:
                raise WasmtimeError(f"{name} size is too large for this memory type's index type")

    @property
    def page_size(self) -> int:
        """Bytes in a page."""
        return 1 << self.page_size_log2

    def _key(self) -> tuple[Limits, bool, bool, int]:
        return (self.limits, self.is_64, self.is_shared, self.page_size_log2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryType) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"memory {self.limits}"


class GlobalType(Managed):
    """The type of a global variable."""

    __slots__ = ("content", "mutable")

    def __init__(self, valtype: ValType, mutable: bool) -> None:
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        self.content = valtype
        self.mutable = mutable

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GlobalType)
            and self.content is other.content
            and self.mutable == other.mutable
        )

    def __hash__(self) -> int:
        return hash((self.content, self.mutable))

    def __repr__(self) -> str:
        return f"global (mut {self.content})" if self.mutable else f"global {self.content}"


class TagType(Managed):
    """The type of a tag: a function type whose parameters are what an exception carries."""

    __slots__ = ("functype",)

    def __init__(self, functype: FuncType) -> None:
        if not isinstance(functype, FuncType):
            raise TypeError("expected a FuncType")
        self.functype = functype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TagType) and self.functype == other.functype

    def __hash__(self) -> int:
        return hash((TagType, self.functype))

    def __repr__(self) -> str:
        return f"tag {self.functype}"


class ImportType(Managed):
    """What a module imports: `module` and `name`, and the type it demands."""

    __slots__ = ("module", "name", "type")

    def __init__(self, module: str, name: str, type: "ExternType") -> None:
        self.module = module
        self.name = name
        self.type = type

    def __repr__(self) -> str:
        return f"import {self.module!r} {self.name!r}: {self.type!r}"


class ExportType(Managed):
    """What a module exports: `name` and type."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type: "ExternType") -> None:
        self.name = name
        self.type = type

    def __repr__(self) -> str:
        return f"export {self.name!r}: {self.type!r}"
