"""The text of the support image: its parts joined, their macros expanded, as two modules.

One has the functions that calls and bulk operations go through, the other all else: the first is
worth an optimizing code generator, which takes five times as long as the quick one.

The parts are LLVM IR with macros, so that no offset and no number is written down twice:

    %x = field T, %base, LAYOUT.name        load a field of a structure of abi/
    setfield T %value, %base, LAYOUT.name   store one
    %x = process T, name                    load a field of the process block
    setprocess T %value, name               store one
    check x, %start, %length                %x_ok = start + n <= length, without overflow; n is %n
    {NAME}, {LAYOUT.name}                   a number

Fields are volatile: an activation's must be in memory and not in a register when a trap jumps.
"""

from cachewasm.abi import process, traps, vmctx
from cachewasm.abi.builtins import BUILTIN_INDEX
from cachewasm.abi.layout import Layout
from cachewasm.compiler.support import exceptions, func, host, instance, invoke, memory, table
from cachewasm.compiler.support import traps as trap_parts
from cachewasm.compiler.support.arch import arch_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LAYOUTS: dict[str, Layout] = {
    "CONTEXT": vmctx.CONTEXT,
    "INSTANCE": vmctx.INSTANCE,
    "HOST": vmctx.HOST,
    "STORE": vmctx.STORE,
    "RESERVATION": vmctx.RESERVATION,
    "MEMORY": vmctx.MEMORY,
    "TABLE": vmctx.TABLE,
    "FUNCTIONS": vmctx.FUNCTIONS,
    "PENDING": vmctx.PENDING,
    "SPAN": vmctx.SPAN,
    "IMPORTED_FUNC": vmctx.IMPORTED_FUNC,
    "FUNCREF": vmctx.FUNCREF,
    "SIGNATURE": vmctx.SIGNATURE,
    "DESCRIPTOR": vmctx.DESCRIPTOR,
    "FUNC_OBJECT": vmctx.FUNC_OBJECT,
    "THREAD": vmctx.THREAD,
    "ACTIVATION": vmctx.ACTIVATION,
    "EXCEPTION": vmctx.EXCEPTION,
    "KEPT_EXCEPTIONS": vmctx.KEPT_EXCEPTIONS,
    "PROCESS": process.PROCESS,
}
_PARTS = (func, invoke, host, trap_parts, memory, table, instance, exceptions)

# Linux and glibc, 64 bit: the same on every supported architecture.
_NUMBERS = {
    "SI_CODE": 8,  # offsets in siginfo_t
    "SI_ADDR": 16,
    "SA_SIGINFO": 4,
    "SS_DISABLE": 2,
    "PROT_READ_WRITE": 3,
    "MREMAP_MAYMOVE": 1,
    "MREMAP_MAYMOVE_FIXED": 3,
    "PROT_NONE": 0,
    "MAP_RESERVE": 0x4022,  # private, anonymous, not accounted for
    "SIGACTION_FLAGS": process.SIGACTION_FLAGS,
    "IMAGES_HEADER": process.IMAGES_HEADER,
    "IMAGES_ROW": process.IMAGES_ROW,
    "FUNC_BOUNDED": vmctx.FUNC_BOUNDED,
    "HOST_EXCEPTION": traps.HOST_EXCEPTION,
    "UNCAUGHT": traps.EXCEPTION,
    "NO_MEMORY": traps.NO_MEMORY,
    "PERSONALITY_AT": 8 * BUILTIN_INDEX["__gcc_personality_v0"],
    "STACK_POINTER_AT": 8 * BUILTIN_INDEX["_Unwind_GetCFA"],
    "EXCEPTION_CLASS": vmctx.EXCEPTION_CLASS,
    "END_OF_STACK": 16,  # _UA_END_OF_STACK
    "JUMP_BUFFER_SIZE": vmctx.ACTIVATION.previous,
    "STACK_OVERFLOW": traps.STACK_OVERFLOW,
    "MEMORY_OUT_OF_BOUNDS": traps.MEMORY_OUT_OF_BOUNDS,
    "TABLE_OUT_OF_BOUNDS": traps.TABLE_OUT_OF_BOUNDS,
    "KIND_I32": vmctx.KIND_I32,
    "KIND_I64": vmctx.KIND_I64,
    "KIND_F32": vmctx.KIND_F32,
    "KIND_F64": vmctx.KIND_F64,
    "KIND_V128": vmctx.KIND_V128,
    **{f"{name}_SIZE": layout.size for name, layout in _LAYOUTS.items()},
}

_HOT = frozenset(
    {
        "box",
        "copy_span",
        "enter_float_mode",
        "func_vectorcall",
        "host_call",
        "invoke",
        "memory_copy",
        "memory_fill",
        "unbox",
        "write_float_control",
    }
)


def support_ir(triple: str, cpu: str, features: str) -> tuple[str, str]:
    """The support image for a target, as textual LLVM IR: the functions in _HOT, and the others.

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
    hot, cold = _split(_with_numbers(text, numbers))
    block = f"[{process.PROCESS.size} x i8]"
    target = f'"target-cpu"="{cpu}" "target-features"="{features}"'
    # Its loops must not become calls of functions that the image does not have. Its unwind tables are
    # for who walks the stack from Python functions that wasm code called.
    common = (
        f'nounwind uwtable "no-builtins" "frame-pointer"="all" "probe-stack"="inline-asm" {target}'
    )
    return (
        _module(triple, f"external hidden global {block}", hot, common),
        _module(triple, f"hidden global {block} zeroinitializer", cold, common),
    )


def _module(triple: str, block: str, body: str, common: str) -> str:
    return f"""target triple = "{triple}"

@process = {block}, align 64
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


def _with_numbers(text: str, numbers: "Mapping[str, int]") -> str:
    """Replace {NAME} and {LAYOUT.name}; other braces are LLVM's."""
    head, *rest = text.split("{")
    parts = [head]
    for part in rest:
        name, brace, after = part.partition("}")
        layout, dot, field = name.partition(".")
        if brace and name in numbers:
            parts += (str(numbers[name]), after)
        elif brace and dot and layout in _LAYOUTS:
            parts += (str(_LAYOUTS[layout].offsets[field]), after)
        else:
            parts += ("{", part)
    return "".join(parts)


def _split(text: str) -> tuple[str, str]:
    """The functions in _HOT and the others, expanded; each half declares what the other defines."""
    hot: list[str] = []
    cold: list[str] = []
    for i, line in enumerate(text.splitlines()):
        if line.startswith("define "):
            # Calls go from one half to the other.
            line = line.replace(" internal ", " hidden ", 1)
            name = line.partition("@")[2].partition("(")[0]
            home, other = (hot, cold) if name in _HOT else (cold, hot)
            home.append(line)
            other.append(line.replace("define", "declare", 1).rstrip("{"))
        elif line.startswith("declare "):
            hot.append(line)
            cold.append(line)
        elif line and not line.startswith(";"):
            home.append(_expand(line, f"%at.{i}"))
    return "\n".join(hot), "\n".join(cold)


def _expand(line: str, place: str) -> str:
    """The IR for a line; `place` is a name for an address that no other line uses."""
    match line.replace(",", " ").split():
        case [result, "=", "field", ty, base, name]:
            layout, _, field = name.partition(".")
            at = _at(place, base, _LAYOUTS[layout].offsets[field])
            return f"{at}\n  {result} = load volatile {ty}, ptr {place}"
        case ["setfield", ty, value, base, name]:
            layout, _, field = name.partition(".")
            at = _at(place, base, _LAYOUTS[layout].offsets[field])
            return f"{at}\n  store volatile {ty} {value}, ptr {place}"
        case [result, "=", "process", ty, field]:
            at = _at(place, "@process", process.PROCESS.offsets[field])
            return f"{at}\n  {result} = load {ty}, ptr {place}"
        case ["setprocess", ty, value, field]:
            at = _at(place, "@process", process.PROCESS.offsets[field])
            return f"{at}\n  store volatile {ty} {value}, ptr {place}"
        case ["check", name, start, length]:
            return (
                f"  %{name}_room = sub i64 {length}, %n\n"
                f"  %{name}_fits = icmp ule i64 %n, {length}\n"
                f"  %{name}_inside = icmp ule i64 {start}, %{name}_room\n"
                f"  %{name}_ok = and i1 %{name}_fits, %{name}_inside"
            )
    return line


def _at(place: str, base: str, offset: int) -> str:
    return f"  {place} = getelementptr i8, ptr {base}, i64 {offset}"
