"""Let a module call a Python function, pass it text through memory, and see its exceptions.

Prints:

    wasm says: hello from wasm
    wasm says: hello
    raised through wasm: too long
"""

from pathlib import Path

from cachewasm import Caller, Engine, Func, FuncType, Instance, Memory, Module, Store, ValType

WASM = Path(__file__).parent / "greet.wasm"

engine = Engine()
store = Store(engine)


def say(caller: Caller, address: int, length: int) -> None:
    if length > 15:
        raise ValueError("too long")
    memory = caller["memory"]
    assert isinstance(memory, Memory)
    print("wasm says:", memory.read(caller, address, address + length).decode())


imported = Func(store, FuncType([ValType.i32()] * 2, []), say, access_caller=True)
instance = Instance(store, Module.from_file(engine, str(WASM)), [imported])
greet = instance.exports(store)["greet"]
assert isinstance(greet, Func)
greet(store, 15)
greet(store, 5)
try:
    greet(store, 16)
except ValueError as error:
    print("raised through wasm:", error)
