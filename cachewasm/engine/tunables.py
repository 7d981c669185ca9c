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

    __slots__ = ("default", "is_size", "limited", "name", "without_signals", "wording")

    def __init__(
        self,
        name: str,
        default: int,
        wording: str | None,
        *,
        without_signals: int | None = None,
        limited: int | None = None,
    ) -> None:
        self.name = name
        self.default = default
        self.wording = wording
        self.is_size = not isinstance(default, bool)
        # The default where no signal tells of an access to a guard.
        self.without_signals = default if without_signals is None else without_signals
        # The default where address space is limited.
        self.limited = default if limited is None else limited


TUNABLES = (
    # Address space reserved for each linear memory; less than 4 GiB: accesses are checked by code.
    Tunable("memory_reservation", FOUR_GIB, "memory reservation", limited=0),
    # Address space behind it that faults; an offset and width beyond it are checked by code.
    Tunable("memory_guard_size", 32 << 20, "memory guard size", without_signals=0, limited=0),
    # Whether as much in front of it faults, which nothing but wrong code could reach.
    Tunable("guard_before_linear_memory", True, "guard before linear memory"),
    # Whether a memory that outgrows its reservation may get a new base.
    Tunable("memory_may_move", True, "memory may move"),
    # Address space that it gets then beyond what it needs; code does not depend on it.
    Tunable("memory_reservation_for_growth", 2 << 30, None, limited=1 << 20),
    # Whether the artifact holds what memories begin with page by page, to be mapped and not copied.
    Tunable("memory_init_cow", True, "memory initialization with CoW", limited=False),
    # How large such an image may be if more than half of it are holes between data.
    Tunable("memory_guaranteed_dense_image_size", 16 << 20, None),
    # Whether tables get their elements when code first looks for one.
    Tunable("table_lazy_init", False, "table lazy init"),
    # Whether accesses out of bounds are found by guard pages and a signal handler.
    Tunable("signals_based_traps", True, "Signals-based traps"),
    # Whether the artifact maps code to wasm offsets; code without the map runs all the same.
    Tunable("generate_address_map", True, None),
    # Whether a trap lists the wasm functions on the stack.
    Tunable("wasm_backtrace", True, "WebAssembly backtrace support"),
    # Whether the artifact has a symbol table, for debuggers and profilers.
    Tunable("debug_symbols", True, "debug symbols"),
    # Whether it has lines for debuggers, and those are told of mapped code.
    Tunable("debug_info", False, "native debug information support"),
    # Whether functions begin with an instruction that marks where an indirect branch may land.
    Tunable("branch_protection", False, None),
    # Whether code counts what it executes, and traps when that is used up.
    Tunable("consume_fuel", False, "fuel support"),
    # Whether code compares the engine's epoch with its store's deadline.
    Tunable("epoch_interruption", False, "epoch interruption"),
    # Whether relaxed vector instructions give the same results on every target.
    Tunable("wasm_relaxed_simd_deterministic", False, "relaxed simd deterministic semantics"),
    # Whether every function has unwind tables, which the process's unwinder is told of.
    Tunable("native_unwind_info", False, None),
)


class Tunables:
    """A value for every row of the table. Immutable by convention, compared by value."""

    __slots__ = tuple(tunable.name for tunable in TUNABLES)

    memory_reservation: int
    memory_guard_size: int
    guard_before_linear_memory: bool
    memory_may_move: bool
    memory_reservation_for_growth: int
    memory_init_cow: bool
    memory_guaranteed_dense_image_size: int
    table_lazy_init: bool
    signals_based_traps: bool
    generate_address_map: bool
    wasm_backtrace: bool
    debug_symbols: bool
    debug_info: bool
    branch_protection: bool
    consume_fuel: bool
    epoch_interruption: bool
    wasm_relaxed_simd_deterministic: bool
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

    @property
    def memories_move(self) -> bool:
        """Whether growing may change the base of a memory. 4 GiB are as much as there can be."""
        return self.memory_may_move and self.memory_reservation < FOUR_GIB

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

    Without signals there is no guard by default, and where address space is limited no reservation
    either: code checks every address itself. What was chosen stands, a size rounded up to a
    multiple of 64 KiB, and so does the guard behind a memory if one in front was chosen. Raises
    ConfigError for a size that no host could reserve.
    """
    signals = chosen.get("signals_based_traps", True)
    values = {}
    for tunable in TUNABLES:
        default = tunable.default if signals else tunable.without_signals
        default = tunable.limited if address_space_limited else default
        if tunable.name == "memory_guard_size" and chosen.get("guard_before_linear_memory"):
            default = tunable.default
        value = chosen.get(tunable.name, default)
        if tunable.is_size:
            if not 0 <= value <= MAX_SIZE:
                raise ConfigError(f"the option {tunable.name} must be from 0 to {MAX_SIZE} bytes")
            value = -(-value // SIZE_UNIT) * SIZE_UNIT
        values[tunable.name] = value
    return Tunables(values)
