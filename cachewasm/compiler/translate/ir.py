"""Spelling of LLVM IR: types, constants, signatures, field accesses, the frame of a module's text.

The translator writes IR as text, because making and parsing text costs less than LLVM's object
builder through its bindings. What more than one module spells is spelled here; offsets come from
abi/ and are never written as numbers.
"""

from collections.abc import Sequence
from struct import Struct

from cachewasm.abi import vmctx
from cachewasm.abi.builtins import BUILTIN_INDEX
from cachewasm.engine.isa import AARCH64, X86_64
from cachewasm.wasm.types import (
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    ValType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.target import Target

# References travel as integers: the address of a Funcref or Exception, or an externref handle; 0 is null.
LLVM_TYPES: dict[ValType, str] = {
    I32: "i32",
    I64: "i64",
    F32: "float",
    F64: "double",
    V128: "<2 x i64>",  # simd/shapes.py
    FUNCREF: "i64",
    EXTERNREF: "i64",
    EXNREF: "i64",
}

# More results than this travel through the store's result area.
REGISTER_RESULTS = 2

# Attribute groups and metadata that `module_text` defines.
CODE = "#0"
TRAP = "#1"
THROWS = "#2"  # of a function that exceptions pass through
INVARIANT = ", !invariant.load !0"
UNLIKELY = ", !prof !1"  # the first successor of the branch is cold
LIKELY = ", !prof !2"
FIRST_FREE_METADATA = 3

_U32 = Struct("<I")
_F32 = Struct("<f")
_U64 = Struct("<Q")
_F64 = Struct("<d")


class Signature:
    """How a function type is spelled. The VM context is the first parameter of every function."""

    __slots__ = (
        "_arguments",
        "gives_vectors",
        "in_registers",
        "params",
        "result",
        "result_types",
        "types",
    )

    def __init__(self, func_type: FuncType) -> None:
        self.params = tuple(LLVM_TYPES[t] for t in func_type.param_types)
        self.result_types = tuple(LLVM_TYPES[t] for t in func_type.result_types)
        self.gives_vectors = V128 in func_type.result_types
        self.in_registers = len(self.result_types) <= REGISTER_RESULTS
        if not self.in_registers or not self.result_types:
            self.result = "void"
        elif len(self.result_types) == 1:
            self.result = self.result_types[0]
        else:
            self.result = "{ " + ", ".join(self.result_types) + " }"
        self.types = ", ".join(("ptr", *self.params))
        self._arguments = ", ".join(f"{t} %s" for t in ("ptr", *self.params))

    def parameters(self) -> str:
        """The parameters of a definition: `ptr %vmctx, i32 %p0, ...`."""
        named = (f"{t} %p{i}" for i, t in enumerate(self.params))
        return ", ".join(("ptr %vmctx", *named))

    def arguments(self, context: str, values: Sequence[str]) -> str:
        """The arguments of a call."""
        return self._arguments % (context, *values)


def at(value: str, base: str, offset: int) -> str:
    """The line that makes `value` point `offset` bytes behind `base`."""
    return f"  {value} = getelementptr i8, ptr {base}, i64 {offset}"


def load_field(value: str, base: str, offset: int, llvm_type: str = "ptr", suffix: str = "") -> str:
    """The lines that load a field of a structure into `value`."""
    if not offset:
        return f"  {value} = load {llvm_type}, ptr {base}{suffix}"
    return (
        f"{at(f'{value}.at', base, offset)}\n  {value} = load {llvm_type}, ptr {value}.at{suffix}"
    )


def load_builtin(value: str, context: str, name: str, suffix: str = INVARIANT) -> str:
    """The lines that load the address of a builtin into `value`."""
    table = load_field(f"{value}.table", context, vmctx.CONTEXT.builtins, suffix=suffix)
    return f"{table}\n" + load_field(
        value, f"{value}.table", 8 * BUILTIN_INDEX[name], suffix=suffix
    )


def return_lines(signature: Signature, values: Sequence[str]) -> list[str]:
    """The lines that return `values` where they fit into registers, else nothing."""
    if signature.result == "void":
        return ["  ret void"]
    if len(values) == 1:
        return [f"  ret {signature.result} {values[0]}"]
    first, second = signature.result_types
    return [
        f"  %result.first = insertvalue {signature.result} poison, {first} {values[0]}, 0",
        f"  %result = insertvalue {signature.result} %result.first, {second} {values[1]}, 1",
        f"  ret {signature.result} %result",
    ]


# Every trap goes through this function, so that a trap site is one call. It jumps to the builtin and
# leaves no frame, so the builtin finds the trap site as its return address.
RAISE_TRAP = "raise_trap"


def declare_raise_trap() -> str:
    """The declaration of RAISE_TRAP, for modules of IR that do not define it."""
    return f"declare hidden void @{RAISE_TRAP}(ptr, i32) {CODE}"


def raise_trap() -> list[str]:
    """The definition of RAISE_TRAP, once in an image."""
    return [
        f"define hidden void @{RAISE_TRAP}(ptr %vmctx, i32 %code) {CODE} {{",
        load_builtin("%trap", "%vmctx", "trap"),
        "  musttail call void %trap(ptr %vmctx, i32 %code)",
        "  ret void",
        "}",
    ]


# Where an index is beyond the table's length, code asks this function to fill the table; it returns if
# there is such an element then. It keeps every register that it can, so that the code around a call,
# which is made once, is as good as if there were none.
FILL_TABLE = "fill_table"
DETOUR = "cold nomerge nounwind"


def fill_table_call(table: str, index: str, *, baseline: bool) -> str:
    """The call of FILL_TABLE. FastISel knows the plain convention alone, which asks for less."""
    convention = "" if baseline else "preserve_allcc "
    return f"call {convention}void @{FILL_TABLE}(ptr %vmctx, ptr {table}, i64 {index}) {DETOUR}"


def declare_fill_table(*, baseline: bool) -> str:
    """The declaration of FILL_TABLE, for modules of IR that do not define it."""
    convention = "" if baseline else "preserve_allcc "
    return f"declare hidden {convention}void @{FILL_TABLE}(ptr, ptr, i64) {CODE}"


def fill_table() -> list[str]:
    """The definition of FILL_TABLE, once in an image."""
    return [
        f"define hidden preserve_allcc void @{FILL_TABLE}(ptr %vmctx, ptr %table, i64 %index)"
        f" {CODE} {{",
        load_builtin("%ready", "%vmctx", "table_ready"),
        "  call void %ready(ptr %vmctx, ptr %table, i64 %index)",
        "  ret void",
        "}",
    ]


# What LLVM calls operations, by the last part of their names in wasm.
INTEGER_PREDICATES = {
    "eq": "eq",
    "ne": "ne",
    "lt_s": "slt",
    "lt_u": "ult",
    "gt_s": "sgt",
    "gt_u": "ugt",
    "le_s": "sle",
    "le_u": "ule",
    "ge_s": "sge",
    "ge_u": "uge",
}
FLOAT_OPERATIONS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
FLOAT_PREDICATES = {"eq": "oeq", "ne": "une", "lt": "olt", "gt": "ogt", "le": "ole", "ge": "oge"}


def f32_literal(bits: int) -> str:
    """The `float` constant of these bits."""
    value = _F32.unpack(_U32.pack(bits))[0]
    if value != value:  # a NaN would pass through a conversion that may change its payload
        return f"bitcast (i32 {bits} to float)"
    return f64_literal(_U64.unpack(_F64.pack(value))[0])


def f64_literal(bits: int) -> str:
    """The `double` constant of these bits; also how LLVM spells a `float`, widened."""
    return f"0x{bits:016X}"


# How the names of LLVM's intrinsics spell the float types.
_MANGLED = {"float": "f32", "double": "f64", "<4 x float>": "v4f32", "<2 x double>": "v2f64"}


def fence(llvm_type: str, operand: str) -> str:
    """An instruction whose value is the operand, which LLVM cannot see.

    LLVM folds x * 1.0, x / 1.0, x - 0.0, x + -0.0 and the like to x, which leaves a signalling NaN
    as it is, while wasm demands a quiet result (4.3.3). So ones and zeros are hidden from it.
    """
    return f"call {llvm_type} @llvm.arithmetic.fence.{_MANGLED[llvm_type]}({llvm_type} {operand})"


# How LLVM is asked to protect indirect branches, by architecture: lines of the module, attributes of
# its functions. x86-64: landing places are marked (`endbr64`). AArch64: the same (`bti`), and return
# addresses are signed where they are kept on the stack. The node's number is one that no header has.
_PROTECTION = {
    X86_64: (
        (
            "!llvm.module.flags = !{!2147483647}",
            '!2147483647 = !{i32 8, !"cf-protection-branch", i32 1}',
        ),
        "",
    ),
    AARCH64: (
        (),
        ' "branch-target-enforcement" "sign-return-address"="non-leaf"'
        ' "sign-return-address-key"="a_key"',
    ),
}


def module_text(
    target: "Target",
    body: Sequence[str],
    header: Sequence[str] = (),
    *,
    for_size: bool = False,
    branch_protection: bool = False,
    throws: bool = False,
    unwind_info: bool = False,
) -> str:
    """A whole module: `header` defines nodes of metadata from number FIRST_FREE_METADATA on, `body`
    holds functions and globals. `for_size` asks for small code.

    With `throws` there are functions of the group THROWS; with `unwind_info` all have unwind tables.
    """
    size = " optsize" if for_size else ""
    flags, protection = _PROTECTION[target.arch] if branch_protection else ((), "")
    tune = f' "tune-cpu"="{target.tune}"' if target.tune else ""
    common = (
        f'"frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="{target.cpu}"'
        f' "target-features"="{target.llvm_features()}"{tune}{protection}'
    )
    code = "nounwind uwtable" if unwind_info else "nounwind"
    throwing = (f"attributes {THROWS} = {{ uwtable{size} {common} }}",) if throws else ()
    return "\n".join(
        (
            f'target triple = "{target.triple}"',
            "!0 = !{}",
            '!1 = !{!"branch_weights", i32 1, i32 1000000}',
            '!2 = !{!"branch_weights", i32 1000000, i32 1}',
            *flags,
            *header,
            f"attributes {CODE} = {{ {code}{size} {common} }}",
            f"attributes {TRAP} = {{ cold nomerge noreturn nounwind }}",
            *throwing,
            *body,
            "",
        )
    )
