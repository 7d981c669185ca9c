"""Print a module in the text format: the inverse of the parser.

The text parses back to the same binary, byte for byte where the binary is encoded as our encoder
does it (encode.py), and to an equal module otherwise. Everything is in the order of the binary, with
its index in a comment; nothing recurses, and the text is proportional to the binary.
"""

from cachewasm.wasm.constexpr import ConstExpr
from cachewasm.wasm.decode import decode
from cachewasm.wasm.module import DataSegment, ElementSegment, Module, SegmentMode, Tag
from cachewasm.wasm.sections import CONST_OPS
from cachewasm.wasm.text import spelling
from cachewasm.wasm.text.print_body import print_body, print_instruction
from cachewasm.wasm.text.print_context import PrintContext, signature
from cachewasm.wasm.text.print_customs import print_customs
from cachewasm.wasm.types import (
    FUNC,
    KIND_NAMES,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)

# Longer data continue on further lines.
_DATA_LINE = 64


def wasm2wat(binary: bytes, features: int) -> str:
    """The text of a module in binary format, decoded under `features`; it ends with a line end.

    The module need not be valid, but only the text of a valid one is sure to be. Raises as `decode`
    and the functions of body.py do.
    """
    context = PrintContext(decode(binary, features))
    module = context.module
    out = [f"(module{_module_name(module.names.module)}"]
    _types(module, out)
    _imports(context, out)
    _funcs(context, out)
    _tables_memories_globals(context, out)
    _exports_start(context, out)
    for index, element in enumerate(module.elements):
        out.append(f"\n  (elem (;{index};){_element(context, element)})")
    for index, data in enumerate(module.data_segments):
        out.append(f"\n  (data (;{index};){_data(context, data)})")
    out += print_customs(module)
    out.append(")\n" if len(out) == 1 else "\n)\n")
    return "".join(out)


def _module_name(name: str | None) -> str:
    if name is None:
        return ""
    return f" {spelling.identifier(name)}" if name else ' (@name "")'


def _types(module: Module, out: list[str]) -> None:
    for index, functype in enumerate(module.types):
        out.append(f"\n  (type (;{index};) (func{signature(functype)}))")


def _imports(context: PrintContext, out: list[str]) -> None:
    counts = [0] * len(KIND_NAMES)
    for item in context.module.imports:
        index = counts[item.kind]
        counts[item.kind] += 1
        place = f"{spelling.string(item.module)} {spelling.string(item.name)}"
        name = context.name_of(index) if item.kind == FUNC else f" (;{index};)"
        if isinstance(item.type, int):
            type = context.type_use(item.type)
        elif isinstance(item.type, Tag):
            type = context.type_use(item.type.typeidx)
        else:
            type = f" {_extern_type(item.type)}"
        out.append(f"\n  (import {place} ({KIND_NAMES[item.kind]}{name}{type}))")


def _extern_type(type: TableType | MemoryType | GlobalType) -> str:
    match type:
        case TableType():
            return f"{_limits(type.limits)} {type.element}"
        case MemoryType():
            return _limits(type.limits)
        case GlobalType():
            return f"(mut {type.content})" if type.mutable else type.content.name


def _limits(limits: Limits) -> str:
    return str(limits.min) if limits.max is None else f"{limits.min} {limits.max}"


def _funcs(context: PrintContext, out: list[str]) -> None:
    module = context.module
    for i, (typeidx, body) in enumerate(zip(module.funcs, module.code, strict=True)):
        name = context.name_of(module.imported_funcs + i)
        out.append(f"\n  (func{name}{context.type_use(typeidx)}")
        print_body(context, body, out)
        out.append("\n  )")


def _tables_memories_globals(context: PrintContext, out: list[str]) -> None:
    module = context.module
    for i, table in enumerate(module.tables, module.imported_tables):
        out.append(f"\n  (table (;{i};) {_extern_type(table)})")
    for i, memory in enumerate(module.memories, module.imported_memories):
        out.append(f"\n  (memory (;{i};) {_extern_type(memory)})")
    for i, tag in enumerate(module.tags, module.imported_tags):
        out.append(f"\n  (tag (;{i};){context.type_use(tag.typeidx)})")
    for i, global_ in enumerate(module.globals, module.imported_globals):
        init = _expr(context, global_.init)
        out.append(f"\n  (global (;{i};) {_extern_type(global_.type)}{init})")


def _exports_start(context: PrintContext, out: list[str]) -> None:
    module = context.module
    for export in module.exports:
        index = context.func(export.index) if export.kind == FUNC else str(export.index)
        name = spelling.string(export.name)
        out.append(f"\n  (export {name} ({KIND_NAMES[export.kind]} {index}))")
    if module.start is not None:
        out.append(f"\n  (start {context.func(module.start)})")


def _element(context: PrintContext, segment: ElementSegment) -> str:
    """What stands behind the index of an element segment."""
    head = " declare" if segment.mode is SegmentMode.DECLARATIVE else ""
    if segment.table:
        head += f" (table {segment.table})"
    if segment.offset is not None:
        head += _offset(context, segment.offset)
    # The compact form has indices alone.
    inits = segment.inits
    if inits and not isinstance(inits[0], int):
        items = [_item(context, init) for init in inits]
        return f"{head} {segment.type}{''.join(items)}"
    funcs = "".join(f" {context.func(init)}" for init in inits if isinstance(init, int))
    kind = "func" if inits or segment.type.name == "funcref" else segment.type.name
    return f"{head} {kind}{funcs}"


def _item(context: PrintContext, init: int | ConstExpr) -> str:
    if isinstance(init, int):
        return f" (ref.func {context.func(init)})"
    return _folded(context, init, "item")


def _data(context: PrintContext, segment: DataSegment) -> str:
    """What stands behind the index of a data segment."""
    head = f" (memory {segment.memory})" if segment.memory else ""
    if segment.offset is not None:
        head += _offset(context, segment.offset)
    data = context.module.data
    end = segment.start + segment.size
    if segment.size <= _DATA_LINE:
        return f"{head} {spelling.byte_string(data[segment.start : end])}"
    lines = [
        "\n    " + spelling.byte_string(data[start : min(start + _DATA_LINE, end)])
        for start in range(segment.start, end, _DATA_LINE)
    ]
    return head + "".join(lines)


def _offset(context: PrintContext, expr: ConstExpr) -> str:
    return _folded(context, expr, "offset")


def _folded(context: PrintContext, expr: ConstExpr, keyword: str) -> str:
    """An expression in parentheses: a single instruction needs no keyword."""
    inner = _expr(context, expr)
    return inner if len(expr) == 1 else f" ({keyword}{inner})"


def _expr(context: PrintContext, expr: ConstExpr) -> str:
    """The instructions of a constant expression; a single one is folded."""
    ops = []
    for kind, operand in expr:
        op = CONST_OPS[kind]
        ops.append(print_instruction(context, op, operand if op.imm else None))
    return f" ({ops[0]})" if len(ops) == 1 else "".join(f" {op}" for op in ops)
