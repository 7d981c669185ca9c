"""Handles are not copied: a copy would own the same native memory once more, and release it."""

from typing import Any

MODULE = """
(module
  (import "" "host" (func $host (param i32) (result i32)))
  (memory (export "m") 1 16)
  (table (export "t") 4 funcref)
  (global (export "g") (mut i32) (i32.const 6))
  (tag (export "e") (param i32))
  (func (export "call") (param i32) (result i32) (call $host (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
"""
SETUP = """
import copy, dataclasses, pickle, weakref
config = Config()
config.wasm_exceptions = True
engine = Engine(config)
module = Module(engine, WASM["module"])
store = Store(engine)
linker = Linker(engine)
seen = []

def host(caller, value):
    seen.append(caller)
    refused(caller)
    return value + 1

linker.define_func("", "host", FuncType([i32], [i32]), host, access_caller=True)
pre = linker.instantiate_pre(module)
instance = pre.instantiate(store)
exports = instance.exports(store)
handles = [store, module, linker, pre, instance, exports, *exports.values()]
handles += [cachewasm.WasiConfig(), engine.weak()]

def refused(handle):
    name = type(handle).__name__
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        try:
            attempt(handle)
        except TypeError as error:
            assert f"{name} cannot be copied or pickled" in str(error), error
        else:
            raise AssertionError((attempt, handle))
"""


def test_copies_of_every_handle_are_refused_and_the_handles_go_on(run_python: Any) -> None:
    run_python(
        SETUP
        + """
for handle in handles:
    refused(handle)
names = {type(handle).__name__ for handle in handles}
assert names == {
    "Store", "Module", "Linker", "InstancePre", "Instance", "InstanceExports", "Func", "Memory",
    "Table", "Global", "Tag", "WasiConfig", "EngineWeak",
}, names
assert exports["call"](store, 4) == 5
assert [type(caller).__name__ for caller in seen] == ["Caller"]
exports["m"].write(store, b"x", 7)
assert exports["load"](store, 7) == ord("x")
assert exports["m"].grow(store, 1) == 1
assert exports["g"].value(store) == 6
linker.define(store, "again", "load", exports["load"])
assert pre.instantiate(store).exports(store)["load"](store, 7) == 0
assert copy.copy(engine) is copy.deepcopy(engine) is engine
try:
    pickle.dumps(engine)
except TypeError as error:
    assert str(error) == "an Engine cannot be copied or pickled"
else:
    raise AssertionError("an engine was pickled")
stores = weakref.ref(store)
del handle, handles, store, module, linker, pre, instance, exports, seen
gc.collect()
assert stores() is None
""",
        compiled=False,
        module=MODULE,
    )


def test_copies_of_what_holds_a_handle_release_nothing(run_python: Any) -> None:
    run_python(
        SETUP
        + """
@dataclasses.dataclass
class Program:
    part: object

for handle in handles:
    for attempt in (dataclasses.asdict, copy.deepcopy, pickle.dumps):
        try:
            attempt(Program(handle))
        except TypeError:
            pass
        else:
            raise AssertionError(handle)
gc.collect()
# What had been released by a copy would be given out here.
more = [Store(engine) for _ in range(50)]
assert exports["load"](store, 0) == 0
assert pre.instantiate(store).exports(store)["load"](store, 7) == 0
""",
        compiled=False,
        module=MODULE,
    )
