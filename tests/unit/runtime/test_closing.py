"""Closing: what is closed is refused, what was made with it goes on, and nothing is too late or too
often.
"""

import copy
import gc
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cachewasm
from cachewasm.managed import Closable

WAT = """
(module
  (import "" "host" (func $host (result i32)))
  (memory (export "m") 1)
  (table (export "t") 1 funcref)
  (global (export "g") (mut i32) (i32.const 5))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "host") (result i32) (call $host))
  (func (export "trap") (unreachable)))
"""
CLOSED = "^already closed$"


class Program:
    """One of everything."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.config = api.Config()
        self.engine = api.Engine(api.Config())
        self.module = api.Module(self.engine, WAT)
        self.store = api.Store(self.engine)
        self.linker = api.Linker(self.engine)
        self.host: Callable[[], int] = lambda: 3
        self.linker.define_func(
            "", "host", api.FuncType([], [api.ValType.i32()]), lambda: self.host()
        )
        self.pre = self.linker.instantiate_pre(self.module)
        self.instance = self.pre.instantiate(self.store)
        self.exports = self.instance.exports(self.store)
        self.seven, self.memory = self.exports["seven"], self.exports["m"]
        self.table, self.variable = self.exports["t"], self.exports["g"]


@pytest.fixture
def program(api: Any) -> Program:
    return Program(api)


Use = Callable[[Program], object]
# What is closed, and what is refused then.
REFUSED: dict[str, list[Use]] = {
    "config": [
        lambda p: setattr(p.config, "consume_fuel", True),
        lambda p: p.api.Engine(p.config),
    ],
    "engine": [
        lambda p: p.api.Module(p.engine, b"\0asm\1\0\0\0"),
        lambda p: p.api.Module.deserialize(p.engine, p.module.serialize()),
        lambda p: p.api.Module.validate(p.engine, b"\0asm\1\0\0\0"),
        lambda p: p.api.Store(p.engine),
        lambda p: p.api.Linker(p.engine),
        lambda p: p.engine.increment_epoch(),
    ],
    "module": [
        lambda p: p.module.exports,
        lambda p: p.module.imports,
        lambda p: p.module.serialize(),
        lambda p: p.api.Instance(p.store, p.module, []),
        lambda p: p.linker.instantiate(p.store, p.module),
        lambda p: p.linker.instantiate_pre(p.module),
        lambda p: p.linker.define_module(p.store, "x", p.module),
        lambda p: p.linker.define_unknown_imports_as_traps(p.module),
    ],
    "linker": [
        lambda p: p.linker.define(p.store, "a", "b", p.seven),
        lambda p: p.linker.define_wasi(),
        lambda p: p.linker.instantiate(p.store, p.module),
        lambda p: setattr(p.linker, "allow_shadowing", True),
    ],
    "pre": [lambda p: p.pre.instantiate(p.store)],
    "store": [
        lambda p: p.seven(p.store),
        lambda p: p.seven.type(p.store),
        lambda p: p.memory.size(p.store),
        lambda p: p.memory.read(p.store, 0, 4),
        lambda p: p.memory.write(p.store, b"x"),
        lambda p: p.memory.grow(p.store, 1),
        lambda p: p.table.get(p.store, 0),
        lambda p: p.table.set(p.store, 0, p.seven),
        lambda p: p.variable.value(p.store),
        lambda p: p.variable.set_value(p.store, 6),
        lambda p: p.pre.instantiate(p.store),
        lambda p: p.linker.define(p.store, "a", "b", p.seven),
        lambda p: p.api.Memory(p.store, p.api.MemoryType(p.api.Limits(1, 2))),
        lambda p: p.api.Func(p.store, p.api.FuncType([], []), print),
        lambda p: p.store.data(),
        lambda p: p.store.gc(),
        lambda p: p.store.set_limits(),
        lambda p: p.store.set_epoch_deadline(1),
        lambda p: p.store.set_wasi(p.api.WasiConfig()),
    ],
}
CASES = [(name, use) for name, uses in REFUSED.items() for use in uses]


def test_list_of_what_is_closed_is_complete() -> None:
    p = Program(cachewasm)
    assert {type(getattr(p, name)) for name in REFUSED} == set(Closable.__subclasses__())


@pytest.mark.parametrize(("name", "use"), CASES)
def test_use_of_what_is_closed_is_refused(program: Program, name: str, use: Use) -> None:
    closed = getattr(program, name)
    closed.close()
    closed.close()
    with pytest.raises(ValueError, match=CLOSED):
        use(program)


@pytest.mark.parametrize("name", REFUSED)
def test_with_closes_and_gives_the_object_itself(program: Program, name: str) -> None:
    managed = getattr(program, name)
    assert isinstance(managed, program.api.Managed)
    with managed as same:
        assert same is managed
    with pytest.raises(ValueError, match=CLOSED):
        REFUSED[name][0](program)
    assert isinstance(managed, type(getattr(Program(program.api), name)))


def test_what_was_made_before_goes_on(program: Program) -> None:
    for name in ("config", "module", "linker", "engine"):
        getattr(program, name).close()
    assert program.seven(program.store) == 7
    assert program.exports["host"](program.store) == 3
    again = program.pre.instantiate(program.store).exports(program.store)
    assert again["seven"](program.store) == 7
    with pytest.raises(program.api.Trap) as caught:
        again["trap"](program.store)
    assert [frame.func_index for frame in caught.value.frames] == [3]
    program.pre.close()
    assert again["host"](program.store) == 3


def test_config_closed_after_use_leaves_the_engine(api: Any) -> None:
    config = api.Config()
    config.consume_fuel = True
    engine = api.Engine(config)
    config.close()
    store = api.Store(engine)
    store.set_fuel(5)
    assert store.get_fuel() == 5


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copy_of_a_closed_config_is_refused(api: Any, copied: Callable[[object], object]) -> None:
    config = api.Config()
    config.close()
    with pytest.raises(ValueError, match=CLOSED):
        copied(config)


@pytest.mark.usefixtures("own")
def test_new_handle_of_a_closed_store_is_refused(program: Program) -> None:
    program.store.close()
    with pytest.raises(ValueError, match=CLOSED):
        program.exports["trap"]
    with pytest.raises(ValueError, match=CLOSED):
        program.instance.exports(program.store)


@pytest.mark.usefixtures("own")
def test_store_in_a_call_is_not_closed(program: Program) -> None:
    def host() -> int:
        with pytest.raises(cachewasm.WasmtimeError, match="cannot be closed while code of it runs"):
            program.store.close()
        return int(program.seven(program.store))

    program.host = host
    assert program.exports["host"](program.store) == 7
    program.store.close()
    with pytest.raises(ValueError, match=CLOSED):
        program.seven(program.store)


@pytest.mark.usefixtures("own")
def test_store_in_a_call_of_another_thread_is_not_closed(program: Program) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def host() -> int:
        inside.set()
        go_on.wait()
        return 1

    program.host = host
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(program.exports["host"](program.store)))
    thread.start()
    inside.wait()
    try:
        with pytest.raises(cachewasm.WasmtimeError, match="while code of it runs"):
            program.store.close()
    finally:
        go_on.set()
        thread.join()
    assert results == [1]
    assert program.seven(program.store) == 7


@pytest.mark.usefixtures("own")
def test_closed_store_goes_without_the_collector(api: Any) -> None:
    engine = api.Engine()
    module = api.Module(engine, '(module (memory 1) (func (export "f")))')
    gc.collect()
    gc.disable()
    try:
        with api.Store(engine) as store:
            api.Instance(store, module, []).exports(store)["f"](store)
        alive = weakref.ref(store)
        del store
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.usefixtures("own")
def test_closed_store_closes_what_the_guest_had_open(api: Any, tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    wasi = api.WasiConfig()
    wasi.preopen_dir(str(tmp_path), "/")
    wasi.stdout_file = str(tmp_path / "out")
    with api.Store(api.Engine()) as store:
        store.set_wasi(wasi)
        assert len(os.listdir("/proc/self/fd")) == len(before) + 2
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("own")
def test_methods_of_an_application_stay(api: Any) -> None:
    class Named(cachewasm.Store):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def greeting(self) -> str:
            return f"hello {self.name}"

    store = Named("you")
    store.close()
    assert (store.greeting(), store.name, type(store).__name__) == ("hello you", "you", "Named")
    with pytest.raises(ValueError, match=CLOSED):
        store.data()


@pytest.mark.usefixtures("own")
def test_store_that_was_never_made_is_closed(api: Any) -> None:
    store = api.Store.__new__(api.Store)
    store.close()
    with pytest.raises(ValueError, match=CLOSED):
        store.data()


@pytest.mark.usefixtures("own")
def test_values_stay_usable(api: Any) -> None:
    functype = api.FuncType([api.ValType.i32()], [])
    trap = api.Trap("gone")
    for value in (functype, functype.params[0], trap, api.WasmtimeError("no")):
        assert isinstance(value, api.Managed)
        with value as same:
            assert same is value
        value.close()
    assert functype == api.FuncType([api.ValType.i32()], [])
    assert trap.message == "gone"


def test_every_managed_class_of_the_drop_in_api_is_one_here() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    names = {
        name
        for name, value in vars(wasmtime).items()
        if isinstance(value, type) and issubclass(value, wasmtime.Managed)
    } & set(cachewasm.__all__)
    assert "Store" in names
    assert {
        name for name in names if not issubclass(getattr(cachewasm, name), cachewasm.Managed)
    } == set()
