"""Call a function that a module exports.

Prints:

    gcd(1071, 462) = 21
    gcd(2**40, 2**36 * 3) = 68719476736
"""

from cachewasm import Engine, Instance, Module, Store

TEXT = """
(module
  (func (export "gcd") (param $a i64) (param $b i64) (result i64) (local $rest i64)
    (loop $again
      (if (i64.ne (local.get $b) (i64.const 0))
        (then
          (local.set $rest (i64.rem_u (local.get $a) (local.get $b)))
          (local.set $a (local.get $b))
          (local.set $b (local.get $rest))
          (br $again))))
    (local.get $a)))
"""

engine = Engine()
store = Store(engine)
instance = Instance(store, Module(engine, TEXT), [])
gcd = instance.exports(store)["gcd"]
print("gcd(1071, 462) =", gcd(store, 1071, 462))
print("gcd(2**40, 2**36 * 3) =", gcd(store, 2**40, 2**36 * 3))
