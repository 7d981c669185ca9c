"""Names of symbols in LLVM IR, objects and artifacts."""


def function(funcidx: int) -> str:
    """A wasm function, in IR and objects. `funcidx` counts imported functions first."""
    return f"f{funcidx}"


def thunk(typeidx: int) -> str:
    """The array-call thunk of a type: `void (code, context, slots)`."""
    return f"thunk{typeidx}"


def host_stub(typeidx: int) -> str:
    """The stub of a type by which wasm code calls a host function."""
    return f"host{typeidx}"


PERSONALITY = "personality"  # what the unwinder asks about a frame that has landing pads
RAISE_EXCEPTION = "raise_exception"
SWIZZLE = "swizzle"  # i8x16.swizzle, where there is no instruction for it


def display(funcidx: int, name: str | None) -> str:
    """A wasm function in an artifact's symbol table, for debuggers and profilers."""
    return f"wasm[0]::function[{funcidx}]" + (f"::{name}" if name else "")


def display_trampoline(symbol: str) -> str:
    """The same for any other function of a module's image: trampolines, and what LLVM calls."""
    for prefix, kind in (("thunk", "thunk"), ("host", "host_stub")):
        typeidx = symbol.removeprefix(prefix)
        if typeidx != symbol and typeidx.isdecimal():
            return f"wasm[0]::{kind}[{typeidx}]"
    return f"cachewasm::{symbol}"
