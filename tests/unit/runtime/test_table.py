"""Tables and element segments, from Python and from wasm code, and what keeps references alive."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

OPERATIONS = """
(module
  (type $result (func (result i32)))
  (table $t (export "t") 10 20 funcref)
  (table $u (export "u") 10 funcref)
  (table $x (export "x") 4 externref)
  (elem (table $t) (i32.const 2) func $one $two)
  (elem $passive func $one $two $three)
  (elem $nulls funcref (ref.null func) (ref.func $three))
  (func $one (export "one") (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))
  (func (export "call") (param i32) (result i32)
    (call_indirect $t (type $result) (local.get 0)))
  (func (export "is_null") (param i32) (result i32)
    (ref.is_null (table.get $t (local.get 0))))
  (func (export "init") (param i32 i32 i32)
    (table.init $t $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init_nulls") (param i32 i32 i32)
    (table.init $t $nulls (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (elem.drop $passive))
  (func (export "copy") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy_across") (param i32 i32 i32)
    (table.copy $t $u (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 funcref i32)
    (table.fill $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param funcref i32) (result i32)
    (table.grow $t (local.get 0) (local.get 1)))
  (func (export "size") (result i32) (table.size $t))
  (func (export "set_extern") (param i32 externref)
    (table.set $x (local.get 0) (local.get 1)))
  (func (export "get_extern") (param i32) (result externref)
    (table.get $x (local.get 0)))
  (func (export "move_extern") (param i32 i32)
    (table.set $x (local.get 0) (table.get $x (local.get 1)))
    (table.set $x (local.get 1) (ref.null extern))))
"""


@pytest.fixture
def exports(instantiate: Callable[..., Any]) -> Any:
    return instantiate(OPERATIONS)


class _Thing:
    pass


# --- From Python


@pytest.mark.usefixtures("own")
def test_table_elements_are_functions_or_none(exports: Any, store: Any) -> None:
    table = exports["t"]
    assert table.size(store) == 10
    assert table.get(store, 0) is None
    assert table.get(store, 2)(store) == 1
    assert table.get(store, 10) is None
    table.set(store, 0, exports["one"])
    assert exports["call"](store, 0) == 1
    table.set(store, 0, None)
    assert exports["is_null"](store, 0) == 1


def test_table_set_out_of_bounds_is_refused(api: Any, exports: Any, store: Any) -> None:
    with pytest.raises(api.WasmtimeError, match="out of bounds"):
        exports["t"].set(store, 10, None)


@pytest.mark.usefixtures("own")
def test_table_negative_or_huge_index_is_out_of_bounds(api: Any, exports: Any, store: Any) -> None:
    for index in (-1, 2**32, 2**64):
        assert exports["t"].get(store, index) is None
        with pytest.raises(api.WasmtimeError, match="out of bounds"):
            exports["t"].set(store, index, None)


@pytest.mark.parametrize("value", [1, "x", 2.5])
def test_table_set_something_else_is_a_type_error(exports: Any, store: Any, value: object) -> None:
    with pytest.raises(TypeError):
        exports["t"].set(store, 0, value)


@pytest.mark.usefixtures("own")
def test_table_grow_fills_and_stops_at_the_maximum(api: Any, exports: Any, store: Any) -> None:
    table = exports["t"]
    assert table.grow(store, 4, exports["one"]) == 10
    assert table.size(store) == 14
    assert [exports["call"](store, i) for i in range(10, 14)] == [1, 1, 1, 1]
    assert exports["call"](store, 3) == 2
    with pytest.raises(api.WasmtimeError, match="failed to grow table by `7`"):
        table.grow(store, 7, None)
    assert table.grow(store, 6, None) == 14
    assert table.get(store, 19) is None
    with pytest.raises(api.Trap, match="undefined element"):
        exports["call"](store, 20)


def test_table_made_by_the_embedder_holds_objects(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    first, second = _Thing(), _Thing()
    table = api.Table(store, api.TableType(api.ValType.externref(), api.Limits(2, None)), first)
    assert table.get(store, 1) is first
    table.set(store, 1, second)
    exports = instantiate(
        """(module (import "" "t" (table 2 externref))
             (func (export "get") (param i32) (result externref) (table.get (local.get 0))))""",
        table,
    )
    assert exports["get"](store, 0) is first
    assert exports["get"](store, 1) is second
    with pytest.raises(api.Trap):
        exports["get"](store, 2)
    assert table.grow(store, 1, first) == 2
    assert exports["get"](store, 2) is first


@pytest.mark.usefixtures("own")
def test_table_type_is_as_declared(exports: Any, store: Any, api: Any) -> None:
    found = exports["t"].type(store)
    assert (str(found.element), found.limits.min, found.limits.max) == ("funcref", 10, 20)
    assert str(exports["x"].type(store).element) == "externref"


@pytest.mark.usefixtures("own")
def test_table_of_another_store_is_refused(api: Any, engine: Any, exports: Any, store: Any) -> None:
    other = api.Store(engine)
    uses: tuple[Callable[[], object], ...] = (
        lambda: exports["t"].get(other, 0),
        lambda: exports["t"].set(other, 0, None),
        lambda: exports["t"].grow(other, 1, None),
        lambda: exports["t"].size(other),
    )
    for use in uses:
        with pytest.raises(api.WasmtimeError, match="object used with the wrong store"):
            use()


def test_table_limits_of_the_store_bound_it(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    store.set_limits(table_elements=12)
    exports = instantiate(OPERATIONS)
    assert exports["grow"](store, None, 3) == -1
    assert exports["grow"](store, None, 2) == 10
    with pytest.raises(api.WasmtimeError):
        exports["t"].grow(store, 1, None)
    with pytest.raises(api.WasmtimeError, match="exceeds table limits"):
        instantiate("(module (table 13 funcref))")


# --- From wasm code


def test_table_grow_in_wasm_moves_the_elements(exports: Any, store: Any) -> None:
    assert exports["grow"](store, exports["one"], 10) == 10
    assert exports["size"](store) == 20
    assert [exports["call"](store, i) for i in (2, 3, 19)] == [1, 2, 1]
    assert exports["grow"](store, None, 1) == -1
    assert exports["grow"](store, None, -1) == -1
    assert exports["grow"](store, None, 0) == 20


def test_table_init_takes_a_range_of_a_segment(api: Any, exports: Any, store: Any) -> None:
    exports["init"](store, 7, 1, 2)
    assert [exports["call"](store, i) for i in (7, 8)] == [2, 3]
    exports["init_nulls"](store, 2, 0, 2)
    assert exports["is_null"](store, 2) == 1
    assert exports["call"](store, 3) == 3
    for arguments in ((9, 0, 2), (0, 2, 2), (-1, 0, 1), (0, 0, -1), (11, 0, 0), (0, 4, 0)):
        with pytest.raises(api.Trap, match="out of bounds table access"):
            exports["init"](store, *arguments)
    exports["init"](store, 10, 3, 0)
    exports["drop"](store)
    exports["init"](store, 0, 0, 0)
    with pytest.raises(api.Trap, match="out of bounds table access"):
        exports["init"](store, 0, 0, 1)


def test_table_copy_moves_overlapping_ranges(api: Any, exports: Any, store: Any) -> None:
    exports["init"](store, 0, 0, 3)
    exports["copy"](store, 1, 0, 3)
    assert [exports["call"](store, i) for i in range(4)] == [1, 1, 2, 3]
    exports["copy"](store, 0, 1, 3)
    assert [exports["call"](store, i) for i in range(4)] == [1, 2, 3, 3]
    for arguments in ((8, 0, 3), (0, 8, 3), (0, 0, -1), (11, 0, 0)):
        with pytest.raises(api.Trap, match="out of bounds table access"):
            exports["copy"](store, *arguments)


def test_table_copy_between_tables(exports: Any, store: Any) -> None:
    exports["u"].set(store, 5, exports["one"])
    exports["copy_across"](store, 9, 5, 1)
    assert exports["call"](store, 9) == 1


def test_table_fill_sets_a_range(api: Any, exports: Any, store: Any) -> None:
    exports["fill"](store, 4, exports["one"], 3)
    assert [exports["is_null"](store, i) for i in range(3, 8)] == [0, 0, 0, 0, 1]
    exports["fill"](store, 4, None, 2)
    assert [exports["is_null"](store, i) for i in range(4, 7)] == [1, 1, 0]
    with pytest.raises(api.Trap, match="out of bounds table access"):
        exports["fill"](store, 8, None, 3)
    exports["fill"](store, 10, None, 0)


@pytest.mark.usefixtures("own")
def test_element_segment_beyond_the_end_traps_at_instantiation(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    table = api.Table(store, api.TableType(api.ValType.funcref(), api.Limits(4, None)), None)
    with pytest.raises(api.Trap, match="out of bounds table access"):
        instantiate(
            """(module (import "" "t" (table 4 funcref))
                 (func $f (result i32) (i32.const 8))
                 (elem (i32.const 0) $f) (elem (i32.const 3) $f $f))""",
            table,
        )
    # What was written before stays, and the function is alive although its instance failed.
    gc.collect()
    assert table.get(store, 0)(store) == 8
    assert table.get(store, 3) is None


@pytest.mark.usefixtures("own")
def test_element_offsets_may_be_imported_globals(
    api: Any, store: Any, instantiate: Callable[..., Any]
) -> None:
    base = api.Global(store, api.GlobalType(api.ValType.i32(), False), api.Val.i32(6))
    exports = instantiate(
        """(module (import "" "base" (global $base i32))
             (table (export "t") 10 funcref)
             (func $f (result i32) (i32.const 8))
             (elem (global.get $base) func $f)
             (elem (i32.const 9) funcref (ref.func $f)))""",
        base,
    )
    assert [i for i in range(10) if exports["t"].get(store, i) is not None] == [6, 9]


# --- Lifetime of references


@pytest.mark.usefixtures("own")
def test_externref_in_a_table_is_kept_until_it_is_replaced(exports: Any, store: Any) -> None:
    thing = _Thing()
    alive = weakref.ref(thing)
    exports["set_extern"](store, 1, thing)
    del thing
    store.gc()
    gc.collect()
    assert exports["get_extern"](store, 1) is alive()
    assert alive() is not None
    exports["move_extern"](store, 2, 1)
    store.gc()
    assert exports["x"].get(store, 2) is alive()
    exports["set_extern"](store, 2, None)
    store.gc()
    assert alive() is None


@pytest.mark.usefixtures("own")
def test_externref_in_a_global_is_kept_until_it_is_replaced(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    exports = instantiate(
        """(module (global (export "g") (mut externref) (ref.null extern))
             (func (export "set") (param externref) (global.set 0 (local.get 0))))"""
    )
    thing = _Thing()
    alive = weakref.ref(thing)
    exports["set"](store, thing)
    del thing
    store.gc()
    assert exports["g"].value(store) is alive()
    exports["g"].set_value(store, 5)
    store.gc()
    assert alive() is None
    assert exports["g"].value(store) == 5


@pytest.mark.usefixtures("own")
def test_externref_during_a_call_survives_gc(
    api: Any, store: Any, instantiate: Callable[..., Any], functype: Callable[..., Any]
) -> None:
    exports = instantiate(
        """(module (import "" "gc" (func $gc))
             (func (export "f") (param externref) (result externref)
               (call $gc) (local.get 0)))""",
        api.Func(store, functype(), store.gc),
    )
    thing = _Thing()
    assert exports["f"](store, thing) is thing


@pytest.mark.usefixtures("own")
def test_externref_passed_many_times_is_given_up_by_itself(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    exports = instantiate(
        '(module (func (export "f") (param externref) (result i32) (ref.is_null (local.get 0))))'
    )
    things: weakref.WeakSet[_Thing] = weakref.WeakSet()
    for _ in range(20_000):
        thing = _Thing()
        things.add(thing)
        exports["f"](store, thing)
    del thing
    assert len(things) < 10_000


@pytest.mark.usefixtures("own")
def test_externref_arguments_of_one_call_outlive_its_own_collection(
    store: Any, instantiate: Callable[..., Any]
) -> None:
    count = 900
    exports = instantiate(
        f"""(module (func (export "f") (param {"externref " * count})
              (result {"externref " * 3})
              (local.get 0) (local.get {count // 2}) (local.get {count - 1})))"""
    )
    for _ in range(5):
        things = [_Thing() for _ in range(count)]
        first, middle, last = exports["f"](store, *things)
        assert (first, middle, last) == (things[0], things[count // 2], things[-1])


@pytest.mark.usefixtures("own")
def test_func_in_a_table_keeps_its_callable(
    api: Any, exports: Any, store: Any, functype: Callable[..., Any]
) -> None:
    value = _Thing()
    exports["t"].set(store, 0, api.Func(store, functype("", "i32"), lambda v=value: 77))
    del value
    gc.collect()
    assert exports["call"](store, 0) == 77


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("least", "most"), [(-1, None), (2, 1), (10_000_001, None), (2**40, None)])
def test_table_of_impossible_limits_is_refused(
    api: Any, store: Any, least: int, most: int | None
) -> None:
    with pytest.raises(api.WasmtimeError):
        api.Table(store, api.TableType(api.ValType.funcref(), api.Limits(least, most)), None)


@pytest.mark.parametrize("element", ["i32", "f64"])
def test_table_type_of_numbers_is_refused(api: Any, element: str) -> None:
    with pytest.raises(api.WasmtimeError, match=r"^failed to allocate TableType$"):
        api.TableType(getattr(api.ValType, element)(), api.Limits(2, 9))


@pytest.mark.usefixtures("own")
def test_table_type_of_vectors_is_refused(api: Any, store: Any) -> None:
    with pytest.raises(api.WasmtimeError, match=r"^failed to allocate TableType$"):
        api.TableType(api.ValType.v128(), api.Limits(2, 9))
    changed = api.TableType(api.ValType.funcref(), api.Limits(2, 9))
    changed.element = api.ValType.v128()
    with pytest.raises(api.WasmtimeError, match=r"^failed to allocate TableType$"):
        api.Table(store, changed, bytes(16))


@pytest.mark.parametrize(("least", "most"), [(1.5, None), ("a", None), (None, 1), (1, 2.0)])
def test_table_type_of_no_whole_numbers_is_a_type_error(
    api: Any, least: object, most: object
) -> None:
    with pytest.raises(TypeError):
        api.TableType(api.ValType.funcref(), api.Limits(least, most))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("number", [1.0, "a", None])
def test_table_used_with_no_whole_number_is_a_type_error(
    api: Any, store: Any, number: object
) -> None:
    table = api.Table(store, api.TableType(api.ValType.externref(), api.Limits(3, 9)), None)
    with pytest.raises(TypeError, match=r"^expected an int for idx$"):
        table.get(store, number)
    with pytest.raises(TypeError, match=r"^expected an int for idx$"):
        table.set(store, number, 5)
    with pytest.raises(TypeError, match=r"^expected an int for amt$"):
        table.grow(store, number, 5)
    assert table.size(store) == 3
