"""Whether the pages of an artifact's code are to be guarded against stray indirect branches.

AArch64 can be told to fault on an indirect branch into a page that does not land on a marked place.
Only code that was made with marks (Config.branch_protection) can stand that. On x86-64 the marks are
there, but Linux offers no such mode to programs yet.

Not on the warm path: code without marks is not asked about.
"""

import ctypes

from cachewasm.artifact.format import MACHINE_AARCH64
from cachewasm.artifact.reader import Artifact
from cachewasm.loader import native

_AT_HWCAP2 = 26
_HWCAP2_BTI = 1 << 17


def page_protection(plan: Artifact) -> int:
    """What to add to the protection of the pages of an artifact's code: PROT_BTI or nothing."""
    if not plan.is_marked or plan.machine != MACHINE_AARCH64 or not _has_bti():
        return 0
    return native.PROT_BTI


def _has_bti() -> bool:
    getauxval = native.libc.getauxval
    getauxval.argtypes = (ctypes.c_ulong,)
    getauxval.restype = ctypes.c_ulong
    # SAFETY: getauxval(3) takes and returns an unsigned long and has no other effect.
    return bool(getauxval(_AT_HWCAP2) & _HWCAP2_BTI)
