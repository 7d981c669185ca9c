"""Trap codes: numbers, names and messages, once.

The numbers are those of the drop-in API's `TrapCode`. The public Enum is built on first use,
because importing enum costs more than a whole warm start may spend.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import Enum

    class TrapCode(Enum):
        """Why wasm code trapped."""

        STACK_OVERFLOW = 0
        MEMORY_OUT_OF_BOUNDS = 1
        HEAP_MISALIGNED = 2
        TABLE_OUT_OF_BOUNDS = 3
        INDIRECT_CALL_TO_NULL = 4
        BAD_SIGNATURE = 5
        INTEGER_OVERFLOW = 6
        INTEGER_DIVISION_BY_ZERO = 7
        BAD_CONVERSION_TO_INTEGER = 8
        UNREACHABLE = 9
        INTERRUPT = 10
        OUT_OF_FUEL = 11
        ATOMIC_WAIT_NON_SHARED_MEMORY = 12
        NULL_REFERENCE = 13


# code, name, message
TRAPS: tuple[tuple[int, str, str], ...] = (
    (0, "STACK_OVERFLOW", "call stack exhausted"),
    (1, "MEMORY_OUT_OF_BOUNDS", "out of bounds memory access"),
    (2, "HEAP_MISALIGNED", "unaligned atomic"),
    (3, "TABLE_OUT_OF_BOUNDS", "undefined element: out of bounds table access"),
    (4, "INDIRECT_CALL_TO_NULL", "uninitialized element"),
    (5, "BAD_SIGNATURE", "indirect call type mismatch"),
    (6, "INTEGER_OVERFLOW", "integer overflow"),
    (7, "INTEGER_DIVISION_BY_ZERO", "integer divide by zero"),
    (8, "BAD_CONVERSION_TO_INTEGER", "invalid conversion to integer"),
    (9, "UNREACHABLE", "wasm `unreachable` instruction executed"),
    (10, "INTERRUPT", "interrupt"),
    (11, "OUT_OF_FUEL", "all fuel consumed by WebAssembly"),
    (12, "ATOMIC_WAIT_NON_SHARED_MEMORY", "atomic wait on non-shared memory"),
    (13, "NULL_REFERENCE", "null reference"),
)

STACK_OVERFLOW = 0
MEMORY_OUT_OF_BOUNDS = 1
TABLE_OUT_OF_BOUNDS = 3
INDIRECT_CALL_TO_NULL = 4
BAD_SIGNATURE = 5
INTEGER_OVERFLOW = 6
INTEGER_DIVISION_BY_ZERO = 7
BAD_CONVERSION_TO_INTEGER = 8
UNREACHABLE = 9
INTERRUPT = 10
OUT_OF_FUEL = 11
NULL_REFERENCE = 13

# Not a trap of WebAssembly: a host function raised, and the Python error is already set.
HOST_EXCEPTION = 0xFFFF

# Nor these: an exception that nobody caught, and no memory for one.
EXCEPTION = 0xFFFE
NO_MEMORY = 0xFFFD
EXCEPTION_MESSAGE = "thrown Wasm exception"

MESSAGES = {code: message for code, _, message in TRAPS}


def __getattr__(name: str) -> object:
    if name == "TrapCode":
        from enum import Enum

        # Built under the name of the class above, so that pickling and repr agree.
        members = [(name, code) for code, name, _ in TRAPS]
        made = Enum("TrapCode", members, module=__name__)  # type: ignore[misc]
        globals()["TrapCode"] = made
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
