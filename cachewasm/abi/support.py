"""What the runtime finds in the support image: the order of the offsets in its info section.

Each row is a function of the support image, then the process block. The info section of a support
artifact holds one little-endian u32 per row: the offset from the start of the text.
"""

import struct

from cachewasm.abi.builtins import BUILTINS

FUNCTIONS = (
    *(name for name, _, _ in BUILTINS),
    "func_vectorcall",
    "func_slow",
    "func_traverse",
    "func_clear",
    "func_dealloc",
    "on_signal",
    "thread_exit",
    "init_funcrefs",
    "init_references",
    "fill_table",
    "init_data",
)
PROCESS_BLOCK = "process"
SYMBOLS = (*FUNCTIONS, PROCESS_BLOCK)
OFFSETS = struct.Struct(f"<{len(SYMBOLS)}I")
