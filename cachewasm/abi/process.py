"""The process block: what the support image knows of the process that it runs in.

The block lies in the zero-filled area of the support image and is written once, when that image is
loaded. It holds addresses of C functions and Python objects: they reach compiled code through it
and never as constants, so images are the same in every process.
"""

from cachewasm.abi.layout import Layout

# Functions of the C API of Python. Those of the stable ABI, plus PyObject_Vectorcall (3.12's).
PYTHON_FUNCTIONS = (
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyObject_Vectorcall",
    "PyLong_AsUnsignedLongLongMask",
    "PyLong_FromLongLong",
    "PyFloat_AsDouble",
    "PyFloat_FromDouble",
    "PyBytes_AsStringAndSize",
    "PyBytes_FromStringAndSize",
    "PyList_New",
    "PyList_SetItem",
    "PyTuple_GetItem",
    "PyTuple_Size",
    "PyErr_NoMemory",
    "Py_IncRef",
    "Py_DecRef",
    "PyObject_GC_UnTrack",
    "PyObject_GC_Del",
    "PyObject_ClearWeakRefs",
)

# Objects of the C API, by address.
PYTHON_OBJECTS = ("PyLong_Type", "PyFloat_Type", "PyBytes_Type", "_Py_NoneStruct")

# Functions of the C library.
C_FUNCTIONS = (
    "_setjmp",
    "longjmp",
    "pthread_getspecific",
    "memmove",
    "memset",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "malloc",
    "realloc",
    "free",
    "sigaction",
    "sigaltstack",
    "raise",
)

# Python functions of runtime/callbacks.py that the support image calls (borrowed references).
CALLBACKS = (
    "call_slowly",  # (func, *args, **kwargs): every call that the quick path cannot take
    "set_up_thread",  # (): make this thread's record
    "store_busy",  # (func): raise, because another thread is inside the store
    "raise_trap",  # (func): raise what the thread's record says
    "to_raw",  # (store, kind, object) -> int: any conversion but the plain ones
    "from_raw",  # (store, kind, int) -> object: references
    "to_vector",  # (store, kind, object) -> 16 bytes: anything but such bytes
    "collect_exceptions",  # (store, 0, lowest address of the stack to search)
    "unpack_results",  # (count, object) -> tuple: results of a host function, unless just one
)

SIGACTION_SIZE = 152  # glibc: handler 8, mask 128, flags 4 at 136, restorer 8 at 144
SIGACTION_FLAGS = 136

PROCESS = Layout(
    "Process",
    *((name, 8) for name in PYTHON_FUNCTIONS),
    *((name, 8) for name in PYTHON_OBJECTS),
    *((name, 8) for name in C_FUNCTIONS),
    *((name, 8) for name in CALLBACKS),
    ("thread_key", 8),  # pthread_key_t whose value is this thread's Thread record
    ("images", 8),  # PublishedImages*
    ("previous_action", SIGACTION_SIZE),  # the SIGSEGV handler that was there before ours
    ("default_action", SIGACTION_SIZE),  # all zero: SIG_DFL
    ("forwarding", 8),  # nonzero while the previous handler runs
)

# PublishedImages: u64 count, then (start, end) of the code of wasm functions, count times. The count
# only grows; an unused row is (0, 0).
IMAGES_HEADER = 8
IMAGES_ROW = 16
