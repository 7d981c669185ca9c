"""Every scalar instruction of WebAssembly 2.0 on edge values, against PyPI wasmtime, in both tiers.

The instruction table says what to test, so a new row is tested without a change here, and the last
test fails for a row that nothing exercises. Operands reach an instruction in three ways, since a
compiler treats each differently: from memory, one constant and one from memory, constants only.
Bits go through memory or integer parameters, never through Python floats: NaN payloads survive.

A float result that is NaN may be any NaN that the specification allows (4.3.3, NaN propagation);
everything else must agree to the bit, traps by their code.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from types import ModuleType

import pytest
import wasmtime

from cachewasm.wasm import features
from cachewasm.wasm.opcodes import IMM_NONE, OPS, Op

FAMILIES = ("i32", "i64", "f32", "f64")
STRATEGIES = ("baseline", "optimized")

Outcome = int | float | str | list[object] | None
NewEngine = Callable[[str], object]


# -- edge values, as raw bits ----------------------------------------------------------------------


def _signs(bits: Sequence[int], sign: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(value for b in bits for value in (b, b | sign)))


def _f32(value: float) -> int:
    return int(struct.unpack("<I", struct.pack("<f", value))[0])


def _f64(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


_I32 = (
    *(0, 1, 2, 3, 5, 7, 8, 10, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x100),
    *(0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x00FFFFFF, 0x01000001, 0x55555555, 0x12345678),
    *(0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xAAAAAAAA, 0xFFFFFF80, 0xFFFF8000),
    *(0xFFFFFFF6, 0xFFFFFFFE, 0xFFFFFFFF),
)
_I64 = (
    *_I32,
    *(0x1_0000_0000, 0x1_0000_0001, 0x1_8000_0000, 1 << 53, (1 << 53) + 1, (1 << 53) + 3),
    *(0xFFFFFFFF_80000000, 0xFFFFFFFF_7FFFFFFF, 0xFFFFFFFF_FFFFFFFE, 0xFFFFFFFF_FFFFFFFF),
    *((1 << 63) - 1, 1 << 63, (1 << 63) + 1, 0x0123456789ABCDEF, 0x5555555555555555),
    # Where a conversion by way of f64, or one that halves without a sticky bit, rounds wrongly.
    *(0x7FFFFF4000000001, 0x8000004000000001, 0x8000000000000401, 0xFFFFFE8000000001),
    *(0x0020000020000001, 0x7FFFFFFFFFFFFDFF, 0x7FFFFFFFFFFFFE00, 0xFFFFFFFFFFFFFC00),
)
_F32 = _signs(
    (
        *(0, 1, 0x007FFFFF, 0x00800000, _f32(0.5), 0x3EFFFFFF, 0x3F7FFFFF, _f32(1), 0x3F800001),
        *map(_f32, (1.5, 2, 2.5, 3, 3.5, 100.25, 8388607.5, 8388608, 8388609, 16777216)),
        # Just below and at 2^31, 2^32, 2^63 and 2^64, and just beyond the first for the negative side.
        *(0x4EFFFFFF, 0x4F000000, 0x4F000001, 0x4F7FFFFF, 0x4F800000),
        *(0x5EFFFFFF, 0x5F000000, 0x5F000001, 0x5F7FFFFF, 0x5F800000),
        *(0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7FC12345, 0x7FFFFFFF, 0x7F800001, 0x7FA54321),
    ),
    1 << 31,
)
_F64 = _signs(
    (
        *(0, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x3FDFFFFFFFFFFFFF, 0x3FEFFFFFFFFFFFFF),
        *map(_f64, (0.5, 1, 1.5, 2, 2.5, 3.5, 100.25, 2**31 - 1, 2**31 - 0.5, 2**31, 2**31 + 0.5)),
        *map(_f64, (2**31 + 1, 2**32 - 1, 2**32 - 0.5, 2**32, 2**52 - 0.5, 2**52 + 1, 2**53)),
        *(0x41DFFFFFFFFFFFFF, 0x41EFFFFFFFFFFFFF, 0x41E00000001FFFFF, 0x41E0000000200000),
        *(0x43DFFFFFFFFFFFFF, 0x43E0000000000000, 0x43E0000000000001),
        *(0x43EFFFFFFFFFFFFF, 0x43F0000000000000),
        # Demotion: to the least subnormal, half of it, f32's greatest, and half a unit beyond that.
        *(0x36A0000000000000, 0x3690000000000000, 0x3690000000000001, 0x380FFFFFFFFFFFFF),
        *(0x47EFFFFFE0000000, 0x47EFFFFFEFFFFFFF, 0x47EFFFFFF0000000, 0x3FF0000010000000),
        *(0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000, 0x7FF8000000012345),
        *(0x7FFFFFFFFFFFFFFF, 0x7FF0000000000001, 0x7FF4000054321000),
    ),
    1 << 63,
)
EDGES = {"i32": _I32, "i64": _I64, "f32": _F32, "f64": _F64}

# The operands that compilers fold, strengthen or canonicalise.
CONSTANTS = {
    "i32": (0, 1, 7, 8, 32, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
    "i64": (0, 1, 7, 8, 64, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
    "f32": (0, 1 << 31, *map(_f32, (0.5, 1, -2)), 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA54321),
    "f64": (
        *(0, 1 << 63, *map(_f64, (0.5, 1, -2)), 0x7FF0000000000000, 0xFFF0000000000000),
        *(0x7FF8000000000000, 0x7FF4000054321000),
    ),
}
SIZE = {"i32": 4, "i64": 8, "f32": 4, "f64": 8}
RAW = {"i32": "i32", "i64": "i64", "f32": "i32", "f64": "i64"}


# -- wasm text -------------------------------------------------------------------------------------

MEMORY = '(memory (export "memory") 6)'
OPERANDS = (0, 0x20000)  # where a loop finds its operands, a slot of 8 bytes each
RESULTS = 0x40000


def _float_text(bits: int, mantissa: int, value: float) -> str:
    sign = "-" if bits >> (31 if mantissa == 23 else 63) else ""
    if value != value:
        return f"{sign}nan:0x{bits & ((1 << mantissa) - 1):x}"
    return value.hex()


def _const(valtype: str, bits: int) -> str:
    if valtype == "f32":
        value = struct.unpack("<f", struct.pack("<I", bits))[0]
        return f"(f32.const {_float_text(bits, 23, value)})"
    if valtype == "f64":
        value = struct.unpack("<d", struct.pack("<Q", bits))[0]
        return f"(f64.const {_float_text(bits, 52, value)})"
    return f"({valtype}.const {bits})"


def _loop(op: Op, constants: Sequence[int | None]) -> str:
    """A function that applies `op` to slots 0 to n-1; a constant takes an operand's place."""
    operands = " ".join(
        f"({t}.load offset={base} (local.get $p))" if constant is None else _const(t, constant)
        for t, base, constant in zip(_params(op), OPERANDS, constants, strict=False)
    )
    return f"""
    (func (export "{_export(op, constants)}") (param $n i32) (local $p i32)
      (local.set $n (i32.shl (local.get $n) (i32.const 3)))
      (loop $next
        ({_result(op)}.store offset={RESULTS} (local.get $p) ({op.name} {operands}))
        (br_if $next (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 8))) (local.get $n)))))
    """


def _single(op: Op, constants: Sequence[int | None]) -> str:
    """A function of raw bits that applies `op` once; a constant takes an operand's place."""
    params: list[str] = []
    operands: list[str] = []
    for t, constant in zip(_params(op), constants, strict=False):
        if constant is not None:
            operands.append(_const(t, constant))
            continue
        got = f"(local.get {len(params)})"
        operands.append(got if t == RAW[t] else f"({t}.reinterpret_{RAW[t]} {got})")
        params.append(f"(param {RAW[t]})")
    return f"""
    (func (export "{_export(op, constants)}") {" ".join(params)} (result {_result(op)})
      ({op.name} {" ".join(operands)}))
    """


def _straight(op: Op, rows: Sequence[Sequence[int]]) -> str:
    """A function that applies `op` to rows of constants, results in the slots."""
    stores = "\n".join(
        f"({_result(op)}.store offset={RESULTS + 8 * i} (i32.const 0) ({op.name} "
        + " ".join(map(_const, _params(op), row))
        + "))"
        for i, row in enumerate(rows)
    )
    return f'(func (export "{op.name}") (param i32) {stores})'


def _export(op: Op, constants: Sequence[int | None]) -> str:
    return " ".join([op.name, *("_" if c is None else f"{c:#x}" for c in constants)])


# -- the instructions ------------------------------------------------------------------------------


def _params(op: Op) -> list[str]:
    assert op.params is not None
    return [t.name for t in op.params]


def _result(op: Op) -> str:
    assert op.results is not None
    return op.results[0].name


NUMERIC = [
    op
    for op in OPS
    if op.imm == IMM_NONE and op.name.partition(".")[0] in FAMILIES and op.params is not None
]
TRAPPING = {
    op for op in NUMERIC if re.fullmatch(r"i(32|64)\.((div|rem)_[su]|trunc_f(32|64)_[su])", op.name)
}
# Their NaN results have exactly the operand's bits, but for the sign.
BITWISE = re.compile(r"f(32|64)\.(abs|neg|copysign|reinterpret_.*)")


def _rows(op: Op, values: dict[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    return list(product(*(values[t] for t in _params(op))))


def _half_constant(op: Op) -> Iterator[tuple[int | None, int | None]]:
    if len(_params(op)) == 2:
        left, right = _params(op)
        yield from ((c, None) for c in CONSTANTS[left])
        yield from ((None, c) for c in CONSTANTS[right])


# -- running and comparing -------------------------------------------------------------------------


@cache
def _binary(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


class Run:
    """One instance of a text under one package."""

    def __init__(self, package: ModuleType, engine: object, text: str) -> None:
        self._package = package
        self.store = package.Store(engine)
        module = package.Module(engine, _binary(text))
        self.exports = package.Instance(self.store, module, []).exports(self.store)

    def call(self, name: str, *arguments: object) -> Outcome:
        """The result, or the name of the trap's code."""
        try:
            result: Outcome = self.exports[name](self.store, *arguments)
        except self._package.Trap as trap:
            return str(trap.trap_code.name)
        return result

    def read(self, start: int, stop: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, start, stop))

    def write(self, data: bytes, start: int) -> None:
        self.exports["memory"].write(self.store, data, start)


def _pair(package: ModuleType, engine: object, text: str) -> tuple[Run, Run]:
    return Run(package, engine, text), Run(wasmtime, wasmtime.Engine(), text)


def _signed(valtype: str, bits: int) -> int:
    width = 8 * SIZE[valtype]
    return bits - (1 << width) if bits >> (width - 1) else bits


def _is_nan(valtype: str, bits: int) -> bool:
    magnitude = bits & ((1 << (8 * SIZE[valtype] - 1)) - 1)
    return magnitude > (0x7F800000 if valtype == "f32" else 0x7FF0000000000000)


def _quiet_bit(valtype: str) -> int:
    return 1 << (22 if valtype == "f32" else 51)


def _payload(valtype: str, bits: int) -> int:
    return bits & (2 * _quiet_bit(valtype) - 1)


def _nan_is_allowed(op: Op, row: Sequence[int], found: int) -> bool:
    """4.3.3: canonical if every NaN operand is, else any with the quiet bit."""
    result = _result(op)
    if not _is_nan(result, found):
        return False
    nans = [(t, bits) for t, bits in zip(_params(op), row, strict=True) if _is_nan(t, bits)]
    if all(_payload(t, bits) == _quiet_bit(t) for t, bits in nans if t in ("f32", "f64")):
        return _payload(result, found) == _quiet_bit(result)
    return bool(found & _quiet_bit(result))


def _check_slots(op: Op, rows: Sequence[Sequence[int]], ours: bytes, oracle: bytes) -> None:
    """Compare two result areas, a slot for each row."""
    if ours == oracle:
        return
    result = _result(op)
    for row, (found,), (wanted,) in zip(
        rows, struct.iter_unpack("<Q", ours), struct.iter_unpack("<Q", oracle), strict=True
    ):
        if found == wanted:
            continue
        lenient = result in ("f32", "f64") and not BITWISE.fullmatch(op.name)
        if lenient and _is_nan(result, wanted) and _nan_is_allowed(op, row, found):
            continue
        operands = " ".join(map(_const, _params(op), row))
        pytest.fail(f"{op.name} {operands}: expected {wanted:#x}, found {found:#x}")


def _check_loops(runs: tuple[Run, Run], op: Op, constants: Sequence[int | None]) -> None:
    """Run a `_loop` over every combination of the operands that are not constant."""
    params = _params(op)
    rows = list(
        product(*(EDGES[t] if c is None else (c,) for t, c in zip(params, constants, strict=False)))
    )
    results = []
    for run in runs:
        for operand, base in zip(zip(*rows, strict=True), OPERANDS, strict=False):
            run.write(struct.pack(f"<{len(rows)}Q", *operand), base)
        run.write(bytes(8 * len(rows)), RESULTS)
        assert run.call(_export(op, constants), len(rows)) is None
        results.append(run.read(RESULTS, RESULTS + 8 * len(rows)))
    _check_slots(op, rows, *results)


def _check_singles(runs: tuple[Run, Run], op: Op, constants: Sequence[int | None]) -> None:
    """Call a `_single` with every combination of the operands that are not constant."""
    free = [t for t, c in zip(_params(op), constants, strict=False) if c is None]
    name = _export(op, constants)
    for row in product(*(EDGES[t] for t in free)):
        arguments = [_signed(RAW[t], bits) for t, bits in zip(free, row, strict=True)]
        ours, oracle = (run.call(name, *arguments) for run in runs)
        assert ours == oracle, f"{name} {' '.join(map(hex, row))}"


def _family(prefix: str) -> tuple[list[Op], list[Op]]:
    """The numeric instructions of a family: those that never trap, and those that may."""
    ops = [op for op in NUMERIC if op.name.startswith(prefix)]
    return [op for op in ops if op not in TRAPPING], [op for op in ops if op in TRAPPING]


@cache
def _variable_text(family: str) -> str:
    plain, trapping = _family(family)
    functions = [_loop(op, (None, None)) for op in plain]
    functions += [_single(op, (None, None)) for op in trapping]
    return f"(module {MEMORY} {''.join(functions)})"


@cache
def _half_constant_text(family: str) -> str:
    plain, trapping = _family(family)
    functions = [_loop(op, cs) for op in plain for cs in _half_constant(op)]
    functions += [_single(op, cs) for op in trapping for cs in _half_constant(op)]
    return f"(module {MEMORY} {''.join(functions)})"


def _constant_rows(op: Op) -> list[tuple[int, ...]]:
    return _rows(op, EDGES if len(_params(op)) == 1 else CONSTANTS)


@cache
def _constant_text(family: str) -> str:
    plain, trapping = _family(family)
    functions = [_straight(op, _constant_rows(op)) for op in plain]
    functions += [_single(op, row) for op in trapping for row in _constant_rows(op)]
    return f"(module {MEMORY} {''.join(functions)})"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_numeric_operands_from_memory_agree_with_oracle(
    engine_module: ModuleType, new_engine: NewEngine, family: str, strategy: str
) -> None:
    runs = _pair(engine_module, new_engine(strategy), _variable_text(family))
    plain, trapping = _family(family)
    for op in plain:
        _check_loops(runs, op, (None, None))
    for op in trapping:
        _check_singles(runs, op, (None, None))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_numeric_one_constant_operand_agrees_with_oracle(
    engine_module: ModuleType, new_engine: NewEngine, family: str, strategy: str
) -> None:
    runs = _pair(engine_module, new_engine(strategy), _half_constant_text(family))
    plain, trapping = _family(family)
    for op in plain:
        for constants in _half_constant(op):
            _check_loops(runs, op, constants)
    for op in trapping:
        for constants in _half_constant(op):
            _check_singles(runs, op, constants)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_numeric_constant_operands_agree_with_oracle(
    engine_module: ModuleType, new_engine: NewEngine, family: str, strategy: str
) -> None:
    runs = _pair(engine_module, new_engine(strategy), _constant_text(family))
    plain, trapping = _family(family)
    for op in plain:
        rows = _constant_rows(op)
        results = []
        for run in runs:
            run.write(bytes(8 * len(rows)), RESULTS)
            assert run.call(op.name, 0) is None
            results.append(run.read(RESULTS, RESULTS + 8 * len(rows)))
        _check_slots(op, rows, *results)
    for op in trapping:
        for row in _constant_rows(op):
            _check_singles(runs, op, row)


# -- loads and stores at the bounds ----------------------------------------------------------------

PAGE = 0x10000
# Around an access of every width at a page's end, the sign bit, and the address that wraps to 0.
INDICES = (0, 1, 3, *range(PAGE - 9, PAGE + 2), 0x7FFFFFFF, 0x80000000, *range(2**32 - 8, 2**32))
# Beyond the page, the guard (32 MiB) and the sign bit; the greatest makes 33-bit addresses.
OFFSETS = (0, 1, 8, PAGE - 1, PAGE, 0x1FFFFF8, 0x2000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ACCESSES = [op for op in OPS if op.access is not None and op.proposal != features.SIMD]


def _access_export(op: Op, offset: int, align: int) -> str:
    return f"{op.name} offset={offset} align={align}"


def _access_variants(op: Op) -> Iterator[tuple[int, int]]:
    assert op.access is not None
    yield from ((offset, op.access.bytes) for offset in OFFSETS)
    if op.access.bytes > 1:
        yield 0, 1


def _access(op: Op, offset: int, align: int) -> str:
    memarg = f"offset={offset} align={align}"
    export = f'(export "{_access_export(op, offset, align)}")'
    if op.results:
        valtype = _result(op)
        raw = RAW[valtype]
        load = f"({op.name} {memarg} (local.get 0))"
        value = load if raw == valtype else f"({raw}.reinterpret_{valtype} {load})"
        return f"(func {export} (param i32) (result {raw}) {value})"
    valtype = _params(op)[1]
    raw = RAW[valtype]
    value = "(local.get 1)" if raw == valtype else f"({valtype}.reinterpret_{raw} (local.get 1))"
    return f"(func {export} (param i32 {raw}) ({op.name} {memarg} (local.get 0) {value}))"


@cache
def _access_text() -> str:
    functions = [_access(op, *variant) for op in ACCESSES for variant in _access_variants(op)]
    return f'(module (memory (export "memory") 1 1) {" ".join(functions)})'


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_access_at_bounds_agrees_with_oracle(
    engine_module: ModuleType, new_engine: NewEngine, strategy: str
) -> None:
    runs = _pair(engine_module, new_engine(strategy), _access_text())
    # Every byte value, high bits set often: sign extension shows, and the floats hold NaNs.
    pattern = bytes((i * 167 + (i >> 8) * 91) & 0xFF | (0x80 if i % 3 else 0) for i in range(PAGE))
    nans = struct.pack("<IIQ", 0x7FA54321, 0xFF800001, 0x7FF4000054321000)
    for run in runs:
        run.write(pattern[: PAGE - len(nans)] + nans, 0)
    for op in ACCESSES:
        for variant in _access_variants(op):
            name = _access_export(op, *variant)
            for n, index in enumerate(INDICES):
                arguments = [_signed("i32", index)]
                if not op.results:
                    raw = RAW[_params(op)[1]]
                    value = EDGES[_params(op)[1]][-1 - n]
                    arguments.append(_signed(raw, value))
                ours, oracle = (run.call(name, *arguments) for run in runs)
                assert ours == oracle, f"{name} at {index:#x}"
            assert runs[0].read(0, PAGE) == runs[1].read(0, PAGE), name


# -- everything else -------------------------------------------------------------------------------

REST = """
(module
  (type $unary (func (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (table $funcs (export "funcs") 6 12 funcref)
  (table $refs (export "refs") 4 9 externref)
  (elem (table $funcs) (i32.const 1) func $double $negate $nothing)
  (elem $passive func $negate $double $nothing)
  (data $passive_data "passive data")
  (global $counter (export "counter") (mut i64) (i64.const 5))
  (global $f (mut f32) (f32.const nan:0x200001))
  (func $double (type $unary) (i32.shl (local.get 0) (i32.const 1)))
  (func $negate (type $unary) (i32.sub (i32.const 0) (local.get 0)))
  (func $nothing nop)
  (func (export "unreachable") unreachable)
  (func (export "return") (param i32) (result i32)
    (if (local.get 0) (then (return (i32.const 7))))
    (drop (i32.const 1))
    (i32.const 8))
  (func (export "if") (param i32) (result i64)
    (if (result i64) (local.get 0) (then (i64.const -1)) (else (i64.const 0x7fffffffffffffff))))
  (func (export "br_table") (param i32) (result i32)
    (block $default (result i32)
      (block $two (result i32)
        (block $one (result i32)
          (block $zero (result i32)
            (br_table $zero $one $two $one $default (i32.const 40) (local.get 0)))
          (br $default (i32.add (i32.const 1))))
        (br $default (i32.add (i32.const 2))))
      (i32.add (i32.const 3))))
  (func (export "loop") (param i32) (result i32) (local $sum i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get 0)))
        (local.set $sum (i32.add (local.get $sum) (local.get 0)))
        (local.set 0 (i32.sub (local.tee 0 (local.get 0)) (i32.const 1)))
        (br $again)))
    (local.get $sum))
  (func (export "call") (param i32) (result i32) (call $negate (call $double (local.get 0))))
  (func (export "call_indirect") (param i32 i32) (result i32)
    (call_indirect $funcs (type $unary) (local.get 1) (local.get 0)))
  (func (export "select") (param i32) (result f64)
    (select (f64.const -0.5) (f64.const inf) (local.get 0)))
  (func (export "select_ref") (param externref externref i32) (result externref)
    (select (result externref) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "global") (param i64) (result i64)
    (global.set $counter (i64.add (global.get $counter) (local.get 0)))
    (global.get $counter))
  (func (export "global_bits") (result i32) (i32.reinterpret_f32 (global.get $f)))
  (func (export "set_global_bits") (param i32)
    (global.set $f (f32.reinterpret_i32 (local.get 0))))
  (func (export "ref") (param i32) (result i32)
    (table.set $funcs (i32.const 0) (ref.func $double))
    (i32.or
      (ref.is_null (table.get $funcs (local.get 0)))
      (i32.shl (ref.is_null (ref.null extern)) (i32.const 1))))
  (func (export "table.get") (param i32) (result externref) (table.get $refs (local.get 0)))
  (func (export "table.set") (param i32 externref)
    (table.set $refs (local.get 0) (local.get 1)))
  (func (export "table.size") (result i32)
    (i32.add (i32.mul (table.size $funcs) (i32.const 100)) (table.size $refs)))
  (func (export "table.grow") (param externref i32) (result i32)
    (table.grow $refs (local.get 0) (local.get 1)))
  (func (export "table.fill") (param i32 externref i32)
    (table.fill $refs (local.get 0) (local.get 1) (local.get 2)))
  (func (export "table.copy") (param i32 i32 i32)
    (table.copy $funcs $funcs (local.get 0) (local.get 1) (local.get 2)))
  (func (export "table.init") (param i32 i32 i32)
    (table.init $funcs $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "elem.drop") (elem.drop $passive))
  (func (export "memory.size") (result i32) (memory.size))
  (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "memory.fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "memory.copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "memory.init") (param i32 i32 i32)
    (memory.init $passive_data (local.get 0) (local.get 1) (local.get 2)))
  (func (export "data.drop") (data.drop $passive_data)))
"""

STEPS: tuple[tuple[str | int | None, ...], ...] = (
    ("unreachable",),
    *(("return", n) for n in (0, 1)),
    *(("if", n) for n in (0, 1, -1)),
    *(("br_table", n) for n in (0, 1, 2, 3, 4, 5, -1, -(2**31))),
    *(("loop", n) for n in (0, 1, 100)),
    *(("call", n) for n in (0, 21, -(2**31))),
    # An empty element, three functions of which one has another type, an end, and beyond.
    *(("call_indirect", n, 21) for n in (0, 1, 2, 3, 4, 5, 6, -1, -(2**31))),
    *(("select", n) for n in (0, 1, -(2**31))),
    *(("select_ref", "a", None, n) for n in (0, 1)),
    *(("global", n) for n in (0, 2**63 - 1, -1)),
    ("global_bits",),
    ("set_global_bits", 0x7F800001),
    ("global_bits",),
    *(("ref", n) for n in (0, 4, 6)),
    ("call_indirect", 0, 21),
    *(("table.get", n) for n in (0, 3, 4, -1)),
    *(("table.set", n, "x") for n in (0, 3, 4, -1)),
    ("table.get", 3),
    *(("table.grow", "y", n) for n in (0, 2, 4, -1, 3, 1)),
    *(("table.get", n) for n in (4, 8, 9)),
    ("table.size",),
    *(("table.fill", *step) for step in ((1, "z", 2), (9, None, 0), (10, None, 0), (8, "w", 2))),
    *(("table.get", n) for n in (0, 1, 2, 3, 8)),
    *(("table.copy", *step) for step in ((2, 1, 3), (0, 1, 3), (6, 6, 0), (7, 0, 0), (4, 0, 3))),
    *(("table.copy", *step) for step in ((0, 4, 3), (0, -1, 2), (-1, 0, 1), (0, 0, -1))),
    *(("call_indirect", n, 5) for n in range(6)),
    *(("table.init", *step) for step in ((3, 0, 3), (0, 3, 0), (0, 4, 0), (4, 0, 3), (0, 2, 2))),
    *(("call_indirect", n, 5) for n in range(6)),
    ("elem.drop",),
    ("elem.drop",),
    *(("table.init", *step) for step in ((0, 0, 0), (0, 0, 1), (6, 0, 0), (7, 0, 0))),
    *(("memory.fill", *step) for step in ((10, 0x1FF, 20), (65530, 7, 6), (65530, 8, 7))),
    *(("memory.fill", *step) for step in ((65536, 7, 0), (65537, 7, 0), (0, 7, -1), (-1, 7, 1))),
    *(("memory.init", *step) for step in ((100, 0, 12), (65530, 4, 6), (65531, 4, 6), (0, 4, 9))),
    *(("memory.init", *step) for step in ((0, 12, 0), (0, 13, 0), (65536, 0, 0), (65537, 0, 0))),
    *(("memory.copy", *step) for step in ((102, 100, 12), (98, 100, 12), (65530, 100, 6))),
    *(("memory.copy", *step) for step in ((65531, 0, 6), (0, 65531, 6), (65536, 0, 0))),
    *(("memory.copy", *step) for step in ((0, 65537, 0), (-1, 0, 1), (0, -1, 1), (0, 0, -1))),
    ("data.drop",),
    ("data.drop",),
    *(("memory.init", *step) for step in ((0, 0, 0), (0, 0, 1), (65537, 0, 0))),
    *(("load", n) for n in (65535, 65536)),
    *(("memory.grow", n) for n in (0, 1, 2, -1, 1, 1)),
    ("memory.size",),
    *(("load", n) for n in (65536, 3 * 65536 - 1, 3 * 65536)),
    *(("memory.fill", *step) for step in ((3 * 65536 - 4, 9, 4), (3 * 65536 - 4, 9, 5))),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_other_instructions_step_by_step_agree_with_oracle(
    engine_module: ModuleType, new_engine: NewEngine, strategy: str
) -> None:
    ours, oracle = _pair(engine_module, new_engine(strategy), REST)
    for number, (name, *arguments) in enumerate(STEPS):
        assert isinstance(name, str)
        found, wanted = ours.call(name, *arguments), oracle.call(name, *arguments)
        assert found == wanted, f"step {number}: {name}{tuple(arguments)}"
    assert ours.read(0, 3 * PAGE) == oracle.read(0, 3 * PAGE)


def test_table_of_instructions_every_scalar_row_is_exercised() -> None:
    texts = [REST, _access_text(), *map(_variable_text, FAMILIES)]
    used = set(re.findall(r"[a-z][a-z0-9_.]*", " ".join(texts)))
    # Written differently in folded text: the end of every block, and `select` with its type.
    used |= {"end", "select t"}
    scalar = (0, features.BULK_MEMORY, features.REFERENCE_TYPES)
    assert {op.name for op in OPS if op.proposal in scalar} <= used
