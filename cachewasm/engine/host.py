"""The machine that this process runs on, as far as compiled code is concerned.

Everything is found out without LLVM and without starting anything, in well under a millisecond, and
at most once per process: the answers cannot change while it runs. A feature counts only if the
operating system has enabled it, too: glibc's active bits and the kernel's list both say that. What
the machine does not tell, the function of `Config.detect_host_feature` is asked for, but for the
features of the lowest level: no machine of the architecture lacks them.
"""

import ctypes
import os
import sys

from cachewasm.engine.isa import FEATURES, LEVELS, X86_64, closure, highest_level
from cachewasm.engine.target import Target, triple_of
from cachewasm.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cachewasm.engine.options import Probe

_AT_HWCAP, _AT_HWCAP2 = 16, 26
_RLIMIT_AS = 9
_CPUINFO_SIZE = 4096

# Less than this does not hold a few reservations of 4 GiB and their guards beside the process's own
# mappings; memories are then reserved by their size.
ADDRESS_SPACE_NEEDED = 16 << 30

_WAY_OUT = "Config.detect_host_feature can tell them, or Config.target what to compile for"


class _Answers:
    """What has been found out so far in this process, and whom to ask for what cannot be."""

    __slots__ = ("asked", "detect", "features", "limited", "native", "target")

    def __init__(self) -> None:
        self.features: frozenset[str] | None = None
        self.limited: bool | None = None
        self.target: Target | None = None
        self.native: Target | None = None
        self.detect: Probe | None = None
        self.asked: dict[str, bool] = {}


_answers = _Answers()

# The digests of the instruction sets that this host has been found to run. Those of another
# architecture are never the same: its CPU has another name.
runnable: set[bytes] = set()


def machine() -> str:
    """The architecture, as the first part of a target triple and as the table of features say it."""
    return os.uname().machine


def unsupported_reason() -> str | None:
    """Why no compiled code can run in this process, in one sentence; None if it can."""
    return reason_against(
        sys.platform,
        machine(),
        sys.maxsize,
        sys.implementation.name,
        free_threaded="t" in sys.abiflags,
    )


def reason_against(
    platform: str, arch: str, maxsize: int, implementation: str, *, free_threaded: bool
) -> str | None:
    """What `unsupported_reason` says of a process with these properties."""
    if platform != "linux":
        return f"compiled code runs on Linux only, this is {platform}"
    if arch not in FEATURES:
        return f"compiled code runs on {' and '.join(FEATURES)} only, this machine is {arch}"
    if maxsize < 1 << 32:
        return "compiled code needs a 64-bit Python"
    if implementation != "cpython":
        return f"compiled code runs in CPython only, this is {implementation}"
    if free_threaded:
        return "compiled code needs a Python with the global interpreter lock"
    return None


def host_features() -> frozenset[str]:
    """The features of engine/isa.py that this CPU has and the operating system has enabled.

    Raises HostError on an architecture that is not in the table, or if neither the host tells nor
    `Config.detect_host_feature`.
    """
    if _answers.features is None:
        try:
            _answers.features = probe()
        except HostError as error:
            if _answers.detect is None:
                raise HostError(f"{error} ({_WAY_OUT})") from None
            lowest = _lowest()
            further = FEATURES.get(machine(), {}).keys() - lowest
            return lowest | {name for name in sorted(further) if _ask(name)}
    return _answers.features


def probe() -> frozenset[str]:
    """What the machine itself says; nothing else looks at its CPU. Raises HostError."""
    arch = machine()
    if arch not in FEATURES:
        raise HostError(f"the CPU features of a machine of type {arch} are not known")
    return _probe_x86() if arch == X86_64 else _probe_hwcap(arch)


def ask(detect: "Probe") -> None:
    """Ask `detect` from now on for what the machine does not tell, in this process.

    What another function has answered, and what followed from it, is forgotten.
    """
    if detect is not _answers.detect:
        _answers.asked.clear()
        runnable.clear()
    _answers.detect = detect


def is_asking() -> bool:
    """Whether there is anybody to ask."""
    return _answers.detect is not None


def has_feature(name: str) -> bool | None:
    """Whether there is a CPU feature that can be used, of whatever name; None if nobody can tell."""
    try:
        if name in FEATURES.get(machine(), ()):
            if _answers.features is None:
                _answers.features = probe()
            return name in _answers.features
    except HostError:
        if name in _lowest():
            return True
    return _ask(name)


def _lowest() -> frozenset[str]:
    """What every machine of this architecture has."""
    levels = LEVELS.get(machine(), {})
    return next(iter(levels.values()), frozenset())


def _ask(name: str) -> bool | None:
    """What `Config.detect_host_feature` says; an answer is not asked for twice."""
    if name not in _answers.asked and _answers.detect is not None:
        answer = _answers.detect(name)
        if answer is None:
            return None
        if not isinstance(answer, bool):
            raise TypeError("expected a bool or None from detect_host_feature")
        _answers.asked[name] = answer
    return _answers.asked.get(name)


def host_target() -> Target:
    """The default target: this architecture, at the highest level whose features are all here.

    There are few levels, so the machines of a fleet mostly agree and share what they compile.
    Raises HostError.
    """
    target = _answers.target
    if target is None:
        target = level_target(machine(), host_features())
        if _answers.features is not None:
            _answers.target = target
    return target


def level_target(arch: str, available: frozenset[str]) -> Target:
    """The default target of a machine with the `available` features. Raises HostError."""
    level = highest_level(arch, available)
    if level is None:
        missing = ", ".join(sorted(next(iter(LEVELS[arch].values())) - available))
        raise HostError(f"this CPU lacks what every {arch} CPU should have: {missing}")
    return Target(triple_of(arch), LEVELS[arch][level])


def host_level() -> str:
    """The highest level whose features this host has. Raises HostError."""
    return host_target().level


def native_target() -> Target:
    """Every known feature of this host: the fastest code, for hosts with all of the same features.

    A feature of which the host hides an implied one is left out: its closure would not be there.
    """
    target = _answers.native
    if target is None:
        target = full_target(machine(), host_features())
        if _answers.features is not None:
            _answers.native = target
    return target


def full_target(arch: str, available: frozenset[str]) -> Target:
    """What `native_target` is on a machine with the `available` features."""
    return Target(triple_of(arch), [f for f in available if closure(arch, (f,)) <= available])


def address_space_limited() -> bool:
    """Whether a resource limit forbids reservations of 4 GiB for each linear memory."""
    if _answers.limited is None:
        # The module `resource` says the same, but loading it takes longer than all else here.
        limit = (ctypes.c_uint64 * 2)()
        # SAFETY: getrlimit(2) writes one struct rlimit, two 64-bit words on the 64-bit systems
        # that are supported, and `limit` has room for exactly these.
        failed = ctypes.CDLL(None).getrlimit(_RLIMIT_AS, limit)
        _answers.limited = failed == 0 and limit[0] < ADDRESS_SPACE_NEEDED
    return _answers.limited


def _probe_x86() -> frozenset[str]:
    try:
        function = ctypes.CDLL(None).__x86_get_cpuid_feature_leaf
    except AttributeError:
        return _probe_cpuinfo()
    function.argtypes = (ctypes.c_uint,)
    function.restype = ctypes.POINTER(ctypes.c_uint * 8)

    def active_bits(leaf: int) -> "Sequence[int]":
        # SAFETY: glibc returns a pointer to a constant struct of eight words, four of what CPUID
        # says and four of what is active, for any argument (zeros for a leaf it does not know).
        words: list[int] = function(leaf).contents[:]
        return words[4:]

    return cpuid_features(active_bits)


def _probe_cpuinfo() -> frozenset[str]:
    try:
        fd = os.open("/proc/cpuinfo", os.O_RDONLY | os.O_CLOEXEC)
        try:
            start = os.read(fd, _CPUINFO_SIZE)
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(f"the CPU features of this host cannot be read: {error}") from None
    return cpuinfo_features(start)


def _probe_hwcap(arch: str) -> frozenset[str]:
    getauxval = ctypes.CDLL(None).getauxval
    getauxval.argtypes = (ctypes.c_ulong,)
    getauxval.restype = ctypes.c_ulong
    # SAFETY: getauxval(3) takes and returns an unsigned long and has no other effect.
    return hwcap_features(arch, int(getauxval(_AT_HWCAP)) | int(getauxval(_AT_HWCAP2)) << 64)


def cpuid_features(active_bits: "Callable[[int], Sequence[int]]") -> frozenset[str]:
    """The x86-64 features whose bits are set; `active_bits(leaf)` gives EAX, EBX, ECX, EDX."""
    table = FEATURES[X86_64].values()
    leaves = {leaf: active_bits(leaf) for leaf in {feature.cpuid[0] for feature in table}}
    return frozenset(
        feature.name
        for feature in table
        for leaf, register, bit in (feature.cpuid,)
        if leaves[leaf][register] >> bit & 1
    )


def cpuinfo_features(start: bytes) -> frozenset[str]:
    """The x86-64 features that the start of /proc/cpuinfo lists. Raises HostError without a list."""
    for line in start.split(b"\n"):
        label, _, value = line.partition(b":")
        if label.strip() == b"flags":
            flags = frozenset(value.decode("ascii", "replace").split())
            table = FEATURES[X86_64].values()
            return frozenset(feature.name for feature in table if feature.cpuinfo in flags)
    raise HostError("the CPU features of this host cannot be read: /proc/cpuinfo lists no flags")


def hwcap_features(arch: str, hwcap: int) -> frozenset[str]:
    """The features of an architecture that has AT_HWCAP bits; AT_HWCAP2 is 64 bits further up."""
    table = FEATURES[arch].values()
    return frozenset(feature.name for feature in table if hwcap & feature.hwcap == feature.hwcap)
