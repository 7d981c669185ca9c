"""Little address space: code checks bounds itself, and what does not fit is one clear sentence."""

from typing import Any

import pytest

MODULE = """
(module
  (memory (export "m") 1)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load_far") (param i32) (result i64)
    (i64.load offset=0xffffffff (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
"""
IGNORED = pytest.mark.emulator_cannot(
    "a limit of the address space is ignored: it would be the emulator's"
)


def test_limited_address_space_gives_the_same_results(run_python: Any) -> None:
    run_python(
        """
def traps(function, *arguments):
    try:
        function(store, *arguments)
    except Trap as trap:
        assert str(trap.trap_code) == "TrapCode.MEMORY_OUT_OF_BOUNDS", trap
    else:
        raise AssertionError(arguments)

for _ in range(50):  # with guard pages fifty memories would need 200 GiB
    store = Store()
    exports = instantiate(store, "module")
    assert exports["load"](store, 65535) == 0
    traps(exports["load"], 65536)
    traps(exports["load"], -1)
    traps(exports["load_far"], 0)
    traps(exports["load_far"], -1)
    exports["store"](store, 65528, -1)
    traps(exports["store"], 65529, 0)
    assert exports["grow"](store, 3) == 1
    assert exports["load"](store, 65535) == 255
    exports["store"](store, 4 * 65536 - 8, 1 << 56)
    assert exports["load"](store, 4 * 65536 - 1) == 1
    traps(exports["load"], 4 * 65536)
    assert exports["grow"](store, 65000) == -1
    assert exports["load"](store, 4 * 65536 - 1) == 1
""",
        shell="ulimit -v 3000000",
        compiled=False,
        module=MODULE,
    )


@IGNORED
def test_no_room_for_a_reservation_is_one_clear_sentence(run_python: Any) -> None:
    run_python(
        """
import resource
store = Store()  # made when there was room: it wants reservations
module = Module(store.engine, WASM["module"])
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for make in (
    lambda: Instance(store, module, []),
    lambda: Memory(store, MemoryType(Limits(1))),
):
    try:
        make()
    except cachewasm.HostError as error:
        text = str(error)
        assert "\\n" not in text
        assert "address space" in text and "memory_reservation" in text, text
    else:
        raise AssertionError("there was room")

config = Config()
config.memory_reservation = 0
config.memory_guard_size = 0
store = Store(Engine(config))
memory = Memory(store, MemoryType(Limits(1)))
assert memory.read(store, 65535) == b"\\0"
assert memory.grow(store, 1) == 1
try:
    memory.grow(store, 60000)
except WasmtimeError as error:
    assert "failed to grow memory" in str(error)
else:
    raise AssertionError("grown")
assert memory.size(store) == 2
""",
        module=MODULE,
    )


@IGNORED
def test_no_room_after_a_refusal_gives_everything_back(run_python: Any) -> None:
    run_python(
        """
import resource
store = Store()
module = Module(store.engine, WASM["module"])
Instance(store, module, [])
before = len(mappings())
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, limits[1]))
for _ in range(50):
    try:
        Instance(store, module, [])
    except cachewasm.HostError:
        continue
    raise AssertionError("there was room")
resource.setrlimit(resource.RLIMIT_AS, limits)
assert len(mappings()) < before + 10
exports = Instance(store, module, []).exports(store)
assert exports["load"](store, 0) == 0
""",
        module=MODULE,
    )
