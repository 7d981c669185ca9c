"""Comparisons and conditions: i1 for LLVM, i32 for wasm.

FastISel makes one of a comparison and the branch on it if nobody else uses the i1. So the last comparison is
remembered: a condition takes back the i32 that has just been made of it, or compares again, and what
negates or masks the i32 becomes another comparison. Lines are taken back only while they are the last:
then nobody else has seen their values.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.compiler.translate.function import FunctionTranslator

_PAIRS = {
    "icmp": (("eq", "ne"), ("slt", "sge"), ("ult", "uge"), ("sgt", "sle"), ("ugt", "ule")),
    "fcmp": (("oeq", "une"), ("olt", "uge"), ("ogt", "ule"), ("ole", "ugt"), ("oge", "ult")),
}
# By instruction and predicate: that of the opposite, also where an operand is NaN.
_OPPOSITES = {
    name: {a: b for pair in pairs for a, b in (pair, pair[::-1])} for name, pairs in _PAIRS.items()
}


def push_comparison(t: "FunctionTranslator", comparison: str) -> None:
    """Push the outcome of an `icmp` or `fcmp` as i32."""
    t.n = n = t.n + 2
    t.flag_before, t.flag_before_of = t.flag, t.flag_of
    t.flag = flag = f"%{n - 1}"
    t.flag_of = value = f"%{n}"
    t.comparison = comparison
    t.emit(f"  {flag} = {comparison}\n  {value} = zext i1 {flag} to i32")
    t.flag_line = len(t.lines)
    t.stack.append(value)


def push_opposite(t: "FunctionTranslator") -> None:
    """Push the negation of the last comparison as i32."""
    instruction, predicate, operands = t.comparison.split(" ", 2)
    if instruction not in _OPPOSITES:
        push_comparison(t, f"xor i1 {t.flag}, true")
        return
    if len(t.lines) == t.flag_line:
        t.lines.pop()
        t.flag, t.flag_of = t.flag_before, t.flag_before_of
    push_comparison(t, f"{instruction} {_OPPOSITES[instruction][predicate]} {operands}")


def combine_flags(t: "FunctionTranslator", operation: str) -> bool:
    """Where both operands of an `and`, `or` or `xor` are the last comparisons, combine their i1."""
    stack = t.stack
    if stack[-1] != t.flag_of or stack[-2] != t.flag_before_of:
        return False
    if len(t.lines) == t.flag_line:
        t.lines[-1] = f"  {t.flag} = {t.comparison}"
    del stack[-2:]
    push_comparison(t, f"{operation} i1 {t.flag_before}, {t.flag}")
    return True


def pop_condition(t: "FunctionTranslator") -> str:
    """Pop an i32 as i1: whether it is not zero."""
    value = t.stack.pop()
    lines = t.lines
    baseline = t.context.baseline
    if value == t.flag_of:
        if len(lines) == t.flag_line:
            t.flag_of = ""
            lines[-1] = f"  {t.flag} = {t.comparison}"
            return t.flag
        return t.value(t.comparison) if baseline else t.flag
    if not baseline or not lines or not lines[-1].startswith(f"  {value} = "):
        return t.value(f"icmp ne i32 {value}, 0")
    words = lines[-1].split(" ")
    if words[4:6] == ["and", "i32"] and words[7] == "1":
        lines.pop()
        byte = _byte(t, words[6][:-1]) or t.value(f"trunc i32 {words[6][:-1]} to i8")
        return t.value(f"trunc i8 {byte} to i1")  # a branch on this tests the bit
    byte = _byte(t, value)
    return t.value(f"icmp ne i8 {byte}, 0" if byte else f"icmp ne i32 {value}, 0")


def _byte(t: "FunctionTranslator", value: str) -> str:
    # The byte of which an i32 has just been made and that serves in its place, or nothing.
    if t.lines and t.lines[-1].startswith(f"  {value} = zext i8 "):
        return t.lines.pop().split(" ")[6]
    return ""
