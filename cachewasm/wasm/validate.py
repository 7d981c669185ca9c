"""Validation of a module: everything but the bodies, and the bodies as a second step.

`validate` proves the module-level rules (specification, sections 3.2 and 3.5) and is what makes a
`ValidModule`; function bodies are validated where they are compiled, or all at once by
`validate_bodies`. Messages begin as those of the reference interpreter do, so that the official
scripts can compare them; the item at fault is named after that.
"""

from cachewasm.errors import InvalidModule
from cachewasm.wasm import constexpr
from cachewasm.wasm import features as feature
from cachewasm.wasm.constexpr import ConstExpr
from cachewasm.wasm.function_validator import FunctionValidator
from cachewasm.wasm.limits import MEMORY_PAGES
from cachewasm.wasm.module import (
    DataSegment,
    ElementSegment,
    Module,
    SegmentMode,
    ValidModule,
)
from cachewasm.wasm.types import (
    F32,
    F64,
    FUNC,
    FUNCREF,
    GLOBAL,
    I32,
    I64,
    KIND_NAMES,
    MEMORY,
    TABLE,
    TAG,
    V128,
    Limits,
    ValType,
)

_TABLE_MAX = 0xFFFF_FFFF

_CONST_TYPES = {
    constexpr.I32_CONST: I32,
    constexpr.I64_CONST: I64,
    constexpr.F32_CONST: F32,
    constexpr.F64_CONST: F64,
    constexpr.V128_CONST: V128,
}


def validate(module: Module) -> ValidModule:
    """Prove the module-level rules, or raise `InvalidModule` (`UnsupportedModule` for a feature)."""
    _check_types(module)
    _check_globals(module)
    for index, element in enumerate(module.elements):
        _check_element(module, element, f"element segment {index}")
    for index, segment in enumerate(module.data_segments):
        _check_data(module, segment, index)
    _check_start(module)
    _check_exports(module)
    refs = _declared_refs(module)
    start = () if module.start is None else (module.start,)
    return ValidModule(module, refs, tuple(sorted(refs.union(start))))


def validate_bodies(module: ValidModule) -> None:
    """Validate every function body; raises the leaves of `ModuleError`."""
    first = module.module.imported_funcs
    for funcidx in range(first, first + len(module.module.funcs)):
        validator = FunctionValidator(module, funcidx)
        step = validator.step
        for offset, op, imm in validator.instructions():
            step(offset, op, imm)
        validator.finish(validator.body.end)


def _check_types(module: Module) -> None:
    for funcidx, typeidx in enumerate(module.func_typeidxs):
        if typeidx >= len(module.types):
            raise InvalidModule(f"unknown type {typeidx} of function {funcidx}")
    for tagidx, typeidx in enumerate(module.tag_typeidxs):
        if typeidx >= len(module.types):
            raise InvalidModule(f"unknown type {typeidx} of tag {tagidx}")
        if module.types[typeidx].result_types:
            raise InvalidModule(f"non-empty tag result type of tag {tagidx}")
    for tabletype in module.table_types:
        _check_limits(tabletype.limits, _TABLE_MAX, "table size must be at most 2**32 - 1")
    for memorytype in module.memory_types:
        _check_limits(
            memorytype.limits, MEMORY_PAGES, "memory size must be at most 65536 pages (4GiB)"
        )
    if len(module.table_types) > 1:
        feature.require(module.features, feature.REFERENCE_TYPES, "a second table")
    if len(module.memory_types) > 1:
        feature.require(module.features, feature.MULTI_MEMORY, "a second memory")


def _check_limits(limits: Limits, largest: int, too_large: str) -> None:
    if limits.min > largest or (limits.max is not None and limits.max > largest):
        raise InvalidModule(too_large)
    if limits.max is not None and limits.min > limits.max:
        raise InvalidModule(
            f"size minimum must not be greater than maximum: {limits.min} and {limits.max}"
        )


def _check_globals(module: Module) -> None:
    for globalidx, item in enumerate(module.globals, start=module.imported_globals):
        where = f"global {globalidx}"
        # An initial value may only refer to globals before its own.
        _check_const(module, item.init, item.type.content, where, visible_globals=globalidx)


def _check_element(module: Module, segment: ElementSegment, where: str) -> None:
    if segment.mode is SegmentMode.ACTIVE:
        if segment.table >= len(module.table_types):
            raise InvalidModule(f"unknown table {segment.table} of {where}")
        element = module.table_types[segment.table].element
        if element is not segment.type:
            raise InvalidModule(
                f"type mismatch: expected {element}, found {segment.type} in {where}"
            )
    if segment.offset is not None:
        _check_const(module, segment.offset, I32, where)
    for init in segment.inits:
        if not isinstance(init, int):
            _check_const(module, init, segment.type, where)
        elif init >= len(module.func_typeidxs):
            raise InvalidModule(f"unknown function {init} in {where}")


def _check_data(module: Module, segment: DataSegment, index: int) -> None:
    if segment.mode is SegmentMode.ACTIVE and segment.memory >= len(module.memory_types):
        raise InvalidModule(f"unknown memory {segment.memory} of data segment {index}")
    match segment.offset:
        case None | ((constexpr.I32_CONST, _),):  # by far most
            return
        case offset:
            _check_const(module, offset, I32, f"data segment {index}")


def _check_const(
    module: Module,
    expr: ConstExpr,
    expect: ValType,
    where: str,
    *,
    visible_globals: int | None = None,
) -> None:
    """Check that `expr` leaves one value of type `expect`."""
    if visible_globals is None:
        visible_globals = len(module.global_types)
    vals: list[ValType] = []
    for kind, operand in expr:
        if isinstance(operand, ValType):
            vals.append(operand)
        elif kind in _CONST_TYPES:
            vals.append(_CONST_TYPES[kind])
        elif kind == constexpr.GLOBAL_GET:
            if operand >= visible_globals:
                raise InvalidModule(f"unknown global {operand} in {where}")
            globaltype = module.global_types[operand]
            if globaltype.mutable:
                raise InvalidModule(
                    f"constant expression required: global {operand} in {where} is mutable"
                )
            vals.append(globaltype.content)
        elif kind == constexpr.REF_FUNC:
            if operand >= len(module.func_typeidxs):
                raise InvalidModule(f"unknown function {operand} in {where}")
            vals.append(FUNCREF)
        else:
            valtype = I32 if kind <= constexpr.I32_MUL else I64
            if vals[-2:] != [valtype, valtype]:
                raise InvalidModule(f"type mismatch: expected two {valtype} in {where}")
            vals.pop()
    if vals != [expect]:
        found = " ".join(valtype.name for valtype in vals[-8:]) or "nothing"
        raise InvalidModule(f"type mismatch: expected {expect}, found {found} in {where}")


def _check_start(module: Module) -> None:
    if module.start is None:
        return
    if module.start >= len(module.func_typeidxs):
        raise InvalidModule(f"unknown function {module.start} as start function")
    functype = module.func_type(module.start)
    if functype.param_types or functype.result_types:
        raise InvalidModule(f"start function {module.start} has type {functype}, not [] -> []")


def _check_exports(module: Module) -> None:
    sizes = {
        FUNC: len(module.func_typeidxs),
        TABLE: len(module.table_types),
        MEMORY: len(module.memory_types),
        GLOBAL: len(module.global_types),
        TAG: len(module.tag_typeidxs),
    }
    names = set()
    for export in module.exports:
        if export.index >= sizes[export.kind]:
            kind = "function" if export.kind == FUNC else KIND_NAMES[export.kind]
            raise InvalidModule(f"unknown {kind} {export.index} of export {export.name!r}")
        if export.name in names:
            raise InvalidModule(f"duplicate export name {export.name!r}")
        names.add(export.name)


def _declared_refs(module: Module) -> frozenset[int]:
    """The functions that occur outside the bodies: in exports, elements and initial values."""
    refs = {export.index for export in module.exports if export.kind == FUNC}
    exprs = [item.init for item in module.globals]
    for segment in module.elements:
        for init in segment.inits:
            if isinstance(init, int):
                refs.add(init)
            else:
                exprs.append(init)
    for expr in exprs:
        for kind, operand in expr:
            if kind == constexpr.REF_FUNC and isinstance(operand, int):
                refs.add(operand)
    return frozenset(refs)
