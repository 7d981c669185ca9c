"""Memory instructions with guard pages and with explicit checks, run in both tiers."""

import pytest

from cachewasm.abi.vmctx import MEMORY, SEGMENT

MODES = {
    "guard": {},
    "explicit": {"signals_based_traps": False},
    "moving": {"memory_reservation": 0},
}


@pytest.fixture(params=sorted(MODES))
def mode(request):
    return MODES[request.param]


WIDTHS = """(module (memory 1) (data (i32.const 8) "\\ff\\80\\01\\ff\\fe\\fd\\fc\\80")
  (func (export "i32.load8_s") (param i32) (result i32) (i32.load8_s (local.get 0)))
  (func (export "i32.load8_u") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "i32.load16_s") (param i32) (result i32) (i32.load16_s (local.get 0)))
  (func (export "i64.load32_s") (param i32) (result i64) (i64.load32_s (local.get 0)))
  (func (export "i64.load32_u") (param i32) (result i64) (i64.load32_u (local.get 0)))
  (func (export "i64.load") (param i32) (result i64) (i64.load offset=3 (local.get 0)))
  (func (export "copy") (param i32) (result i64)
    (i64.store32 offset=16 (local.get 0) (i64.load (local.get 0)))
    (i32.store8 offset=20 (local.get 0) (i32.const 0x1234))
    (i64.load offset=16 (local.get 0)))
  (func (export "f32 bits") (result i32)
    (f32.store (i32.const 64) (f32.const nan:0x200001))
    (f32.store (i32.const 72) (f32.load (i32.const 64)))
    (i32.load (i32.const 72))))"""


BYTES = bytes.fromhex("ff8001fffefdfc80")  # at address 8


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("i32.load8_s", 8, -1),
        ("i32.load8_u", 8, 255),
        ("i32.load16_s", 10, int.from_bytes(BYTES[2:4], "little", signed=True)),
        ("i64.load32_s", 11, int.from_bytes(BYTES[3:7], "little", signed=True)),
        ("i64.load32_u", 11, int.from_bytes(BYTES[3:7], "little")),
        ("i64.load", 5, int.from_bytes(BYTES, "little", signed=True)),
        ("copy", 8, 0x34_FF0180FF),
    ],
)
def test_access_widths_extend_and_wrap(machine, mode, name, argument, expected):
    assert machine(WIDTHS, **mode).call(name, argument) == [expected]


def test_f32_load_store_keep_signalling_nan(machine, mode):
    assert machine(WIDTHS, **mode).call("f32 bits") == [0x7FA00001]


EDGES = """(module (memory 1)
  (func (export "load") (param i32) (drop (i32.load offset=4 (local.get 0))))
  (func (export "store") (param i32) (i64.store8 offset=4 (local.get 0) (i64.const 1)))
  (func (export "far") (param i32) (drop (i32.load8_u offset=0xffffffff (local.get 0)))))"""


@pytest.mark.parametrize(
    ("name", "index", "outcome"),
    [
        ("load", 65528, "returned"),
        ("load", 65529, "MEMORY_OUT_OF_BOUNDS"),
        ("load", -1, "MEMORY_OUT_OF_BOUNDS"),
        ("store", 65531, "returned"),
        ("store", 65532, "MEMORY_OUT_OF_BOUNDS"),
        ("far", 0, "MEMORY_OUT_OF_BOUNDS"),
        ("far", -1, "MEMORY_OUT_OF_BOUNDS"),
    ],
)
def test_explicit_checks_at_the_end_of_memory(machine, name, index, outcome):
    assert machine(EDGES, signals_based_traps=False).trap_of(name, index) == outcome


def test_offset_beyond_the_guard_is_checked_by_code(machine):
    m = machine(EDGES)
    assert m.trap_of("far", 0) == "MEMORY_OUT_OF_BOUNDS"
    assert m.trap_of("load", 65528) == "returned"


def test_memory_size_and_grow_count_pages(machine, mode):
    m = machine(
        """(module (memory 2) (func (export "f") (param i32) (result i32 i32 i32)
          (memory.size) (memory.grow (local.get 0)) (memory.size)))""",
        **mode,
    )
    assert m.call("f", 3) == [2, 2, 5]
    assert m.call("f", 100) == [5, -1, 5]


def test_bulk_operations_pass_unsigned_arguments(machine, mode):
    m = machine(
        """(module (memory 1) (memory $b 1) (table 1 funcref) (data $d "abc")
          (func (export "f")
            (memory.copy 1 0 (i32.const -1) (i32.const 2) (i32.const 3))
            (memory.fill (i32.const 1) (i32.const 255) (i32.const -2))
            (memory.init $d (i32.const 4) (i32.const 5) (i32.const 6))
            (table.fill (i32.const 0) (ref.null func) (i32.const 1))
            (data.drop $d)))""",
        **mode,
    )
    m.call("f")
    first, second = m.memories
    segment = m.context + m.layout.data
    assert m.log == [
        ("memory_copy", m.context, second, first, 0xFFFFFFFF, 2, 3),
        ("memory_fill", m.context, first, 1, 255, 0xFFFFFFFE),
        ("memory_init", m.context, first, segment, 4, 5, 6),
        ("table_fill", m.context, m.tables[0], 0, 0, 1),
    ]
    assert m.get(segment + SEGMENT.length) == 0


def test_explicit_mode_follows_a_moved_memory(machine):
    m = machine(
        """(module (memory 1) (func (export "f") (result i32)
          (i32.store (i32.const 0) (i32.const 7)) (i32.load (i32.const 0))))""",
        signals_based_traps=False,
    )
    fresh = m._buffer(1 << 16)
    m._put(m.memories[0], MEMORY.base, fresh)
    assert m.call("f") == [7]
    assert m.get(fresh) & 0xFFFFFFFF == 7
