"""The table of CPU features that code may be generated for, and the levels made of them.

A row says everything about a feature: LLVM's name, what LLVM enables along with it, and where a
host shows it. A feature that is not in the table is never asked of LLVM, so no artifact can need
what a host cannot be asked for. Left out on purpose: features that wasm code has no use for (AES,
SHA, random numbers, cache control).

Sources: the x86-64 psABI's microarchitecture levels; the implications in LLVM's X86.td and
AArch64Features.td; bit positions from glibc's <sys/platform/x86.h>, <asm/hwcap.h> and the
kernel's /proc/cpuinfo.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

X86_64 = "x86_64"
AARCH64 = "aarch64"

# The leaves of glibc's __x86_get_cpuid_feature_leaf(), numbered in its own order.
LEAF_1, LEAF_7, LEAF_80000001, LEAF_D_1, LEAF_80000007, LEAF_80000008, LEAF_7_1 = range(7)
EAX, EBX, ECX, EDX = range(4)


class Feature:
    """One CPU feature.

    `cpuid` is (leaf, register, bit) and `cpuinfo` the kernel's name on x86-64; `hwcap` is the mask
    of the bits needed on AArch64, AT_HWCAP in the low 64 and AT_HWCAP2 above them. `cranelift` is
    the flag for it in the drop-in API, if that has one.
    """

    __slots__ = ("cpuid", "cpuinfo", "cranelift", "hwcap", "implies", "name")

    def __init__(
        self,
        name: str,
        implies: str,
        *,
        cpuid: tuple[int, int, int] = (0, 0, 0),
        cpuinfo: str = "",
        hwcap: int = 0,
        cranelift: str = "",
    ) -> None:
        self.name = name
        self.implies = tuple(implies.split())
        self.cpuid = cpuid
        self.cpuinfo = cpuinfo
        self.hwcap = hwcap
        self.cranelift = cranelift


def _x86(
    name: str, implies: str, leaf: int, register: int, bit: int, cpuinfo: str, cranelift: str = ""
) -> Feature:
    place = (leaf, register, bit)
    return Feature(name, implies, cpuid=place, cpuinfo=cpuinfo, cranelift=cranelift)


def _arm(name: str, implies: str, *bits: int, cranelift: str = "") -> Feature:
    return Feature(name, implies, hwcap=sum(1 << bit for bit in bits), cranelift=cranelift)


_X86_FEATURES = (
    _x86("cmov", "", LEAF_1, EDX, 15, "cmov"),
    _x86("cx8", "", LEAF_1, EDX, 8, "cx8"),
    _x86("fxsr", "", LEAF_1, EDX, 24, "fxsr"),
    _x86("mmx", "", LEAF_1, EDX, 23, "mmx"),
    _x86("sse", "", LEAF_1, EDX, 25, "sse"),
    _x86("sse2", "sse", LEAF_1, EDX, 26, "sse2"),
    _x86("cx16", "cx8", LEAF_1, ECX, 13, "cx16", "has_cmpxchg16b"),
    _x86("crc32", "", LEAF_1, ECX, 20, "sse4_2"),  # CPUID has one bit for it and SSE4.2
    _x86("popcnt", "", LEAF_1, ECX, 23, "popcnt", "has_popcnt"),
    _x86("sahf", "", LEAF_80000001, ECX, 0, "lahf_lm"),
    _x86("sse3", "sse2", LEAF_1, ECX, 0, "pni", "has_sse3"),
    _x86("ssse3", "sse3", LEAF_1, ECX, 9, "ssse3", "has_ssse3"),
    _x86("sse4.1", "ssse3", LEAF_1, ECX, 19, "sse4_1", "has_sse41"),
    _x86("sse4.2", "sse4.1", LEAF_1, ECX, 20, "sse4_2", "has_sse42"),
    _x86("avx", "sse4.2", LEAF_1, ECX, 28, "avx", "has_avx"),
    _x86("avx2", "avx", LEAF_7, EBX, 5, "avx2", "has_avx2"),
    _x86("bmi", "", LEAF_7, EBX, 3, "bmi1", "has_bmi1"),
    _x86("bmi2", "", LEAF_7, EBX, 8, "bmi2", "has_bmi2"),
    _x86("f16c", "avx", LEAF_1, ECX, 29, "f16c"),
    _x86("fma", "avx", LEAF_1, ECX, 12, "fma", "has_fma"),
    _x86("lzcnt", "", LEAF_80000001, ECX, 5, "abm", "has_lzcnt"),
    _x86("movbe", "", LEAF_1, ECX, 22, "movbe"),
    _x86("xsave", "", LEAF_1, ECX, 26, "xsave"),
    _x86("avx512f", "avx2 f16c fma", LEAF_7, EBX, 16, "avx512f", "has_avx512f"),
    _x86("avx512bw", "avx512f", LEAF_7, EBX, 30, "avx512bw"),
    _x86("avx512cd", "avx512f", LEAF_7, EBX, 28, "avx512cd"),
    _x86("avx512dq", "avx512f", LEAF_7, EBX, 17, "avx512dq", "has_avx512dq"),
    _x86("avx512vl", "avx512f", LEAF_7, EBX, 31, "avx512vl", "has_avx512vl"),
    _x86("avx512ifma", "avx512f", LEAF_7, EBX, 21, "avx512ifma"),
    _x86("avx512vbmi", "avx512bw", LEAF_7, ECX, 1, "avx512vbmi", "has_avx512vbmi"),
    _x86("avx512vbmi2", "avx512bw", LEAF_7, ECX, 6, "avx512_vbmi2"),
    _x86("avx512vnni", "avx512f", LEAF_7, ECX, 11, "avx512_vnni", "has_avx512vnni"),
    _x86("avx512bitalg", "avx512bw", LEAF_7, ECX, 12, "avx512_bitalg", "has_avx512bitalg"),
    _x86("avx512vpopcntdq", "avx512f", LEAF_7, ECX, 14, "avx512_vpopcntdq"),
    _x86("avxvnni", "avx2", LEAF_7_1, EAX, 4, "avx_vnni", "has_avx_vnni"),
    _x86("gfni", "sse2", LEAF_7, ECX, 8, "gfni"),
)

_ARM_FEATURES = (
    _arm("fp-armv8", "", 0),
    _arm("neon", "fp-armv8", 1),
    _arm("lse", "", 8, cranelift="has_lse"),
    _arm("fullfp16", "fp-armv8", 9, 10, cranelift="has_fp16"),
    _arm("rdm", "neon", 12),
    _arm("dotprod", "neon", 20, cranelift="has_dotprod"),
    _arm("pauth", "", 30, 31, cranelift="has_pauth"),
    _arm("i8mm", "neon", 64 + 13, cranelift="has_i8mm"),
)

FEATURES = {
    X86_64: {feature.name: feature for feature in _X86_FEATURES},
    AARCH64: {feature.name: feature for feature in _ARM_FEATURES},
}


class UnknownFeature(KeyError):
    """A feature that is not in the table; the first argument is its name."""


def closure(arch: str, names: "Iterable[str]") -> frozenset[str]:
    """`names` and all that they imply. Raises UnknownFeature."""
    table = FEATURES[arch]
    closed: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in closed:
            continue
        if name not in table:
            raise UnknownFeature(name)
        closed.add(name)
        pending.extend(table[name].implies)
    return frozenset(closed)


def without(arch: str, names: "Iterable[str]", removed: "Iterable[str]") -> frozenset[str]:
    """Of `names`, those that need none of `removed`. Raises UnknownFeature."""
    gone = frozenset(removed)
    return frozenset(name for name in names if gone.isdisjoint(closure(arch, (name,))))


def feature_of_cranelift_flag(flag: str) -> str | None:
    """The feature that a flag of the drop-in API stands for (`has_avx2`: "avx2"), or None.

    No flag stands for features of two architectures.
    """
    for table in FEATURES.values():
        for feature in table.values():
            if feature.cranelift == flag and flag:
                return feature.name
    return None


_V1 = "cmov cx8 fxsr mmx sse2"
_V2 = _V1 + " crc32 cx16 popcnt sahf sse4.2"
_V3 = _V2 + " avx2 bmi bmi2 f16c fma lzcnt movbe xsave"
_V4 = _V3 + " avx512bw avx512cd avx512dq avx512f avx512vl"

# Lowest first; the first is what the base CPU has in any case.
LEVELS = {
    X86_64: {
        label: closure(X86_64, names.split())
        for label, names in (
            ("x86-64-v1", _V1),
            ("x86-64-v2", _V2),
            ("x86-64-v3", _V3),
            ("x86-64-v4", _V4),
        )
    },
    AARCH64: {"armv8-a": closure(AARCH64, ("neon",))},
}


def highest_level(arch: str, available: "Iterable[str]") -> str | None:
    """The highest level whose features are all `available`, or None if not even the lowest is."""
    features = frozenset(available)
    highest = None
    for label, needed in LEVELS[arch].items():
        if needed <= features:
            highest = label
    return highest
