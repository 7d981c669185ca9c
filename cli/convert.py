"""`wat2wasm` and `wasm2wat`: between the two formats of a module."""

import os
from argparse import Namespace

from cachewasm import wat2wasm as to_binary
from cachewasm.runtime.module import binary_of
from cachewasm.wasm.features import IMPLEMENTED
from cachewasm.wasm.text.printer import wasm2wat as to_text

from . import exit_codes
from .failure import about
from .files import STDOUT, read, refuse_replacing, write

SUFFIX = ".wasm"


def wat2wasm(options: Namespace) -> int:
    """Write the binary of `options.file`, which need not be valid."""
    path: str = options.file
    output: str = options.output or os.path.splitext(path)[0] + SUFFIX
    refuse_replacing(path, output)
    with about(path):
        binary = to_binary(read(path))
    with about(output):
        write(output, binary)
    return exit_codes.OK


def wasm2wat(options: Namespace) -> int:
    """Print the text of `options.file`, or write it; a text is laid out anew."""
    path: str = options.file
    with about(path):
        text = to_text(binary_of(read(path)), IMPLEMENTED)
    output: str = options.output or STDOUT
    refuse_replacing(path, output)
    with about(output):
        # Whatever the terminal's encoding is, the text format's is UTF-8.
        write(output, text.encode())
    return exit_codes.OK
