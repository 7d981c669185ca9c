"""The error numbers of WASI preview 1, and how the host's map to them.

A WASI function fails by raising: `WasiError` with a number from here, or the `OSError` of the
system call that failed. The dispatcher turns both into the errno that the guest sees, so no
function has to handle what it cannot mend.

Source: WASI preview 1, type `errno`.
"""

import errno as _host

from cachewasm.errors import CachewasmError

# Names in the order of their numbers. Except for `success` and `notcapable`, which no host has,
# each is the POSIX name without its E, and that is what the mapping is made from.
_NAME_LIST = (
    "success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg busy canceled "
    "child connaborted connrefused connreset deadlk destaddrreq dom dquot exist fault fbig "
    "hostunreach idrm ilseq inprogress intr inval io isconn isdir loop mfile mlink msgsize "
    "multihop nametoolong netdown netreset netunreach nfile nobufs nodev noent noexec nolck nolink "
    "nomem nomsg noprotoopt nospc nosys notconn notdir notempty notrecoverable notsock notsup notty "
    "nxio overflow ownerdead perm pipe proto protonosupport prototype range rofs spipe srch stale "
    "timedout txtbsy xdev notcapable"
)
_NAMES = _NAME_LIST.split()

SUCCESS = 0
BADF = _NAMES.index("badf")
FAULT = _NAMES.index("fault")
ILSEQ = _NAMES.index("ilseq")
INVAL = _NAMES.index("inval")
IO = _NAMES.index("io")
ISDIR = _NAMES.index("isdir")
LOOP = _NAMES.index("loop")
MFILE = _NAMES.index("mfile")
NAMETOOLONG = _NAMES.index("nametoolong")
NOENT = _NAMES.index("noent")
NOTDIR = _NAMES.index("notdir")
NOTSOCK = _NAMES.index("notsock")
PERM = _NAMES.index("perm")
SPIPE = _NAMES.index("spipe")

_BY_HOST: dict[int, int] = {}


class WasiError(CachewasmError):
    """A WASI function fails with `errno`. Never leaves the dispatcher."""

    def __init__(self, errno: int) -> None:
        super().__init__(_NAMES[errno])
        self.errno = errno


def from_host(number: int | None) -> int:
    """The WASI errno for one of the host; `io` for what WASI has no name for."""
    if not _BY_HOST:
        # Made by the first failure, which many programs never see.
        for errno, name in enumerate(_NAMES):
            _BY_HOST[getattr(_host, "E" + name.upper(), -1)] = errno
    return IO if number is None else _BY_HOST.get(number, IO)
