"""A store's limits on what wasm code may take (`Store.set_limits`). On the warm path."""

from cachewasm.errors import WasmtimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.wasm.types import MemoryType, TableType


class StoreLimits:
    """Upper bounds; a negative number is none. `memory_size` is in bytes, for each memory."""

    __slots__ = ("instances", "memories", "memory_size", "table_elements", "tables")

    def __init__(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
    ) -> None:
        self.memory_size = memory_size
        self.table_elements = table_elements
        self.instances = instances
        self.tables = tables
        self.memories = memories

    def check_instance(self, present: int) -> None:
        """Raises WasmtimeError if the store, which has `present` instances, may not have another."""
        _check_count("instance", present, self.instances)

    def check_memory(self, present: int, type: "MemoryType") -> None:
        """Raises WasmtimeError if a memory of this type may not be added."""
        _check_count("memory", present, self.memories)
        size = type.limits.min << type.page_size_log2
        if 0 <= self.memory_size < size:
            raise WasmtimeError(
                f"memory minimum size of {type.limits.min} pages exceeds memory limits"
            )

    def check_table(self, present: int, type: "TableType") -> None:
        """Raises WasmtimeError if a table of this type may not be added."""
        _check_count("table", present, self.tables)
        if 0 <= self.table_elements < type.limits.min:
            raise WasmtimeError(
                f"table minimum size of {type.limits.min} elements exceeds table limits"
            )


def _check_count(what: str, present: int, limit: int) -> None:
    if 0 <= limit <= present:
        raise WasmtimeError(f"resource limit exceeded: {what} count too high at {present + 1}")
