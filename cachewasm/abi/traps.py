"""Trap codes: numbers, names and messages, once.

Names and numbers are those of the drop-in API's `TrapCode`; what nothing here traps with has no
message. The public Enum is built on first use, because importing enum costs more than a whole warm
start may spend.
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
        ARRAY_OUT_OF_BOUNDS = 14
        ALLOCATION_TOO_LARGE = 15
        CAST_FAILURE = 16
        CANNOT_ENTER_COMPONENT = 17
        NO_ASYNC_RESULT = 18
        UNHANDLED_TAG = 19
        CONTINUATION_ALREADY_CONSUMED = 20
        DISABLED_OPCODE = 21
        ASYNC_DEADLOCK = 22
        CANNOT_LEAVE_COMPONENT = 23
        CANNOT_BLOCK_SYNC_TASK = 24
        INVALID_CHAR = 25
        DEBUG_ASSERT_STRING_ENCODING_FINISHED = 26
        DEBUG_ASSERT_EQUAL_CODE_UNITS = 27
        DEBUG_ASSERT_POINTER_ALIGNED = 28
        DEBUG_ASSERT_UPPER_BITS_UNSET = 29
        STRING_OUT_OF_BOUNDS = 30
        LIST_OUT_OF_BOUNDS = 31
        INVALID_DISCRIMINANT = 32
        UNALIGNED_POINTER = 33
        TASK_CANCEL_NOT_CANCELLED = 34
        TASK_CANCEL_OR_RETURN_TWICE = 35
        SUBTASK_CANCEL_AFTER_TERMINAL = 36
        TASK_RETURN_INVALID = 37
        WAITABLE_SET_DROP_HAS_WAITERS = 38
        SUBTASK_DROP_NOT_RESOLVED = 39
        THREAD_NEW_INDIRECT_INVALID_TYPE = 40
        THREAD_NEW_INDIRECT_UNINITIALIZED = 41
        BACKPRESSURE_OVERFLOW = 42
        UNSUPPORTED_CALLBACK_CODE = 43
        CANNOT_RESUME_THREAD = 44
        CONCURRENT_FUTURE_STREAM_OP = 45


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

# code, name: of garbage collection, stack switching and components, none of which this engine has.
# Programs that name such a code, or handle it, run all the same.
NEVER_RAISED: tuple[tuple[int, str], ...] = (
    (14, "ARRAY_OUT_OF_BOUNDS"),
    (15, "ALLOCATION_TOO_LARGE"),
    (16, "CAST_FAILURE"),
    (17, "CANNOT_ENTER_COMPONENT"),
    (18, "NO_ASYNC_RESULT"),
    (19, "UNHANDLED_TAG"),
    (20, "CONTINUATION_ALREADY_CONSUMED"),
    (21, "DISABLED_OPCODE"),
    (22, "ASYNC_DEADLOCK"),
    (23, "CANNOT_LEAVE_COMPONENT"),
    (24, "CANNOT_BLOCK_SYNC_TASK"),
    (25, "INVALID_CHAR"),
    (26, "DEBUG_ASSERT_STRING_ENCODING_FINISHED"),
    (27, "DEBUG_ASSERT_EQUAL_CODE_UNITS"),
    (28, "DEBUG_ASSERT_POINTER_ALIGNED"),
    (29, "DEBUG_ASSERT_UPPER_BITS_UNSET"),
    (30, "STRING_OUT_OF_BOUNDS"),
    (31, "LIST_OUT_OF_BOUNDS"),
    (32, "INVALID_DISCRIMINANT"),
    (33, "UNALIGNED_POINTER"),
    (34, "TASK_CANCEL_NOT_CANCELLED"),
    (35, "TASK_CANCEL_OR_RETURN_TWICE"),
    (36, "SUBTASK_CANCEL_AFTER_TERMINAL"),
    (37, "TASK_RETURN_INVALID"),
    (38, "WAITABLE_SET_DROP_HAS_WAITERS"),
    (39, "SUBTASK_DROP_NOT_RESOLVED"),
    (40, "THREAD_NEW_INDIRECT_INVALID_TYPE"),
    (41, "THREAD_NEW_INDIRECT_UNINITIALIZED"),
    (42, "BACKPRESSURE_OVERFLOW"),
    (43, "UNSUPPORTED_CALLBACK_CODE"),
    (44, "CANNOT_RESUME_THREAD"),
    (45, "CONCURRENT_FUTURE_STREAM_OP"),
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
        rows = [*((code, name) for code, name, _ in TRAPS), *NEVER_RAISED]
        members = [(name, code) for code, name in rows]
        made = Enum("TrapCode", members, module=__name__)  # type: ignore[misc]
        globals()["TrapCode"] = made
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
