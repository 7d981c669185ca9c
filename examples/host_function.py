"""Let a module call a Python function, pass it text through memory, and see its exceptions.

Prints:

    wasm says: hello from wasm
    wasm says: hello
    raised through wasm: too long
"""

from cachewasm import Engine, Func, FuncType, Instance, Module, Store, ValType

TEXT = """
(module
  (import "host" "say" (func $say (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "hello from wasm")
  (func (export "greet") (param $length i32)
    (call $say (i32.const 8) (local.get $length))))
"""

engine = Engine()
store = Store(engine)


def say(address: int, length: int) -> None:
    if length > 15:
        raise ValueError("too long")
    print("wasm says:", memory.read(store, address, address + length).decode())


imported = Func(store, FuncType([ValType.i32(), ValType.i32()], []), say)
exports = Instance(store, Module(engine, TEXT), [imported]).exports(store)
memory = exports["memory"]
exports["greet"](store, 15)
exports["greet"](store, 5)
try:
    exports["greet"](store, 16)
except ValueError as error:
    print("raised through wasm:", error)
