"""What differs between architectures in the support image: the signal frame and the float mode.

WebAssembly demands rounding to nearest and no flushing of subnormals. An entry that finds anything
else sets that mode; leaving restores what was found, also after a trap, since the kernel resets the
mode when it delivers a signal.
"""

from cachewasm.errors import InternalError


class Arch:
    """`uc_pc` and `uc_fp` are the offsets of program counter and frame pointer in ucontext_t.

    `control_mask` selects the bits of the float control word that matter, `control_normal` is their
    wanted value, and `float_mode` defines `enter_float_mode` (returns the word found) and
    `write_float_control`.
    """

    __slots__ = ("control_mask", "control_normal", "float_mode", "uc_fp", "uc_pc")

    def __init__(
        self, *, uc_pc: int, uc_fp: int, control_mask: int, control_normal: int, float_mode: str
    ) -> None:
        self.uc_pc = uc_pc
        self.uc_fp = uc_fp
        self.control_mask = control_mask
        self.control_normal = control_normal
        self.float_mode = float_mode


_ARCHS = {
    # MXCSR: all exceptions masked, round to nearest, neither FTZ nor DAZ; the six sticky flags in
    # the low bits do not matter.
    "x86_64": Arch(
        uc_pc=168,
        uc_fp=120,
        control_mask=0xFFC0,
        control_normal=0x1F80,
        float_mode="""
define internal i64 @enter_float_mode() #0 {
entry:
  %cell = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %cell)
  %now32 = load i32, ptr %cell, align 4
  %now = zext i32 %now32 to i64
  %mode = and i64 %now, {CONTROL_MASK}
  %normal = icmp eq i64 %mode, {CONTROL_NORMAL}
  br i1 %normal, label %done, label %change, !prof !0
change:
  store i32 {CONTROL_NORMAL}, ptr %cell, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %cell)
  br label %done
done:
  ret i64 %now
}

define internal void @write_float_control(i64 %value) #0 {
  %cell = alloca i32, align 4
  %value32 = trunc i64 %value to i32
  store i32 %value32, ptr %cell, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %cell)
  ret void
}

declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
""",
    ),
    # FPCR: zero is the mode wanted.
    "aarch64": Arch(
        uc_pc=440,
        uc_fp=416,
        control_mask=-1,
        control_normal=0,
        float_mode="""
define internal i64 @enter_float_mode() #0 {
entry:
  %now = call i64 @llvm.aarch64.get.fpcr()
  %normal = icmp eq i64 %now, {CONTROL_NORMAL}
  br i1 %normal, label %done, label %change, !prof !0
change:
  call void @llvm.aarch64.set.fpcr(i64 {CONTROL_NORMAL})
  br label %done
done:
  ret i64 %now
}

define internal void @write_float_control(i64 %value) #0 {
  call void @llvm.aarch64.set.fpcr(i64 %value)
  ret void
}

declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
""",
    ),
}


def arch_of(triple: str) -> Arch:
    """Raises InternalError for an architecture without support code."""
    found = _ARCHS.get(triple.partition("-")[0])
    if found is None:
        raise InternalError(f"there is no support code for {triple}")
    return found
