"""Call a function that a module exports.

Prints:

    gcd(1071, 462) = 21
    gcd(2**40, 2**36 * 3) = 68719476736
"""

from pathlib import Path

from cachewasm import Engine, Func, Instance, Module, Store

WASM = Path(__file__).parent / "gcd.wasm"

engine = Engine()
store = Store(engine)
instance = Instance(store, Module.from_file(engine, str(WASM)), [])
gcd = instance.exports(store)["gcd"]
assert isinstance(gcd, Func)
print("gcd(1071, 462) =", gcd(store, 1071, 462))
print("gcd(2**40, 2**36 * 3) =", gcd(store, 2**40, 2**36 * 3))
