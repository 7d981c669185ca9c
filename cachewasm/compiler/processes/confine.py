"""What compiling may use: limits that the kernel keeps, whatever LLVM is doing; and its memory.

Processor time is limited anew for each task, so a loaded machine slows a worker down and does not
kill it. The wall-clock limit, which the server keeps, is only for a worker that stands still.
"""

import ctypes
import os
import resource

from cachewasm.record import dataclass

_MIB = 1 << 20

# What may be written to a worker's standard error, its only file.
_FILE_SIZE = _MIB
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9  # the module `signal` makes enumerations of all of them
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes of address space beyond what the worker has, and seconds of two clocks."""

    memory: int
    processor: int
    wall: int


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, for this process and those that it forks.

    LLVM frees a shard's memory and asks for as much again for the next one. Giving it back to the
    system in between, and having it cleared page by page, took a quarter of all compile time.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # not in every C library
        # SAFETY: mallopt(3) takes two numbers; one it does not know is refused.
        libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TOP_PAD, 64 * _MIB)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)  # the most that glibc takes


def give_back_freed_memory() -> None:
    """Give back what was kept, once: nobody may want it for long."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # not in every C library
        # SAFETY: malloc_trim(3) takes a number of bytes to keep.
        libc.malloc_trim(0)


def budget_for(weight: int) -> Budget:
    """What compiling a shard of a weight may take: many times what it usually does.

    A huge function takes 600 bytes for each of its own, and ten microseconds; the worst known, which
    is all calls, 300 seconds for 5 MB. No worker may have more than half of the machine's memory.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    processor = 60 + weight // 1000
    memory = min(512 * _MIB + 2048 * weight, max(physical // 2, 1024 * _MIB))
    return Budget(memory, processor, 600 + 10 * processor)


def confine(server: int) -> None:
    """Confine this process, forked from the process `server`, for good."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_FSIZE, _FILE_SIZE)
    # SAFETY: prctl(2) with this option takes one more number and touches no memory of ours.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != server:
        # It has died in between, too early for the signal.
        os._exit(1)


def arm(budget: Budget) -> None:
    """Limit this process's next task."""
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        pages = int(statm.read(32).split()[0])
    _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + budget.memory)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + 1 + budget.processor)


def _lower(limit: int, value: int) -> None:
    """Set a soft limit, which may rise again later; never above the hard one."""
    hard = resource.getrlimit(limit)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, hard))
