"""The clocks: the host's, in nanoseconds."""

import time

from cachewasm.wasi import witx
from cachewasm.wasi.errno import INVAL, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

_CLOCKS = {
    witx.CLOCK_REALTIME: time.CLOCK_REALTIME,
    witx.CLOCK_MONOTONIC: time.CLOCK_MONOTONIC,
    witx.CLOCK_PROCESS_CPUTIME: time.CLOCK_PROCESS_CPUTIME_ID,
    witx.CLOCK_THREAD_CPUTIME: time.CLOCK_THREAD_CPUTIME_ID,
}


def clock_res_get(ctx: "WasiCtx", mem: "GuestMemory", clock: int, resolution: int) -> None:
    mem.store_u64(resolution, max(1, round(time.clock_getres(_host_clock(clock)) * 1e9)))


def clock_time_get(
    ctx: "WasiCtx", mem: "GuestMemory", clock: int, precision: int, timestamp: int
) -> None:
    mem.store_u64(timestamp, time.clock_gettime_ns(_host_clock(clock)))


def _host_clock(clock: int) -> int:
    if clock not in _CLOCKS:
        raise WasiError(INVAL)
    return _CLOCKS[clock]
