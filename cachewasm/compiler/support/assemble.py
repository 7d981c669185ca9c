"""The text of the support image: its parts joined, their macros expanded.

The parts are LLVM IR with macros, so that no offset and no number is written down twice:

    %x = field T, %base, LAYOUT.name        load a field of a structure of abi/
    setfield T %value, %base, LAYOUT.name   store one
    %x = process T, name                    load a field of the process block
    setprocess T %value, name               store one
    check x, %start, %length                %x_ok = start + n <= length, without overflow; n is %n
    {NAME}, {LAYOUT.name}                   a number

Fields are volatile: an activation's must be in memory and not in a register when a trap jumps.
"""

import re

from cachewasm.abi import process, traps, vmctx
from cachewasm.abi.layout import Layout
from cachewasm.compiler.support import func, host, instance, invoke, memory, table
from cachewasm.compiler.support import traps as trap_parts
from cachewasm.compiler.support.arch import arch_of

_LAYOUTS: dict[str, Layout] = {
    "CONTEXT": vmctx.CONTEXT,
    "HOST": vmctx.HOST,
    "STORE": vmctx.STORE,
    "RESERVATION": vmctx.RESERVATION,
    "MEMORY": vmctx.MEMORY,
    "TABLE": vmctx.TABLE,
    "SPAN": vmctx.SPAN,
    "IMPORTED_FUNC": vmctx.IMPORTED_FUNC,
    "FUNCREF": vmctx.FUNCREF,
    "SIGNATURE": vmctx.SIGNATURE,
    "DESCRIPTOR": vmctx.DESCRIPTOR,
    "FUNC_OBJECT": vmctx.FUNC_OBJECT,
    "THREAD": vmctx.THREAD,
    "ACTIVATION": vmctx.ACTIVATION,
    "PROCESS": process.PROCESS,
}
_PARTS = (func, invoke, host, trap_parts, memory, table, instance)

# Linux and glibc, 64 bit: the same on every supported architecture.
_NUMBERS = {
    "SI_CODE": 8,  # offsets in siginfo_t
    "SI_ADDR": 16,
    "SA_SIGINFO": 4,
    "SS_DISABLE": 2,
    "PROT_READ_WRITE": 3,
    "MREMAP_MAYMOVE": 1,
    "SIGACTION_FLAGS": process.SIGACTION_FLAGS,
    "IMAGES_HEADER": process.IMAGES_HEADER,
    "IMAGES_ROW": process.IMAGES_ROW,
    "BACKTRACE_FRAMES": vmctx.BACKTRACE_FRAMES,
    "FUNC_BOUNDED": vmctx.FUNC_BOUNDED,
    "HOST_EXCEPTION": traps.HOST_EXCEPTION,
    "STACK_OVERFLOW": traps.STACK_OVERFLOW,
    "MEMORY_OUT_OF_BOUNDS": traps.MEMORY_OUT_OF_BOUNDS,
    "TABLE_OUT_OF_BOUNDS": traps.TABLE_OUT_OF_BOUNDS,
    "KIND_I32": vmctx.KIND_I32,
    "KIND_I64": vmctx.KIND_I64,
    "KIND_F32": vmctx.KIND_F32,
    "KIND_F64": vmctx.KIND_F64,
    **{f"{name}_SIZE": layout.size for name, layout in _LAYOUTS.items()},
}

_NUMBER = re.compile(r"\{([A-Z_0-9]+)\}")
_OFFSET = re.compile(r"\{([A-Z_]+)\.(\w+)\}")
_FIELD = re.compile(r"^ *(%[\w.]+) = field (\w+), (%[\w.]+), (\w+)\.(\w+)$")
_SETFIELD = re.compile(r"^ *setfield (\w+) (\S+), (%[\w.]+), (\w+)\.(\w+)$")
_PROCESS = re.compile(r"^ *(%[\w.]+) = process (\w+), (\w+)$")
_SETPROCESS = re.compile(r"^ *setprocess (\w+) (\S+), (\w+)$")
_CHECK = re.compile(r"^ *check (\w+), (%\w+), (%\w+)$")


def support_ir(triple: str, cpu: str, features: str) -> str:
    """The support image for a target, as textual LLVM IR.

    `features` is LLVM's list ("+sse4.2,+avx"). Raises InternalError for an unknown architecture.
    """
    arch = arch_of(triple)
    numbers = {
        **_NUMBERS,
        "UC_PC": arch.uc_pc,
        "UC_FP": arch.uc_fp,
        "CONTROL_MASK": arch.control_mask,
        "CONTROL_NORMAL": arch.control_normal,
    }
    text = "".join(part.TEXT for part in _PARTS) + arch.float_mode
    text = _NUMBER.sub(lambda match: str(numbers[match[1]]), text)
    text = _OFFSET.sub(lambda match: str(_LAYOUTS[match[1]].offsets[match[2]]), text)
    body = "\n".join(_expand(line, f"%at.{i}") for i, line in enumerate(text.splitlines()))
    target = f'"target-cpu"="{cpu}" "target-features"="{features}"'
    # Its loops must not become calls of functions that the image does not have.
    common = f'nounwind "no-builtins" "frame-pointer"="all" "probe-stack"="inline-asm" {target}'
    return f"""target triple = "{triple}"

@process = hidden global [{process.PROCESS.size} x i8] zeroinitializer, align 64
{body}

declare ptr @llvm.frameaddress.p0(i32)
declare i64 @llvm.usub.sat.i64(i64, i64)
declare i64 @llvm.umax.i64(i64, i64)

attributes #0 = {{ {common} }}
attributes #1 = {{ noinline {common} }}
attributes #2 = {{ returns_twice }}
attributes #3 = {{ noinline noreturn {common} }}

!0 = !{{!"branch_weights", i32 1000000, i32 1}}
"""


def _expand(line: str, place: str) -> str:
    """The IR for a line; `place` is a name for an address that no other line uses."""
    if match := _FIELD.match(line):
        result, ty, base, layout, field = match.groups()
        offset = _LAYOUTS[layout].offsets[field]
        return f"{_at(place, base, offset)}\n  {result} = load volatile {ty}, ptr {place}"
    if match := _SETFIELD.match(line):
        ty, value, base, layout, field = match.groups()
        offset = _LAYOUTS[layout].offsets[field]
        return f"{_at(place, base, offset)}\n  store volatile {ty} {value}, ptr {place}"
    if match := _PROCESS.match(line):
        result, ty, field = match.groups()
        offset = process.PROCESS.offsets[field]
        return f"{_at(place, '@process', offset)}\n  {result} = load {ty}, ptr {place}"
    if match := _SETPROCESS.match(line):
        ty, value, field = match.groups()
        offset = process.PROCESS.offsets[field]
        return f"{_at(place, '@process', offset)}\n  store volatile {ty} {value}, ptr {place}"
    if match := _CHECK.match(line):
        name, start, length = match.groups()
        return (
            f"  %{name}_room = sub i64 {length}, %n\n"
            f"  %{name}_fits = icmp ule i64 %n, {length}\n"
            f"  %{name}_inside = icmp ule i64 {start}, %{name}_room\n"
            f"  %{name}_ok = and i1 %{name}_fits, %{name}_inside"
        )
    return line


def _at(place: str, base: str, offset: int) -> str:
    return f"  {place} = getelementptr i8, ptr {base}, i64 {offset}"
