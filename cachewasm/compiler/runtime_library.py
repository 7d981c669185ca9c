"""The functions that LLVM calls on its own accord: an image brings along those that it needs.

Without SSE4.1 there is no instruction that rounds to an integral value, and LLVM may call
memset, memcpy and memmove for aggregates; without SSSE3 there is none that picks lanes by variable
indices, which compiled code calls `swizzle` for. The C library's versions are no choice: images refer to
nothing outside, and a fault must have a pc inside an image.

NaN inputs come out quiet, as WebAssembly demands of every arithmetic result.
"""

from collections.abc import Iterable

from cachewasm.abi import symbols
from cachewasm.compiler import codegen
from cachewasm.compiler.linker.fragment import Fragment, make_fragment
from cachewasm.compiler.translate.ir import f32_literal, f64_literal, module_text
from cachewasm.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.engine.target import Target

# Per float type: its suffix in C names, the first power of two without fraction bits, and one.
_FLOATS = {
    "double": ("", f64_literal(0x4330_0000_0000_0000), f64_literal(0x3FF0_0000_0000_0000)),
    "float": ("f", f32_literal(0x4B00_0000), f32_literal(0x3F80_0000)),
}

# Each takes %near, the even-rounded magnitude of %p0 with its sign, to the result.
_ROUNDINGS = {
    "roundeven": "  %rounded = bitcast {t} %near to {t}",
    "floor": """\
  %above = fcmp ogt {t} %near, %p0
  %less = fsub {t} %near, {one}
  %rounded = select i1 %above, {t} %less, {t} %near""",
    "ceil": """\
  %below = fcmp olt {t} %near, %p0
  %more = fadd {t} %near, {one}
  %rounded = select i1 %below, {t} %more, {t} %near""",
    "trunc": """\
  %size = call {t} @llvm.fabs.{t}({t} %near)
  %past = fcmp ogt {t} %size, %magnitude
  %less = fsub {t} %size, {one}
  %rounded = select i1 %past, {t} %less, {t} %size""",
}
# In the default rounding mode, which wasm code runs in, these are roundeven.
_SYNONYMS = {"rint": "roundeven", "nearbyint": "roundeven"}

# Adding and subtracting 2^52 (2^23) rounds to an integral value, ties to even.
_ROUND = """\
define hidden {t} @{name}({t} %p0) #0 {{
  %magnitude = call {t} @llvm.fabs.{t}({t} %p0)
  %small = fcmp olt {t} %magnitude, {big}
  br i1 %small, label %round, label %whole
round:
  %shifted = fadd {t} %magnitude, {big}
  %back = fsub {t} %shifted, {big}
  %near = call {t} @llvm.copysign.{t}({t} %back, {t} %p0)
{rounding}
  %result = call {t} @llvm.copysign.{t}({t} %rounded, {t} %p0)
  ret {t} %result
whole:
  %nan = fcmp uno {t} %p0, %p0
  br i1 %nan, label %quiet, label %same
quiet:
  %quieted = fadd {t} %p0, %p0
  ret {t} %quieted
same:
  ret {t} %p0
}}"""

_COPY_FORWARD = """\
define hidden ptr @{name}(ptr %to, ptr %from, i64 %size) #0 {{
entry:
  br label %test
test:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %more = icmp ult i64 %i, %size
  br i1 %more, label %step, label %done
step:
  %source = getelementptr i8, ptr %from, i64 %i
  %target = getelementptr i8, ptr %to, i64 %i
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  %next = add i64 %i, 1
  br label %test
done:
  ret ptr %to
}}"""

_MEMMOVE = """\
define hidden ptr @{name}(ptr %to, ptr %from, i64 %size) #0 {{
entry:
  %to_address = ptrtoint ptr %to to i64
  %from_address = ptrtoint ptr %from to i64
  %distance = sub i64 %to_address, %from_address
  %disjoint = icmp uge i64 %distance, %size
  br label %test
test:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %more = icmp ult i64 %i, %size
  br i1 %more, label %step, label %done
step:
  %next = add i64 %i, 1
  %mirrored = sub i64 %size, %next
  %index = select i1 %disjoint, i64 %i, i64 %mirrored
  %source = getelementptr i8, ptr %from, i64 %index
  %target = getelementptr i8, ptr %to, i64 %index
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  br label %test
done:
  ret ptr %to
}}"""

_MEMSET = """\
define hidden ptr @{name}(ptr %to, i32 %value, i64 %size) #0 {{
entry:
  %byte = trunc i32 %value to i8
  br label %test
test:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %more = icmp ult i64 %i, %size
  br i1 %more, label %step, label %done
step:
  %target = getelementptr i8, ptr %to, i64 %i
  store i8 %byte, ptr %target
  %next = add i64 %i, 1
  br label %test
done:
  ret ptr %to
}}"""


_SWIZZLE = """\
define hidden <16 x i8> @{name}(<16 x i8> %p0, <16 x i8> %p1) #0 {{
entry:
  %lanes = alloca [16 x i8], align 16
  %indices = alloca [16 x i8], align 16
  store <16 x i8> %p0, ptr %lanes, align 16
  store <16 x i8> %p1, ptr %indices, align 16
  br label %step
step:
  %i = phi i64 [ 0, %entry ], [ %next, %step ]
  %place = getelementptr i8, ptr %indices, i64 %i
  %index = load i8, ptr %place
  %inside = icmp ult i8 %index, 16
  %low = and i8 %index, 15
  %wide = zext i8 %low to i64
  %from = getelementptr i8, ptr %lanes, i64 %wide
  %lane = load i8, ptr %from
  %picked = select i1 %inside, i8 %lane, i8 0
  store i8 %picked, ptr %place
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, 16
  br i1 %more, label %step, label %done
done:
  %result = load <16 x i8>, ptr %indices, align 16
  ret <16 x i8> %result
}}"""


def _definitions() -> dict[str, str]:
    bytewise = {"memcpy": _COPY_FORWARD, "memmove": _MEMMOVE, "memset": _MEMSET}
    bytewise[symbols.SWIZZLE] = _SWIZZLE
    rows = {name: text.format(name=name) for name, text in bytewise.items()}
    kinds = {kind: kind for kind in _ROUNDINGS} | _SYNONYMS
    for t, (suffix, big, one) in _FLOATS.items():
        for base, kind in kinds.items():
            name = base + suffix
            rounding = _ROUNDINGS[kind].format(t=t, one=one)
            rows[name] = _ROUND.format(t=t, name=name, big=big, rounding=rounding)
    return rows


_FUNCTIONS = _definitions()

NAMES = frozenset(_FUNCTIONS)


def runtime_library_ir(names: Iterable[str], target: "Target", *, unwind_info: bool = False) -> str:
    """A module that defines the functions `names`, with unwind tables if asked for; InternalError if
    one of them is unknown.
    """
    wanted = sorted(names)
    unknown = [name for name in wanted if name not in _FUNCTIONS]
    if unknown:
        raise InternalError(f"compiled code refers to unknown functions: {', '.join(unknown)}")
    return module_text(target, [_FUNCTIONS[name] for name in wanted], unwind_info=unwind_info)


def compile_library(
    env: "CompileEnvironment", tier: str, names: Iterable[str], *, verify: bool = False
) -> Fragment:
    """The fragment that defines the functions `names`. Raises InternalError."""
    ir = runtime_library_ir(names, env.target, unwind_info=env.tunables.native_unwind_info)
    return make_fragment(codegen.compile_ir(ir, env, tier, verify=verify))
