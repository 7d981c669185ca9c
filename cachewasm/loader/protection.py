"""Whether the pages of an artifact's code are to be guarded against stray indirect branches.

AArch64 can be told to fault on an indirect branch into a page that does not land on a marked place.
Only code that was made with marks (Config.branch_protection) can stand that. On x86-64 the marks are
there, but Linux offers no such mode to programs yet.

Not on the warm path: code without marks is not asked about.
"""

import ctypes

from cachewasm.artifact.format import BTI_SECTION, MACHINE_AARCH64
from cachewasm.artifact.reader import Artifact
from cachewasm.errors import IncompatibleArtifact
from cachewasm.loader import native

_AT_HWCAP2 = 26
_HWCAP2_BTI = 1 << 17


def page_protection(plan: Artifact) -> int:
    """What to add to the protection of the pages of a module's code: PROT_BTI or nothing.

    Raises IncompatibleArtifact if the artifact does not say whether it has marks.
    """
    if not plan.has_section(BTI_SECTION):
        raise IncompatibleArtifact(f"missing `{BTI_SECTION}` section")
    marked = bytes(plan.section(BTI_SECTION))
    if marked not in (b"\0", b"\1"):
        raise IncompatibleArtifact(f"invalid `{BTI_SECTION}` section")
    if marked == b"\0" or plan.machine != MACHINE_AARCH64 or not _has_bti():
        return 0
    return native.PROT_BTI


def _has_bti() -> bool:
    getauxval = native.libc.getauxval
    getauxval.argtypes = (ctypes.c_ulong,)
    getauxval.restype = ctypes.c_ulong
    # SAFETY: getauxval(3) takes and returns an unsigned long and has no other effect.
    return bool(getauxval(_AT_HWCAP2) & _HWCAP2_BTI)
