"""The host's rounding mode: wasm code does not see it, and Python gets it back, come what may."""

from typing import Any

MODULE = """
(module
  (import "" "host" (func $host))
  (memory 1)
  (func (export "divide") (param f64 f64) (result f64) (f64.div (local.get 0) (local.get 1)))
  (func (export "fault") (param i32) (result f64) (f64.load (local.get 0)))
  (func (export "trap") unreachable)
  (func (export "call") (param f64 f64) (result f64)
    (call $host) (f64.div (local.get 0) (local.get 1))))
"""


def test_rounding_mode_of_the_host_is_kept_and_not_seen(run_python: Any) -> None:
    run_python(
        """
import ctypes
libm = ctypes.CDLL("libm.so.6")
UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}[os.uname().machine]
one, three = float("1"), float("3")
nearest = one / three

def host():
    if failing:
        raise KeyError

failing = False
store = Store()
exports = instantiate(store, "module", Func(store, FuncType([], []), host))
assert libm.fesetround(UPWARD) == 0
upward = one / three
assert upward > nearest
for _ in range(3):
    assert exports["divide"](store, 1.0, 3.0) == nearest
    assert one / three == upward
    for name, arguments in (("fault", (-8,)), ("trap", ())):
        try:
            exports[name](store, *arguments)
        except Trap:
            pass
        assert one / three == upward, name
    failing = False
    assert exports["call"](store, 1.0, 3.0) == nearest
    assert one / three == upward
    failing = True
    try:
        exports["call"](store, 1.0, 3.0)
    except KeyError:
        pass
    assert one / three == upward
libm.fesetround(0)
assert exports["divide"](store, 1.0, 3.0) == nearest == one / three
""",
        module=MODULE,
    )
