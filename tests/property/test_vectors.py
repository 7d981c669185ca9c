"""Every vector instruction on edge values, against PyPI wasmtime, in both tiers and on several levels.

As in test_instructions.py the instruction table says what to test, and the last test fails for a row
that nothing exercises. The oracle's API has no vectors, so they lie in memory: 16 bytes each, as many
pairs of edge values as there are, packed into lanes. A relaxed instruction is compared with the strict
instructions that it must equal when it is deterministic; otherwise a lane may also be what the oracle
makes of the relaxed one on this machine, and nothing else.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import pytest
import wasmtime

import cachewasm
from cachewasm.compiler.translate.nan import MAKES_NAN
from cachewasm.engine import host
from cachewasm.engine.isa import LEVELS, X86_64
from cachewasm.wasm import features
from cachewasm.wasm.opcodes import (
    IMM_LANE,
    IMM_MEMARG,
    IMM_MEMARG_LANE,
    IMM_SHUFFLE,
    IMM_V128,
    OPS,
    Op,
)
from tests.property import test_instructions as scalar

VECTOR = features.SIMD | features.RELAXED_SIMD
VECTOR_OPS = [op for op in OPS if op.proposal & VECTOR]
ACCESSES = [op for op in VECTOR_OPS if op.access]
RELAXED = [op for op in VECTOR_OPS if op.proposal == features.RELAXED_SIMD]
STRICT = [op for op in VECTOR_OPS if op not in ACCESSES and op not in RELAXED]

LANES = {"i8x16": 1, "i16x8": 2, "i32x4": 4, "i64x2": 8, "f32x4": 4, "f64x2": 8}  # in bytes
FORMS = {1: "B", 2: "H", 4: "I", 8: "Q"}
FLOAT = {"f32x4": "f32", "f64x2": "f64"}
SIZES = {**scalar.SIZE, "v128": 16}

_I16 = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100, 0x101, 0x3FFF, 0x4000, 0x4001),
    *(0x5555, 0x7F7F, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0x8080, 0xAAAA, 0xC000, 0xFF00, 0xFF7F),
    *(0xFF80, 0xFF81, 0xFFFE, 0xFFFF),
)
EDGES: dict[str, Sequence[int]] = {
    "i8x16": range(256),
    "i16x8": _I16,
    "i32x4": scalar.EDGES["i32"],
    "i64x2": scalar.EDGES["i64"],
    "f32x4": scalar.EDGES["f32"],
    "f64x2": scalar.EDGES["f64"],
}
AMOUNTS = (0, 1, 3, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SHUFFLES = (
    range(16),
    range(16, 32),
    range(31, 15, -1),
    [0] * 16,
    [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23],
    [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12],
    range(5, 21),
    [31, 0, 7, 19, 19, 2, 30, 8, 1, 1, 25, 14, 3, 22, 9, 16],
)

# What the specification's deterministic profile prescribes (4.3.3), in instructions that are not relaxed.
_PRODUCTS = (
    "(i16x8.mul (i16x8.shr_s (i16x8.shl {0} (i32.const 8)) (i32.const 8))"
    " (i16x8.shr_s (i16x8.shl {1} (i32.const 8)) (i32.const 8)))",
    "(i16x8.mul (i16x8.shr_s {0} (i32.const 8)) (i16x8.shr_s {1} (i32.const 8)))",
)
_DOT = f"(i16x8.add_sat_s {' '.join(_PRODUCTS)})"
MEANINGS = {
    "i8x16.relaxed_swizzle": "(i8x16.swizzle {0} {1})",
    "i16x8.relaxed_q15mulr_s": "(i16x8.q15mulr_sat_s {0} {1})",
    "i16x8.relaxed_dot_i8x16_i7x16_s": _DOT,
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": (
        f"(i32x4.add (i32x4.extadd_pairwise_i16x8_s {_DOT}) {{2}})"
    ),
    **{
        f"i32x4.relaxed_trunc_{end}": f"(i32x4.trunc_sat_{end} {{0}})"
        for end in ("f32x4_s", "f32x4_u", "f64x2_s_zero", "f64x2_u_zero")
    },
    **{
        f"{shape}.relaxed_laneselect": "(v128.bitselect {0} {1} {2})"
        for shape in ("i8x16", "i16x8", "i32x4", "i64x2")
    },
    **{
        f"{shape}.{name}": meaning.replace("@", shape)
        for shape in FLOAT
        for name, meaning in (
            ("relaxed_min", "(@.min {0} {1})"),
            ("relaxed_max", "(@.max {0} {1})"),
            ("relaxed_madd", "(@.add (@.mul {0} {1}) {2})"),
            ("relaxed_nmadd", "(@.add (@.mul (@.neg {0}) {1}) {2})"),
        )
    },
}

PLACE = 0x100000  # distance between the operands, and from them to the results


# -- rows of operands ------------------------------------------------------------------------------


def shape_in(op: Op) -> str:
    """The lanes that an instruction takes its operands for."""
    found: list[str] = re.findall("|".join(LANES), op.name)
    return found[0 if "dot_i8x16" in op.name else -1] if found else "i8x16"


def shape_out(op: Op) -> str:
    """The lanes of its result."""
    prefix = op.name.partition(".")[0]
    return prefix if prefix in LANES else "i8x16"


def _input_shape(op: Op) -> str:
    return "i8x16" if "relaxed_dot" in op.name else shape_in(op)


def _packed(shape: str, values: Sequence[int]) -> list[bytes]:
    lanes = 16 // LANES[shape]
    values = [*values, *values[: -len(values) % lanes]]
    form = struct.Struct(f"<{lanes}{FORMS[LANES[shape]]}")
    return [form.pack(*values[i : i + lanes]) for i in range(0, len(values), lanes)]


@cache
def rows(op: Op) -> list[tuple[bytes, ...]]:
    """Operands, each as its bytes."""
    shape = _input_shape(op)
    edges = list(EDGES[shape])
    types = [t.name for t in op.params or ()]
    vectors = types.count("v128")
    if vectors == len(types) == 1:
        return [(packed,) for packed in _packed(shape, edges)]
    if vectors != len(types):
        (number,) = (t for t in types if t != "v128")
        numbers = AMOUNTS if ".sh" in op.name else scalar.EDGES[number]
        form = f"<{FORMS[SIZES[number]]}"
        lone = [struct.pack(form, value) for value in numbers]
        if not vectors:
            return [(each,) for each in lone]
        return list(product(_packed(shape, edges), lone))
    pairs = list(product(edges, edges))
    few = edges if len(edges) < 40 else edges[:: len(edges) // 16] + edges[-2:]
    lanes = 16 // LANES[shape]
    pairs += [pair for pair in product(few, few) for _ in range(lanes)]  # the same in all lanes
    operands = [_packed(shape, [a for a, _ in pairs]), _packed(shape, [b for _, b in pairs])]
    if vectors == 3:
        thirds = [edges[(7 * i + i // 5) % len(edges)] for i in range(len(pairs))]
        operands.append(_packed(shape, thirds))
    return list(zip(*operands, strict=True))


# -- programs --------------------------------------------------------------------------------------


def immediates(op: Op) -> Iterator[str]:
    if op.imm in (IMM_LANE, IMM_MEMARG_LANE):
        yield from map(str, range(op.lanes))
    elif op.imm == IMM_SHUFFLE:
        yield from (" ".join(map(str, lanes)) for lanes in SHUFFLES)
    else:
        yield ""


def constant(valtype: str, bits: bytes) -> str:
    if valtype == "v128":
        return f"(v128.const i64x2 {' '.join(map(str, struct.unpack('<QQ', bits)))})"
    return scalar._const(valtype, int.from_bytes(bits, "little"))


def applied(op: Op, imm: str, operands: Sequence[str], *, meant: bool) -> str:
    """The instruction; `meant`: what it must equal."""
    if meant and op.name in MEANINGS:
        return MEANINGS[op.name].format(*operands)
    return f"({op.name} {imm} {' '.join(operands)})"


def load(valtype: str, place: int) -> str:
    return f"({valtype}.load offset={place * PLACE} (local.get $p))"


def store(op: Op, value: str, address: str, offset: int = 0) -> str:
    assert op.results
    return f"({op.results[0]}.store offset={3 * PLACE + offset} {address} {value})"


def loop(op: Op, imm: str, *, meant: bool) -> str:
    """A function that applies `op` to rows 0 to n-1."""
    operands = [load(t.name, i) for i, t in enumerate(op.params or ())]
    result = store(op, applied(op, imm, operands, meant=meant), "(local.get $p)")
    return f"""(func (export "{op.name} {imm}") (param $n i32) (local $p i32)
      (local.set $n (i32.shl (local.get $n) (i32.const 4)))
      (loop $next {result}
        (br_if $next (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 16)))
                               (local.get $n)))))"""


def some(op: Op) -> list[tuple[bytes, ...]]:
    """A few rows, for what is compiled for each."""
    found = rows(op)
    return found[:: max(len(found) // 24, 1)]


def straight(op: Op, constants: Sequence[bool], *, meant: bool) -> str:
    """A function that applies `op` to a few rows, of which some operands are constants."""
    stores = []
    imm = next(immediates(op))
    for i, row in enumerate(some(op)):
        types = [t.name for t in op.params or ()]
        operands = [
            constant(t, bits) if is_constant else load(t, place)
            for place, (t, bits, is_constant) in enumerate(zip(types, row, constants, strict=True))
        ]
        value = applied(op, imm, operands, meant=meant)
        stores.append(f"(local.set $p (i32.const {16 * i}))")
        stores.append(store(op, value, "(i32.const 0)", 16 * i))
    return f'(func (export "{op.name} {_mark(constants)}") (local $p i32) {" ".join(stores)})'


def _mark(constants: Sequence[bool]) -> str:
    return "".join("_c"[is_constant] for is_constant in constants)


def kinds_of_constants(op: Op) -> list[tuple[bool, ...]]:
    """Which operands are constants: all, or one of them."""
    count = len(op.params or ())
    single = [tuple(i == j for i in range(count)) for j in range(count)] if count > 1 else []
    return [(True,) * count, *single]


def text(ops: Sequence[Op], *, meant: bool) -> str:
    functions = [loop(op, imm, meant=meant) for op in ops for imm in immediates(op)]
    functions += [
        straight(op, kind, meant=meant)
        for op in ops
        if op.imm != IMM_V128
        for kind in kinds_of_constants(op)
    ]
    return f'(module (memory (export "memory") 64) {" ".join(functions)})'


FAMILIES = ("v128", *LANES)


def family(name: str, ops: Sequence[Op] = STRICT) -> list[Op]:
    return [op for op in ops if op.name.startswith(f"{name}.") and op.imm != IMM_V128]


# -- running and comparing -------------------------------------------------------------------------

Results = dict[str, bytes]


def results(run: scalar.Run, ops: Sequence[Op]) -> Results:
    """What every function has stored, by its name."""
    found = {}
    for op in ops:
        taken = rows(op)
        _put(run, taken)
        for imm in immediates(op):
            found[f"{op.name} {imm}"] = _stored(run, f"{op.name} {imm}", len(taken), len(taken))
        taken = some(op)
        _put(run, taken)
        for kind in kinds_of_constants(op):
            found[f"{op.name} {_mark(kind)}"] = _stored(run, f"{op.name} {_mark(kind)}", len(taken))
    return found


def _put(run: scalar.Run, taken: list[tuple[bytes, ...]]) -> None:
    for i, operand in enumerate(zip(*taken, strict=True)):
        run.write(b"".join(each.ljust(16, b"\0") for each in operand), i * PLACE)


def _stored(run: scalar.Run, name: str, count: int, *arguments: int) -> bytes:
    run.write(bytes(16 * count), 3 * PLACE)
    assert run.call(name, *arguments) is None
    return run.read(3 * PLACE, 3 * PLACE + 16 * count)


@cache
def wanted(name: str) -> Results:
    ops = family(name)
    run = scalar.Run(wasmtime, wasmtime.Engine(), text(ops, meant=False))
    return results(run, ops)


def lanes_of(shape: str, bits: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{16 // LANES[shape]}{FORMS[LANES[shape]]}", bits)


def check(op: Op, found: Results, *allowed: Results) -> None:
    """Each lane must be that of one of the `allowed` results, or a NaN that may stand for it."""
    for name in (*immediates(op), *map(_mark, kinds_of_constants(op))):
        key = f"{op.name} {name}"
        ours, first = found[key], allowed[0][key]
        if ours == first:
            continue
        taken = some(op) if name and name[-1] in "_c" else rows(op)
        for i, row in enumerate(taken):
            slot = slice(16 * i, 16 * i + 16)
            if ours[slot] != first[slot]:
                _check_lanes(op, key, row, ours[slot], [each[key][slot] for each in allowed])


def _check_lanes(
    op: Op, key: str, row: tuple[bytes, ...], ours: bytes, allowed: list[bytes]
) -> None:
    shape = shape_out(op)
    choices = zip(*(lanes_of(shape, each) for each in allowed), strict=True)
    for lane, (found, choice) in enumerate(zip(lanes_of(shape, ours), choices, strict=True)):
        if found in choice:
            continue
        operands = [lanes_of(shape_in(op), each) for each in row]
        if len(allowed) > 1 and _is_second(op, operands, lane, found):
            continue
        if op.name in MAKES_NAN and _is_allowed_nan(op, operands, lane, found, choice):
            continue
        listed = " ".join(each.hex() for each in row)
        pytest.fail(f"{key} {listed}: lane {lane} is {found:#x}, not one of {choice}")


def _is_second(op: Op, operands: list[tuple[int, ...]], lane: int, found: int) -> bool:
    """Whether a relaxed min or max gives its second operand where it may."""
    if not op.name.endswith(("relaxed_min", "relaxed_max")) or found != operands[1][lane]:
        return False
    kind = FLOAT[shape_in(op)]
    both = [each[lane] for each in operands]
    magnitude = (1 << 8 * scalar.SIZE[kind] - 1) - 1
    return any(scalar._is_nan(kind, bits) for bits in both) or not any(b & magnitude for b in both)


def _is_allowed_nan(
    op: Op, operands: list[tuple[int, ...]], lane: int, found: int, choice: Sequence[int]
) -> bool:
    """4.3.3: canonical if every NaN operand is, else any with the quiet bit."""
    result, taken = FLOAT[shape_out(op)], FLOAT[shape_in(op)]
    if not scalar._is_nan(result, found) or not any(scalar._is_nan(result, c) for c in choice):
        return False
    quiet = scalar._quiet_bit(taken)
    nans = [each[lane] for each in operands if scalar._is_nan(taken, each[lane])]
    if all(scalar._payload(taken, bits) == quiet for bits in nans):
        return scalar._payload(result, found) == scalar._quiet_bit(result)
    return bool(found & scalar._quiet_bit(result))


def engine(strategy: str, **options: object) -> cachewasm.Engine:
    config = cachewasm.Config()
    config.strategy = strategy
    for name, value in options.items():
        setattr(config, name, value)
    return cachewasm.Engine(config)


def _targets() -> list[str]:
    """The levels that this machine runs, the host's last."""
    arch = host.machine()
    highest = list(LEVELS[arch]).index(host.native_target().level)
    return list(LEVELS[arch])[: highest + 1]


STRATEGIES = scalar.STRATEGIES


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("target", _targets())
@pytest.mark.parametrize("name", FAMILIES)
def test_vector_instructions_agree_with_oracle(name: str, target: str, strategy: str) -> None:
    ops = family(name)
    program = text(ops, meant=False)
    found = results(scalar.Run(cachewasm, engine(strategy, target=target), program), ops)
    for op in ops:
        check(op, found, wanted(name))


def test_vector_constants_of_every_lane_agree_with_oracle() -> None:
    constants = [row[0] for shape in LANES for row in rows_of_one(shape)]
    stores = " ".join(
        f"(v128.store offset={3 * PLACE + 16 * i} (i32.const 0) {constant('v128', each)})"
        for i, each in enumerate(constants)
    )
    program = f'(module (memory (export "memory") 64) (func (export "f") {stores}))'
    for strategy in STRATEGIES:
        run = scalar.Run(cachewasm, engine(strategy), program)
        assert _stored(run, "f", len(constants)) == b"".join(constants)


def rows_of_one(shape: str) -> list[tuple[bytes]]:
    return [(packed,) for packed in _packed(shape, EDGES[shape])]


# -- relaxed instructions --------------------------------------------------------------------------


@cache
def wanted_of_relaxed(*, meant: bool) -> Results:
    """What they mean when deterministic, or what the oracle makes of them on this machine."""
    return results(scalar.Run(wasmtime, wasmtime.Engine(), text(RELAXED, meant=meant)), RELAXED)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("target", _targets())
def test_relaxed_instructions_deterministic_are_the_strict_ones(target: str, strategy: str) -> None:
    deterministic = engine(strategy, target=target, wasm_relaxed_simd_deterministic=True)
    program = text(RELAXED, meant=False)
    found = results(scalar.Run(cachewasm, deterministic, program), RELAXED)
    for op in RELAXED:
        check(op, found, wanted_of_relaxed(meant=True))


@pytest.mark.parametrize("target", _targets())
def test_relaxed_instructions_give_an_allowed_result_in_both_tiers(target: str) -> None:
    program = text(RELAXED, meant=False)
    baseline, optimized = (
        results(scalar.Run(cachewasm, engine(strategy, target=target), program), RELAXED)
        for strategy in STRATEGIES
    )
    for op in RELAXED:
        check(op, baseline, wanted_of_relaxed(meant=True), wanted_of_relaxed(meant=False))
        check(op, optimized, baseline)


# -- canonical NaNs --------------------------------------------------------------------------------

CANONICAL = {"f32": 0x7FC00000, "f64": 0x7FF8 << 48}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("shape", FLOAT)
def test_nan_of_vector_instructions_is_canonical(shape: str, strategy: str) -> None:
    ops = [op for op in VECTOR_OPS if op.name in MAKES_NAN and shape_out(op) == shape]
    assert {op.name for op in ops} == {
        name for name in MAKES_NAN if name.startswith(f"{shape}.")
    }, "every one has a row"
    program = text(ops, meant=False)
    found = results(scalar.Run(cachewasm, engine(strategy), program), ops)
    config_engine = engine(strategy, nan_canonicalization=True)
    canonical = results(scalar.Run(cachewasm, config_engine, program), ops)
    kind = FLOAT[shape]
    for op in ops:
        for key in (f"{op.name} {name}" for name in ("", *map(_mark, kinds_of_constants(op)))):
            plain = lanes_of_all(shape, found[key])
            expected = [CANONICAL[kind] if scalar._is_nan(kind, b) else b for b in plain]
            assert list(lanes_of_all(shape, canonical[key])) == expected, key
            assert CANONICAL[kind] in expected, key


def lanes_of_all(shape: str, stored: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(stored) // LANES[shape]}{FORMS[LANES[shape]]}", stored)


def test_makes_nan_lists_every_vector_instruction_that_has_no_bits_to_keep() -> None:
    kept = re.compile(r"\.(abs|neg|pmin|pmax|splat|(extract|replace)_lane|convert_.*)$")
    compared = re.compile(r"\.(eq|ne|lt|gt|le|ge)$")
    arithmetic = {
        op.name
        for op in VECTOR_OPS
        if shape_out(op) in FLOAT and not kept.search(op.name) and not compared.search(op.name)
    }
    assert arithmetic == {name for name in MAKES_NAN if name.partition(".")[0] in FLOAT}


# -- accesses at the bounds ------------------------------------------------------------------------


def _access_name(op: Op, offset: int, align: int, imm: str) -> str:
    return f"{op.name} offset={offset} align={align} {imm}"


def _variants(op: Op) -> Iterator[tuple[int, int, str]]:
    assert op.access is not None
    last = list(immediates(op))[-1]
    yield from ((offset, op.access.bytes, last) for offset in scalar.OFFSETS)
    if op.access.bytes > 1 or op.lanes:
        yield from ((0, 1, imm) for imm in immediates(op) if (op.access.bytes, imm) != (1, last))


# Where a vector comes from and goes to, out of the way of the accesses: in a memory of its own.
ASIDE = '(memory $aside (export "aside") 1)'


def _access(op: Op, variant: tuple[int, int, str]) -> str:
    offset, align, imm = variant
    operands = "(local.get 0)" + (
        " (v128.load $aside (i32.const 16))" if len(op.params or ()) > 1 else ""
    )
    access = f"({op.name} offset={offset} align={align} {imm} {operands})"
    if op.results:
        access = f"(v128.store $aside (i32.const 0) {access})"
    return f'(func (export "{_access_name(op, *variant)}") (param i32) {access})'


@cache
def access_text() -> str:
    functions = [_access(op, variant) for op in ACCESSES for variant in _variants(op)]
    return f'(module (memory (export "memory") 1 1) {ASIDE} {" ".join(functions)})'


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "options",
    [{}, {"signals_based_traps": False}, {"memory_reservation": 0}],
    ids=["guarded", "checked", "moving"],
)
def test_vector_access_at_bounds_agrees_with_oracle(
    options: dict[str, object], strategy: str
) -> None:
    ours = scalar.Run(cachewasm, engine(strategy, **options), access_text())
    oracle = scalar.Run(wasmtime, wasmtime.Engine(), access_text())
    page = bytes((i * 167 + (i >> 8) * 91) & 0xFF for i in range(scalar.PAGE))
    aside = bytes(range(0xE0, 0x100))
    # Where a guard finds a store beyond the end, AArch64 may have written what lies before it: the oracle.
    is_torn = host.machine() != X86_64 and bool(options)
    for op in ACCESSES:
        for run in (ours, oracle):
            run.write(page, 0)
        for variant in _variants(op):
            name = _access_name(op, *variant)
            for index in (*scalar.INDICES, *range(scalar.PAGE - 17, scalar.PAGE - 9)):
                for run in (ours, oracle):
                    run.exports["aside"].write(run.store, aside, 0)
                argument = scalar._signed("i32", index)
                assert ours.call(name, argument) == oracle.call(name, argument), (name, index)
                found, expected = (
                    bytes(run.exports["aside"].read(run.store, 0, 32)) for run in (ours, oracle)
                )
                assert found == expected, (name, index)
        assert is_torn or ours.read(0, scalar.PAGE) == oracle.read(0, scalar.PAGE), op.name


def test_table_of_instructions_every_vector_row_is_exercised() -> None:
    constants = [op for op in VECTOR_OPS if op.imm == IMM_V128]
    texts = [access_text(), text(RELAXED, meant=False)]
    texts += [text(family(name), meant=False) for name in FAMILIES]
    used = set(re.findall(r"[a-z][a-z0-9_.]*", " ".join(texts)))
    assert {op.name for op in VECTOR_OPS if op not in constants} <= used
    assert [op.name for op in constants] == ["v128.const"]  # above
    assert all(op.imm in (IMM_MEMARG, IMM_MEMARG_LANE) for op in ACCESSES)


# -- scalar instructions beside vectors ------------------------------------------------------------

BETWEEN = """(func (export "{name}") (param i32) (result i32 i32) (local $v v128) (local $f f32)
  (local.set $v (i32x4.splat (local.get 0)))
  {constant}
  (local.set $v (i8x16.shuffle 3 3 1 1 1 1 1 1 1 1 1 1 1 1 1 2 (local.get $v) (local.get $v)))
  (f32.reinterpret_i32 (local.get 0))
  (local.set $f ({op}))
  (local.set $v (f32x4.replace_lane 2 (local.get $v) (local.get $f)))
  (i32.reinterpret_f32 (local.get $f)) (i32x4.extract_lane 2 (local.get $v)))"""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scalar_arithmetic_beside_vectors_quiets_signalling_nans(strategy: str) -> None:
    # A vector instruction makes LLVM select those before it otherwise than it does by default.
    names = [
        f"f32.{name} {value}"
        for name in ("add", "sub", "mul", "div", "min", "max")
        for value in ("0", "-0", "1", "-1")
    ]
    functions = []
    for name in names:
        op, _, value = name.partition(" ")
        functions.append(BETWEEN.format(name=name, op=op, constant=f"(f32.const {value})"))
    program = f"(module {' '.join(functions)})"
    ours = scalar.Run(cachewasm, engine(strategy), program)
    oracle = scalar.Run(wasmtime, wasmtime.Engine(), program)
    for name in names:
        for operand in (0x7FA54321, 0x7FE54321, -0x5FFFFF, 0x3F800000, 0, -(1 << 31)):
            assert ours.call(name, operand) == oracle.call(name, operand), (name, operand)
