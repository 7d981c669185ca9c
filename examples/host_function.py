"""Let a module call a Python function, pass it text through memory, and see its exceptions.

Prints:

    wasm says: hello from wasm
    wasm says: hello
    raised through wasm: too long
"""

from pathlib import Path

from cachewasm import Engine, Func, FuncType, Instance, Module, Store, ValType

WASM = Path(__file__).parent / "greet.wasm"

engine = Engine()
store = Store(engine)


def say(address: int, length: int) -> None:
    if length > 15:
        raise ValueError("too long")
    print("wasm says:", memory.read(store, address, address + length).decode())


imported = Func(store, FuncType([ValType.i32(), ValType.i32()], []), say)
exports = Instance(store, Module.from_file(engine, str(WASM)), [imported]).exports(store)
memory = exports["memory"]
exports["greet"](store, 15)
exports["greet"](store, 5)
try:
    exports["greet"](store, 16)
except ValueError as error:
    print("raised through wasm:", error)
