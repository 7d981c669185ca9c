"""Print function bodies: flat instructions, one a line, blocks indented.

A block carries its nesting depth in a comment, and each branch the depth of the block that it
leaves or repeats: `br 1 (;@2;)`. Immediates are printed by their kind, so an instruction needs
nothing here but its row in opcodes.py.
"""

from cachewasm.wasm import opcodes
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.module import ByteRange
from cachewasm.wasm.opcodes import (
    CATCH_ALL_OP,
    CATCH_NAMES,
    CATCH_OP,
    DELEGATE,
    ELSE,
    END,
    IMM_BLOCKTYPE,
    IMM_TRY_TABLE,
    OPS,
    Imm,
    Op,
    TryTable,
)
from cachewasm.wasm.text import spelling
from cachewasm.wasm.text.print_context import PrintContext, listed
from cachewasm.wasm.types import ValType

# Deeper blocks are not indented further: nesting must not multiply the size of the text.
_MAX_INDENT = 32
_INDENTS = tuple("\n" + "  " * depth for depth in range(_MAX_INDENT + 1))
_FUNCTION_INDENT = 2  # inside a field of the module

# The two forms of `select` have one mnemonic.
_MNEMONICS = tuple(op.name.partition(" ")[0] for op in OPS)


def print_body(context: PrintContext, body: ByteRange, out: list[str]) -> None:
    """Append the locals and instructions of a body, a line end before each line.

    Raises as the functions of body.py do.
    """
    module = context.module
    groups, start = read_locals(module.data, body.start, body.end, module.features)
    depth = 0  # of the enclosing blocks
    indent = _indent(depth)
    names = " ".join(" ".join([valtype.name] * count) for count, valtype in groups if count)
    if names:
        out.append(f"{indent}(local {names})")
    for _, op, imm in instructions(module.data, start, body.end, module.features):
        if op.imm == IMM_BLOCKTYPE or op.imm == IMM_TRY_TABLE:
            depth += 1
            block = f"{_MNEMONICS[op.index]} (;@{depth};)"
            out.append(f"{indent}{block}{_immediate(context, op, imm, depth)}")
            indent = _indent(depth)
        elif op is DELEGATE:
            depth -= 1
            indent = _indent(depth)
            out.append(f"{indent}{op.name}{_immediate(context, op, imm, depth)}")
        elif op is CATCH_OP or op is CATCH_ALL_OP:
            out.append(f"{_indent(depth - 1)}{op.name}{_immediate(context, op, imm, depth)}")
        elif imm is not None:
            out.append(f"{indent}{_MNEMONICS[op.index]}{_immediate(context, op, imm, depth)}")
        elif op is ELSE:
            out.append(_indent(depth - 1) + op.name)
        elif op is not END:
            out.append(indent + op.name)
        elif depth:
            depth -= 1
            indent = _indent(depth)
            out.append(indent + op.name)
        # Else it ends the function, for which the closing parenthesis stands.


def print_instruction(context: PrintContext, op: Op, imm: Imm) -> str:
    """One instruction of a constant expression."""
    return _MNEMONICS[op.index] + _immediate(context, op, imm, 0)


def _indent(depth: int) -> str:
    return _INDENTS[min(max(depth, 0) + _FUNCTION_INDENT, _MAX_INDENT)]


def _immediate(context: PrintContext, op: Op, imm: Imm, depth: int) -> str:
    """An immediate with a space before it; empty where it is left to the defaults."""
    kind = op.imm
    match imm:
        case int():
            return _integer(context, kind, imm, depth)
        case None:
            return ""
        case ValType():
            if kind == IMM_BLOCKTYPE:
                return _blocktype(context, imm)
            return f" {heap_type(imm)}"
        case TryTable():
            catches = "".join(
                f" ({CATCH_NAMES[each.kind]}{f' {each.tag}' if each.has_tag else ''}"
                f"{_label(each.label, depth - 1)})"
                for each in imm.catches
            )
            return _blocktype(context, imm.blocktype) + catches
        case bytes():
            return "".join(f" {lane}" for lane in imm)
        case (int(memidx), int(align_log2), int(offset)):
            return _memarg(op, memidx, align_log2, offset)
        case (int(memidx), int(align_log2), int(offset), int(lane)):
            return f"{_memarg(op, memidx, align_log2, offset)} {lane}"
        case (int(first), int(second)):
            return _pair(context, kind, first, second)
        case (tuple(labels), int(default)):
            return "".join(_label(label, depth) for label in (*labels, default))
        case _:
            types = [item for item in imm if isinstance(item, ValType)]
            return listed("result", types) or " (result)"


def _memarg(op: Op, memidx: int, align_log2: int, offset: int) -> str:
    memory = f" {memidx}" if memidx else ""
    place = f" offset={offset}" if offset else ""
    natural = op.access is not None and op.access.align_log2 == align_log2
    return memory + place + ("" if natural else f" align={1 << align_log2}")


def _integer(context: PrintContext, kind: int, value: int, depth: int) -> str:
    if kind in (opcodes.IMM_LABEL, opcodes.IMM_DELEGATE):
        return _label(value, depth)
    if kind == opcodes.IMM_FUNC:
        return f" {context.func(value)}"
    if kind == opcodes.IMM_MEMORY:
        return f" {value}" if value else ""
    if kind == opcodes.IMM_BLOCKTYPE:
        return _blocktype(context, value)
    if kind == opcodes.IMM_F32:
        return f" {spelling.f32(value)}"
    if kind == opcodes.IMM_F64:
        return f" {spelling.f64(value)}"
    if kind == opcodes.IMM_V128:
        return f" {spelling.v128(value)}"
    return f" {value}"


def _blocktype(context: PrintContext, blocktype: ValType | int | None) -> str:
    if isinstance(blocktype, int):
        return context.type_use(blocktype)
    return "" if blocktype is None else listed("result", (blocktype,))


def _pair(context: PrintContext, kind: int, first: int, second: int) -> str:
    if kind == opcodes.IMM_CALL_INDIRECT:
        return (f" {second}" if second else "") + context.type_use(first)
    if kind == opcodes.IMM_MEMORY_MEMORY and not first and not second:
        return ""
    if kind == opcodes.IMM_DATA_MEMORY and not second:
        return f" {first}"
    if kind in (opcodes.IMM_DATA_MEMORY, opcodes.IMM_ELEM_TABLE):
        return f" {second} {first}"  # the binary format has the segment first
    return f" {first} {second}"


def _label(label: int, depth: int) -> str:
    # Depth 0 is the function itself. A label beyond that is not valid.
    return f" {label} (;@{depth - label};)" if label <= depth else f" {label}"


def heap_type(reftype: ValType) -> str:
    """What a reference type refers to: `func` of `funcref`."""
    return reftype.name.removesuffix("ref")
