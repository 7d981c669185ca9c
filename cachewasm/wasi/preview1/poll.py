"""Waiting for clocks and for streams.

A regular file is always ready. A subscription that makes no sense yields an event with its error,
and the call then does not wait.
"""

import time

from cachewasm.wasi import witx
from cachewasm.wasi.descriptor import Directory, File
from cachewasm.wasi.errno import BADF, INVAL, SUCCESS, WasiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasi.ctx import WasiCtx
    from cachewasm.wasi.memory import GuestMemory

# Each subscription costs the host more memory than the guest: bounded well above what poll(2) of a
# program with every descriptor open needs.
_MAX_SUBSCRIPTIONS = 1 << 14

# The host's poll takes milliseconds as a C int, its sleep has limits too: wait in steps of an hour.
_LONGEST_WAIT_NS = 3600 * 10**9


class _Wait:
    """What the subscriptions of one call add up to."""

    __slots__ = ("clocks", "events", "streams")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        # Deadlines on the host's monotonic clock, in ns, with their userdata.
        self.clocks: list[tuple[int, int]] = []
        # Descriptors of the host with tag and userdata.
        self.streams: list[tuple[int, int, int]] = []

    def add_event(
        self, userdata: int, tag: int, *, error: int = SUCCESS, hangup: bool = False
    ) -> None:
        # How much can be transferred is not told exactly; at least something.
        size = 0 if tag == witx.EVENT_CLOCK or error else 1
        flags = witx.EVENT_HANGUP if hangup else 0
        self.events.append(witx.EVENT.pack(userdata, error, tag, size, flags))

    def next_deadline(self) -> int | None:
        return min((deadline for deadline, _ in self.clocks), default=None)


def poll_oneoff(
    ctx: "WasiCtx", mem: "GuestMemory", subscriptions: int, events: int, count: int, stored: int
) -> None:
    """Wait until at least one subscription has an event; store all that there are."""
    if not 0 < count <= _MAX_SUBSCRIPTIONS:
        raise WasiError(INVAL)
    mem.check(events, count * witx.EVENT.size)
    mem.check(stored, 4)
    wait = _Wait()
    for record in witx.SUBSCRIPTION.iter_unpack(
        mem.slice(subscriptions, count * witx.SUBSCRIPTION.size)
    ):
        userdata, tag, subject, timeout, _, flags = record
        try:
            _subscribe(ctx, wait, userdata, tag, subject, timeout, flags)
        except WasiError as e:
            wait.add_event(userdata, tag, error=e.errno)
    _collect(wait)
    mem.write(events, b"".join(wait.events))
    mem.store_u32(stored, len(wait.events))


def _subscribe(
    ctx: "WasiCtx", wait: _Wait, userdata: int, tag: int, subject: int, timeout: int, flags: int
) -> None:
    if tag == witx.EVENT_CLOCK:
        wait.clocks.append((_deadline(subject, timeout, flags), userdata))
        return
    if tag not in (witx.EVENT_FD_READ, witx.EVENT_FD_WRITE):
        raise WasiError(INVAL)
    descriptor = ctx.get(subject)
    needed = witx.RIGHT_FD_READ if tag == witx.EVENT_FD_READ else witx.RIGHT_FD_WRITE
    if isinstance(descriptor, Directory) or needed & ~descriptor.rights:
        raise WasiError(BADF)
    if isinstance(descriptor, File) and descriptor.filetype != witx.REGULAR_FILE:
        wait.streams.append((descriptor.fd, tag, userdata))
    else:
        wait.add_event(userdata, tag)


def _deadline(clock: int, timeout: int, flags: int) -> int:
    """When `timeout` on the guest's clock is over, on the host's monotonic clock."""
    if clock not in (witx.CLOCK_REALTIME, witx.CLOCK_MONOTONIC):
        raise WasiError(INVAL)
    now = time.monotonic_ns()
    if not flags & witx.SUBCLOCK_ABSTIME:
        return now + timeout
    return timeout if clock == witx.CLOCK_MONOTONIC else now + timeout - time.time_ns()


def _collect(wait: _Wait) -> None:
    """Add the events of streams and clocks, waiting for the first unless there is one already."""
    poller = _Poller(wait.streams) if wait.streams else None
    deadline = time.monotonic_ns() if wait.events else wait.next_deadline()
    while True:
        left = _LONGEST_WAIT_NS if deadline is None else deadline - time.monotonic_ns()
        left = max(0, min(left, _LONGEST_WAIT_NS))
        if poller is not None:
            poller.poll(wait, left)
        elif left:
            time.sleep(left / 1e9)
        now = time.monotonic_ns()
        for due, userdata in wait.clocks:
            if due <= now:
                wait.add_event(userdata, witx.EVENT_CLOCK)
        if wait.events:
            return


class _Poller:
    """The host's poll over the streams of one call."""

    __slots__ = ("_poll", "_streams")

    def __init__(self, streams: list[tuple[int, int, int]]) -> None:
        import select

        self._streams = streams
        self._poll = select.poll()
        interest: dict[int, int] = {}
        for fd, tag, _ in streams:
            bit = select.POLLIN if tag == witx.EVENT_FD_READ else select.POLLOUT
            interest[fd] = interest.get(fd, 0) | bit
        for fd, bits in interest.items():
            self._poll.register(fd, bits)

    def poll(self, wait: _Wait, timeout_ns: int) -> None:
        import select

        # Rounded up, or a deadline less than a millisecond away would be waited for in a busy loop.
        found = dict(self._poll.poll(-(-timeout_ns // 1_000_000)))
        for fd, tag, userdata in self._streams:
            bits = found.get(fd, 0)
            hangup = bool(bits & (select.POLLHUP | select.POLLERR))
            wanted = select.POLLIN if tag == witx.EVENT_FD_READ else select.POLLOUT
            if bits & select.POLLNVAL:
                wait.add_event(userdata, tag, error=BADF)
            elif hangup or bits & wanted:
                wait.add_event(userdata, tag, hangup=hangup)
