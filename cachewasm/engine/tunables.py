"""The tunables: settings that decide which code is generated for memories, traps and backtraces.

One table row per tunable: its default, its kind, and how a mismatch between an artifact and the
engine is worded (None where an artifact may be loaded whatever was chosen). All of them are in the
key. Sizes are whole multiples of 64 KiB, the largest page of any host, so that a value means the
same on hosts with pages of 4, 16 and 64 KiB.
"""

from cachewasm.engine import encoding
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachewasm.engine.encoding import Reader

FOUR_GIB = 1 << 32
SIZE_UNIT = 1 << 16
# Half of the smallest user address space of a supported host (47 bits).
MAX_SIZE = 1 << 46


class Tunable:
    """A row. `is_size` tells sizes in bytes from switches; `wording` names it in a refusal."""

    __slots__ = ("default", "is_size", "name", "without_guards", "wording")

    def __init__(
        self, name: str, default: int, wording: str | None, without_guards: int | None = None
    ) -> None:
        self.name = name
        self.default = default
        self.wording = wording
        self.is_size = not isinstance(default, bool)
        # The default where no reservation and no guard catches an access out of bounds.
        self.without_guards = default if without_guards is None else without_guards


TUNABLES = (
    # Address space reserved for each linear memory; less than 4 GiB: accesses are checked by code.
    Tunable("memory_reservation", FOUR_GIB, "memory reservation", without_guards=0),
    # Address space behind it that faults; an offset and width beyond it are checked by code.
    Tunable("memory_guard_size", 32 << 20, "memory guard size", without_guards=0),
    # Whether a memory that outgrows its reservation may get a new base.
    Tunable("memory_may_move", True, "memory may move"),
    # Whether accesses out of bounds are found by guard pages and a signal handler.
    Tunable("signals_based_traps", True, "Signals-based traps"),
    # Whether the artifact maps code to wasm offsets; code without the map runs all the same.
    Tunable("generate_address_map", True, None),
    # Whether a trap lists the wasm functions on the stack.
    Tunable("wasm_backtrace", True, "WebAssembly backtrace support"),
    # Whether every function has unwind tables, which the process's unwinder is told of.
    Tunable("native_unwind_info", False, None),
)


class Tunables:
    """A value for every row of the table. Immutable by convention, compared by value."""

    __slots__ = tuple(tunable.name for tunable in TUNABLES)

    memory_reservation: int
    memory_guard_size: int
    memory_may_move: bool
    signals_based_traps: bool
    generate_address_map: bool
    wasm_backtrace: bool
    native_unwind_info: bool

    def __init__(self, values: "Mapping[str, int]") -> None:
        """`values` has every tunable, and nothing else."""
        for tunable in TUNABLES:
            value = values[tunable.name]
            setattr(self, tunable.name, value if tunable.is_size else bool(value))

    @property
    def explicit_bounds_checks(self) -> bool:
        """Whether code compares every address with the memory's length.

        Otherwise a 32-bit index cannot leave the reservation, and only an offset plus width beyond
        `memory_guard_size` needs a check.
        """
        return not self.signals_based_traps or self.memory_reservation < FOUR_GIB

    def to_bytes(self) -> bytes:
        return b"".join(
            encoding.text(tunable.name) + encoding.u64(int(getattr(self, tunable.name)))
            for tunable in TUNABLES
        )

    @classmethod
    def read(cls, reader: "Reader") -> "Tunables":
        """The inverse of `to_bytes`: exactly the rows of the table, in its order."""
        values = {}
        for tunable in TUNABLES:
            name = reader.text()
            if name != tunable.name:
                raise reader.fail(f"expected the tunable `{tunable.name}`, found `{name}`")
            value = reader.u64()
            if value > (MAX_SIZE if tunable.is_size else 1):
                raise reader.fail(f"the tunable `{name}` cannot be {value}")
            values[name] = value
        reader.finish()
        return cls(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tunables) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())


def choose(chosen: "Mapping[str, int]", *, address_space_limited: bool) -> Tunables:
    """The tunables for what was `chosen`, the rest by default.

    Without signals, or without the address space for large reservations, the defaults are no
    reservation and no guard: code checks every address itself. What was chosen stands, a size
    rounded up to a multiple of 64 KiB. Raises ConfigError for a size that no host could reserve.
    """
    guards = chosen.get("signals_based_traps", True) and not address_space_limited
    values = {}
    for tunable in TUNABLES:
        value = chosen.get(tunable.name, tunable.default if guards else tunable.without_guards)
        if tunable.is_size:
            if not 0 <= value <= MAX_SIZE:
                raise ConfigError(f"the option {tunable.name} must be from 0 to {MAX_SIZE} bytes")
            value = -(-value // SIZE_UNIT) * SIZE_UNIT
        values[tunable.name] = value
    return Tunables(values)
