"""Linear memory: from Python as the oracle does it, and accesses of wasm code to the last byte.

The accesses run with guard pages and, with equal results, with every way of explicit checks.
"""

import ctypes
import gc
import os
from collections.abc import Callable
from typing import Any

import pytest

PAGE = 65536
EXPORTED = '(module (memory (export "m") 2 4) (data (i32.const 10) "hello"))'


@pytest.fixture
def memory(instantiate: Callable[..., Any]) -> Any:
    """A memory of two pages, of at most four, with `hello` at 10."""
    return instantiate(EXPORTED)["m"]


# --- From Python


def test_memory_read_takes_slices(memory: Any, store: Any) -> None:
    assert memory.read(store, 10, 15) == b"hello"
    assert isinstance(memory.read(store, 10, 15), bytearray)
    assert len(memory.read(store)) == 2 * PAGE
    assert memory.read(store, 2 * PAGE - 3) == bytes(3)
    assert memory.read(store, -2 * PAGE + 10, -2 * PAGE + 15) == b"hello"
    assert memory.read(store, 10, 10) == b""
    assert memory.read(store, 15, 10) == b""
    assert memory.read(store, 2 * PAGE - 2, 2 * PAGE + 50) == bytes(2)
    assert memory.read(store, 3 * PAGE) == b""


def test_memory_write_returns_the_number_of_bytes(memory: Any, store: Any) -> None:
    assert memory.write(store, b"abc", 0) == 3
    assert memory.write(store, bytearray(b"de"), 3) == 2
    assert memory.read(store, 0, 6) == b"abcde\0"
    assert memory.write(store, b"xyz", 2 * PAGE - 3) == 3
    assert memory.write(store, b"Z", -1) == 1
    assert memory.read(store, -3) == b"xyZ"
    assert memory.write(store, b"start") == 5
    assert memory.read(store, 0, 5) == b"start"


@pytest.mark.parametrize(
    ("value", "start"), [(b"xy", 2 * PAGE - 1), (b"x", 2 * PAGE), (b"x", 2**40), (b"xy", -1)]
)
def test_memory_write_that_does_not_fit_changes_nothing(
    memory: Any, store: Any, value: bytes, start: int
) -> None:
    with pytest.raises(IndexError):
        memory.write(store, value, start)
    assert memory.read(store, 2 * PAGE - 2) == bytes(2)


def test_memory_buffer_shares_the_bytes(memory: Any, store: Any) -> None:
    buffer = memory.get_buffer_ptr(store, 5, 10)
    assert bytes(buffer) == b"hello"
    buffer[0] = ord("j")
    assert memory.read(store, 10, 15) == b"jello"
    pointer = memory.data_ptr(store)
    assert pointer[11] == ord("e")
    assert ctypes.sizeof(memory.get_buffer_ptr(store)) == memory.data_len(store) == 2 * PAGE


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("size", "offset"), [(1, 2 * PAGE), (2 * PAGE + 1, 0), (-1, 0), (1, -1)])
def test_memory_buffer_outside_is_refused(memory: Any, store: Any, size: int, offset: int) -> None:
    with pytest.raises(IndexError):
        memory.get_buffer_ptr(store, size, offset)


def test_memory_grow_up_to_the_maximum(api: Any, memory: Any, store: Any) -> None:
    assert memory.size(store) == 2
    assert memory.grow(store, 1) == 2
    assert memory.grow(store, 0) == 3
    assert memory.write(store, b"new", 3 * PAGE - 3) == 3
    with pytest.raises(api.WasmtimeError, match="failed to grow memory by `2`"):
        memory.grow(store, 2)
    assert memory.size(store) == 3
    assert memory.grow(store, 1) == 3
    assert memory.data_len(store) == 4 * PAGE
    found = memory.type(store)
    assert (found.limits.min, found.limits.max) == (2, 4)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("delta", [2**16, 2**32, 2**48, 2**64, 2**100])
def test_memory_grow_beyond_reason_is_refused(
    api: Any, memory: Any, store: Any, delta: int
) -> None:
    with pytest.raises(api.WasmtimeError, match="failed to grow memory"):
        memory.grow(store, delta)
    with pytest.raises(api.WasmtimeError, match="negative"):
        memory.grow(store, -1)
    assert memory.size(store) == 2


def test_memory_made_by_the_embedder_is_imported(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    memory = api.Memory(store, api.MemoryType(api.Limits(1, 3)))
    exports = instantiate(
        """(module (import "" "m" (memory 1 4)) (export "again" (memory 0))
             (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
             (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))""",
        memory,
    )
    memory.write(store, b"*", 77)
    assert exports["load"](store, 77) == ord("*")
    assert exports["grow"](store, 1) == 1
    assert memory.size(store) == exports["again"].size(store) == 2
    memory.write(store, b"+", 2 * PAGE - 1)
    assert exports["load"](store, 2 * PAGE - 1) == ord("+")
    assert exports["grow"](store, 2) == -1


@pytest.mark.usefixtures("own")
def test_memory_of_another_store_is_refused(api: Any, engine: Any, memory: Any) -> None:
    other = api.Store(engine)
    for use in (memory.size, memory.data_ptr, memory.read, memory.type, memory.get_buffer_ptr):
        with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
            use(other)


def test_memory_limits_of_the_store_bound_growth(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    store.set_limits(memory_size=3 * PAGE)
    exports = instantiate(
        '(module (memory (export "m") 2)'
        ' (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))'
    )
    assert exports["grow"](store, 2) == -1
    assert exports["grow"](store, 1) == 2
    assert exports["grow"](store, 1) == -1
    with pytest.raises(api.WasmtimeError):
        exports["m"].grow(store, 1)
    with pytest.raises(api.WasmtimeError, match="exceeds memory limits"):
        instantiate("(module (memory 4))")


@pytest.mark.usefixtures("own")
def test_memory_limits_lifted_again_allow_growth(memory: Any, store: Any) -> None:
    store.set_limits(memory_size=PAGE)
    assert memory.grow(store, 0) == 2
    store.set_limits()
    assert memory.grow(store, 2) == 2


# --- From wasm code

ACCESS = """
(module
  (memory (export "m") 1)
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load16") (param i32) (result i32) (i32.load16_u (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "float") (param i32) (result f64) (f64.load (local.get 0)))
  (func (export "near") (param i32) (result i32) (i32.load offset=65532 (local.get 0)))
  (func (export "far") (param i32) (result i32) (i32.load offset=0x7fffffff (local.get 0)))
  (func (export "farthest") (param i32) (result i32)
    (i32.load8_u offset=0xffffffff (local.get 0)))
  (func (export "farthest64") (param i32) (result i64) (i64.load offset=0xffffffff (local.get 0)))
  (func (export "beyond_guard") (param i32) (result i32)
    (i32.load offset=0x2000001 (local.get 0)))
  (func (export "store8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "store64") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "store_far") (param i32 i64) (i64.store offset=0xffffffff (local.get 0) (local.get 1)))
  (func (export "copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32)
    (memory.init $data (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (data.drop $data))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (data $data "0123456789"))
"""

MODES: dict[str, dict[str, Any]] = {
    "guard pages": {},
    "no signals": {"signals_based_traps": False},
    "no reservation": {"memory_reservation": 0, "memory_guard_size": 0},
    "small reservation": {"memory_reservation": 1 << 20, "memory_guard_size": 0},
    "guard pages without guard": {"memory_guard_size": 0},
    "small guard": {"memory_guard_size": 65536},
}


@pytest.fixture(scope="session", params=MODES)
def mode_engine(request: pytest.FixtureRequest, api: Any) -> Any:
    """An engine for each way of catching accesses out of bounds."""
    config = api.Config()
    for name, value in MODES[request.param].items():
        setattr(config, name, value)
    return api.Engine(config)


class _Access:
    """The exports of ACCESS: `access.name(arguments)`."""

    def __init__(self, api: Any, module: Callable[..., Any], engine: Any) -> None:
        self._api = api
        self.store = api.Store(engine)
        instance = api.Instance(self.store, module(ACCESS, engine), [])
        self.exports = instance.exports(self.store)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.exports[name](self.store, *arguments)

    def traps(self, name: str, *arguments: int) -> None:
        with pytest.raises(self._api.Trap, match="out of bounds memory access") as caught:
            self.exports[name](self.store, *arguments)
        assert caught.value.trap_code == self._api.TrapCode.MEMORY_OUT_OF_BOUNDS


@pytest.fixture
def access(api: Any, module: Callable[..., Any], mode_engine: Any) -> _Access:
    return _Access(api, module, mode_engine)


@pytest.mark.parametrize(
    ("name", "width"), [("load8", 1), ("load16", 2), ("load32", 4), ("load64", 8), ("float", 8)]
)
def test_access_is_allowed_up_to_the_last_byte(access: _Access, name: str, width: int) -> None:
    assert getattr(access, name)(PAGE - width) == 0
    for index in (*range(PAGE - width + 1, PAGE + 1), 2**31 - 1, 2**31, 2**32 - width, 2**32 - 1):
        access.traps(name, index)


def test_access_with_static_offset_is_checked_for_the_sum(access: _Access) -> None:
    assert access.near(0) == 0
    for name, index in (
        ("near", 1),
        ("near", -1),
        ("near", -65532),
        ("near", -65536),
        ("far", 0),
        ("far", -1),
        ("far", -0x7FFFFFFF),
        ("farthest", 0),
        ("farthest", 1),
        ("farthest", -1),
        ("farthest64", -1),
        ("farthest64", 0),
        ("beyond_guard", 0),
        ("beyond_guard", -1),
        ("beyond_guard", -0x2000001),
    ):
        access.traps(name, index)


def test_access_to_a_memory_without_pages_traps_until_it_grows(
    api: Any, module: Callable[..., Any], mode_engine: Any
) -> None:
    store = api.Store(mode_engine)
    text = ACCESS.replace('(memory (export "m") 1)', '(memory (export "m") 0)')
    exports = api.Instance(store, module(text, mode_engine), []).exports(store)
    for name in ("load8", "load64", "farthest", "near"):
        with pytest.raises(api.Trap, match="out of bounds memory access"):
            exports[name](store, 0)
    exports["fill"](store, 0, 0, 0)
    with pytest.raises(api.Trap, match="out of bounds memory access"):
        exports["fill"](store, 0, 0, 1)
    assert exports["m"].read(store) == b""
    assert exports["grow"](store, 1) == 0
    assert exports["load8"](store, PAGE - 1) == 0
    assert exports["m"].data_len(store) == PAGE


def test_access_stores_beyond_the_end_trap_and_write_nothing(access: _Access) -> None:
    access.store64(PAGE - 8, -1)
    assert access.load64(PAGE - 8) == -1
    for index in range(PAGE - 7, PAGE + 1):
        access.traps("store64", index, 0)
    access.traps("store_far", 0, 0)
    access.traps("store_far", -1, 0)
    assert access.load64(PAGE - 8) == -1


def test_access_after_growth_reaches_the_new_pages(access: _Access) -> None:
    access.store8(PAGE - 1, 7)
    access.traps("load8", PAGE)
    assert access.grow(3) == 1
    assert access.size() == 4
    assert access.load8(PAGE - 1) == 7
    assert access.load8(PAGE) == 0
    access.store8(4 * PAGE - 1, 9)
    assert access.load8(4 * PAGE - 1) == 9
    access.traps("load8", 4 * PAGE)
    # Beyond the small reservation, so that a memory that may move does.
    assert access.grow(60) == 4
    assert (access.load8(PAGE - 1), access.load8(4 * PAGE - 1)) == (7, 9)
    access.store8(64 * PAGE - 1, 5)
    assert access.load8(64 * PAGE - 1) == 5
    access.traps("load8", 64 * PAGE)
    assert access.exports["m"].read(access.store, 64 * PAGE - 1) == b"\5"


@pytest.mark.parametrize("delta", [65536, 2**31, 2**32 - 1])
def test_access_growth_beyond_the_index_space_is_refused(access: _Access, delta: int) -> None:
    assert access.grow(delta) == -1
    assert access.size() == 1
    access.traps("load8", PAGE)


def test_access_bulk_operations_check_both_ends(access: _Access) -> None:
    access.init(0, 0, 10)
    access.copy(PAGE - 10, 0, 10)
    assert access.exports["m"].read(access.store, PAGE - 10) == b"0123456789"
    access.copy(2, 0, 6)  # overlapping, upwards
    assert access.exports["m"].read(access.store, 0, 10) == b"0101234589"
    access.copy(0, 2, 6)  # and downwards
    assert access.exports["m"].read(access.store, 0, 10) == b"0123454589"
    access.fill(PAGE - 3, 0x1FF, 3)
    assert access.exports["m"].read(access.store, PAGE - 4) == b"6\xff\xff\xff"
    for name, arguments in (
        ("copy", (PAGE - 9, 0, 10)),
        ("copy", (0, PAGE - 9, 10)),
        ("copy", (0, 0, -1)),
        ("copy", (-1, 0, 2)),
        ("fill", (PAGE - 2, 1, 3)),
        ("fill", (-1, 0, -1)),
        ("init", (PAGE - 2, 0, 3)),
        ("init", (0, 8, 3)),
        ("init", (0, -1, -1)),
        ("copy", (PAGE + 1, 0, 0)),
        ("init", (0, 11, 0)),
    ):
        access.traps(name, *arguments)
    access.copy(PAGE, PAGE, 0)
    access.fill(PAGE, 0, 0)
    access.init(PAGE, 10, 0)
    access.drop()
    access.init(0, 0, 0)
    access.traps("init", 0, 0, 1)
    assert access.exports["m"].read(access.store, 0, 10) == b"0123454589"


MOVING = """
(module
  (import "" "move" (func $move))
  (memory (export "m") 1)
  (func $grow (drop (memory.grow (i32.const 40))))
  (func (export "by_host") (param i32 i32) (result i32)
    (i32.store8 (local.get 0) (local.get 1))
    (call $move)
    (i32.store8 offset=1 (local.get 0) (i32.add (i32.load8_u (local.get 0)) (i32.const 1)))
    (call $move)
    (i32.add (i32.load8_u (local.get 0)) (i32.load8_u offset=1 (local.get 0))))
  (func (export "by_callee") (param i32 i32) (result i32) (local i32)
    (loop $again
      (i32.store8 (local.get 0) (i32.add (i32.load8_u (local.get 0)) (local.get 1)))
      (call $grow)
      (local.set 2 (i32.add (local.get 2) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get 2) (i32.const 4))))
    (i32.load8_u (local.get 0))))
"""


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
@pytest.mark.parametrize("mode", MODES)
def test_access_after_the_memory_has_moved_meanwhile(
    api: Any, module: Callable[..., Any], strategy: str, mode: str
) -> None:
    config = api.Config()
    config.strategy = "cranelift" if api.__name__ == "wasmtime" else strategy
    for name, value in MODES[mode].items():
        setattr(config, name, value)
    maker = api.Engine(config)
    store = api.Store(maker)

    def grow() -> None:
        exports["m"].grow(store, 40)

    move = api.Func(store, api.FuncType([], []), grow)
    exports = api.Instance(store, module(MOVING, maker), [move]).exports(store)
    assert exports["by_host"](store, 9, 20) == 41
    assert exports["m"].size(store) == 81
    assert exports["by_callee"](store, 100, 3) == 12
    assert exports["m"].read(store, 100, 101) == bytes([12])


def test_access_at_four_gib_is_checked_to_the_last_byte(access: _Access) -> None:
    assert access.grow(65535) == 1
    assert access.size() == 65536
    access.store8(2**32 - 1, 100)
    assert access.load8(-1) == 100
    assert access.farthest(0) == 100
    assert access.load64(-8) == 100 << 56
    assert access.far(-0x80000003) == 100 << 24
    for name, index in (
        ("farthest", 1),
        ("farthest", -1),
        ("farthest64", 0),
        ("load16", -1),
        ("load64", -7),
        ("far", -0x80000002),
        ("far", -1),
    ):
        access.traps(name, index)
    assert access.grow(1) == -1


def test_data_segment_beyond_the_end_traps_at_instantiation(
    api: Any, instantiate: Callable[..., Any]
) -> None:
    instantiate('(module (memory 1) (data (i32.const 65533) "abc"))')
    for text in (
        '(module (memory 1) (data (i32.const 65534) "abc"))',
        '(module (memory 1) (data (i32.const -1) "a"))',
        '(module (memory 1) (data (i32.const 65537) ""))',
    ):
        with pytest.raises(api.Trap, match="out of bounds memory access"):
            instantiate(text)


def test_data_segments_before_the_failing_one_are_written(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    memory = api.Memory(store, api.MemoryType(api.Limits(1, None)))
    with pytest.raises(api.Trap):
        instantiate(
            '(module (import "" "m" (memory 1)) (data (i32.const 0) "first")'
            ' (data (i32.const 65535) "second"))',
            memory,
        )
    assert memory.read(store, 0, 5) == b"first"


def test_memories_of_a_module_are_separate(store: Any, instantiate: Callable[..., Any]) -> None:
    exports = instantiate(
        """(module (memory $a (export "a") 1) (memory $b (export "b") 2)
             (func (export "f") (param i32) (result i32)
               (i32.store8 $a (local.get 0) (i32.const 1))
               (i32.store8 $b (local.get 0) (i32.const 2))
               (memory.copy $b $a (i32.const 9) (local.get 0) (i32.const 1))
               (i32.add (i32.load8_u $a (local.get 0))
                        (i32.mul (i32.const 10) (i32.load8_u $b (local.get 0))))))"""
    )
    assert exports["f"](store, 100) == 21
    assert exports["a"].read(store, 100, 101) == b"\1"
    assert exports["b"].read(store, 9, 10) == b"\1"


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("least", "most"), [(-1, None), (-(2**40), 1), (2, 1), (65537, None)])
def test_memory_of_impossible_limits_is_refused(
    api: Any, store: Any, least: int, most: int | None
) -> None:
    with pytest.raises(api.WasmtimeError):
        api.Memory(store, api.MemoryType(api.Limits(least, most)))


@pytest.mark.parametrize(
    ("least", "most", "options", "message"),
    [
        (1 << 33, None, {}, "minimum size too large"),
        (1, 1 << 33, {}, "maximum size too large"),
        (
            1,
            None,
            {"page_size_log2": 5},
            r"page size must be 2\*\*16 or 2\*\*0, but was given 2\*\*5;",
        ),
        (1, None, {"shared": True}, "shared memories must have a maximum size"),
        (1, 70000, {}, "maximum size is too large for this memory type's index type"),
        (65537, None, {}, "minimum size is too large for this memory type's index type"),
        (2, 1, {}, "maximum page size cannot be smaller than the minimum page size"),
        (1 << 48, None, {"is_64": True}, "memory's minimum byte size must fit in a u64"),
    ],
)
def test_memory_type_that_no_memory_has_is_refused(
    api: Any, least: int, most: int | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(api.WasmtimeError, match=f"^{message}"):
        api.MemoryType(api.Limits(least, most), **options)


@pytest.mark.parametrize(
    ("least", "most", "options"),
    [
        (65536, 65536, {}),
        (1, (1 << 32) - 1, {"page_size_log2": 0}),
        (0, 0, {"shared": True}),
        ((1 << 48) - 1, (1 << 64) - 1, {"is_64": True}),
    ],
)
def test_memory_type_with_the_largest_limits_is_accepted(
    api: Any, least: int, most: int, options: dict[str, Any]
) -> None:
    limits = api.MemoryType(api.Limits(least, most), **options).limits
    assert (limits.min, limits.max) == (least, most)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("least", "most", "page", "name"),
    [
        (1.5, None, 16, "min"),
        ("a", None, 16, "min"),
        (1, 2.0, 16, "max"),
        (1, 2, "x", "page_size_"),
    ],
)
def test_memory_type_of_no_whole_numbers_is_a_type_error(
    api: Any, least: object, most: object, page: object, name: str
) -> None:
    with pytest.raises(TypeError, match=f"^expected an int for {name}"):
        api.MemoryType(api.Limits(least, most), page_size_log2=page)


@pytest.mark.usefixtures("own")
def test_memory_type_that_was_changed_is_checked_again(api: Any, store: Any) -> None:
    changed = api.MemoryType(api.Limits(1, 2))
    changed.limits.max = 70000
    with pytest.raises(api.WasmtimeError, match="maximum size is too large"):
        api.Memory(store, changed)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("delta", [1.0, "a", None])
def test_memory_grown_by_no_whole_number_is_a_type_error(
    api: Any, store: Any, delta: object
) -> None:
    memory = api.Memory(store, api.MemoryType(api.Limits(1, 3)))
    with pytest.raises(TypeError, match=r"^expected an int for delta$"):
        memory.grow(store, delta)
    assert memory.size(store) == 1


@pytest.mark.usefixtures("own")
def test_memory_that_cannot_be_opened_is_given_back(
    api: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(address: int, size: int, protection: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    before = _reserved()
    with monkeypatch.context() as patch:
        patch.setattr("cachewasm.loader.native.mprotect", refuse)
        with pytest.raises(api.HostError, match="address space"):
            api.Memory(store, api.MemoryType(api.Limits(1, None)))
    assert _reserved() < before + 2**32


def _reserved() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("own")
def test_memory_buffer_and_pointer_keep_what_they_show(api: Any, engine: Any) -> None:
    def views() -> tuple[Any, Any]:
        store = api.Store(engine)
        memory = api.Memory(store, api.MemoryType(api.Limits(1, None)))
        memory.write(store, b"kept", 8)
        return memory.get_buffer_ptr(store, 4, 8), memory.data_ptr(store)

    buffer, pointer = views()
    gc.collect()
    assert bytes(buffer) == bytes(pointer[8:12]) == b"kept"


def test_memory_and_table_types_are_what_they_were_made_with(api: Any, store: Any) -> None:
    memory = api.Memory(store, api.MemoryType(api.Limits(1, 5)))
    table = api.Table(store, api.TableType(api.ValType.funcref(), api.Limits(1, 5)), None)
    memory.grow(store, 2)
    table.grow(store, 2, None)
    for found in (memory, table):
        limits = found.type(store).limits
        assert (limits.min, limits.max, found.size(store)) == (1, 5, 3)
