"""What the functions of one IR module share: layouts, signatures, declarations, debug metadata.

A module of IR holds a range of a wasm module's functions (a shard); everything here depends on the
wasm module, the environment and the order of translation alone, so equal inputs give equal text.
"""

from cachewasm.abi import symbols
from cachewasm.abi.vmctx import InstanceLayout
from cachewasm.compiler.translate.debug import (
    NO_PLACES,
    FunctionPlaces,
    LineTable,
    PcSections,
)
from cachewasm.compiler.translate.ir import CODE, INVARIANT, LIKELY, THROWS, UNLIKELY, Signature
from cachewasm.compiler.translate.metering import lowerings
from cachewasm.wasm.features import EXCEPTIONS
from cachewasm.wasm.module import Module, ValidModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment


def escapes(valid: ValidModule) -> tuple[int, ...]:
    """The functions that may be referenced, sorted; each has a Funcref in the VM context.

    Those that are exported, named by a segment or a global's initial value, or are the start; a
    body can name only such functions.
    """
    return valid.escapes


def instance_layout(module: Module, funcrefs: int) -> InstanceLayout:
    """The layout of a context of `module`, with room for `funcrefs` references."""
    return InstanceLayout(
        imported_funcs=module.imported_funcs,
        imported_globals=module.imported_globals,
        memories=len(module.memory_types),
        tables=len(module.table_types),
        defined_globals=len(module.globals),
        data=len(module.data_segments),
        elements=len(module.elements),
        funcrefs=funcrefs,
        tags=len(module.tag_typeidxs),
    )


class ModuleContext:
    """See the module's docstring. One per IR module; not shared between threads.

    `places` writes the wasm offsets of instructions, None if they are not wanted.
    """

    __slots__ = (
        "_signatures",
        "alignment",
        "baseline",
        "bases_move",
        "called",
        "code",
        "consume_fuel",
        "env",
        "epoch_interruption",
        "funcref_index",
        "guard_size",
        "invariant",
        "is_for_size",
        "isa",
        "layout",
        "lazy_tables",
        "library",
        "likely",
        "lines",
        "lowerings",
        "module",
        "places",
        "unlikely",
        "valid",
    )

    def __init__(self, valid: ValidModule, env: "CompileEnvironment", *, baseline: bool) -> None:
        self.valid = valid
        self.module = valid.module
        self.env = env
        self.baseline = baseline
        # Exceptions may pass through any function, in modules without tags as well.
        self.code = THROWS if env.features & EXCEPTIONS else CODE
        referenced = escapes(valid)
        self.funcref_index = {funcidx: i for i, funcidx in enumerate(referenced)}
        self.layout = instance_layout(self.module, len(referenced))
        self.called: set[int] = set()
        self.isa = frozenset(env.target.features)
        # Declarations of functions of runtime_library.py that the code calls.
        self.library: set[str] = set()
        # Offsets and widths up to this need no check; None: every access is checked by code.
        self.guard_size: int | None = env.tunables.memory_guard_size
        if env.tunables.explicit_bounds_checks:
            self.guard_size = None
        # Otherwise the base of a memory is the same during a call.
        self.bases_move: bool = env.tunables.memories_move
        # Whether a table may have to be filled before it is read; see table.py.
        self.lazy_tables = env.tunables.table_lazy_init
        self.places: LineTable | PcSections | None = None
        if env.tunables.generate_address_map or env.tunables.debug_info:
            self.places = PcSections() if baseline else LineTable()
        # What only passes look at is left out for the baseline tier, which has none: each costs LLVM a look-up.
        self.invariant, self.unlikely, self.likely = (
            ("", "", "") if baseline else (INVARIANT, UNLIKELY, LIKELY)
        )
        # The baseline tier gains nothing from aligned functions but padding. What LLVM's sections are
        # aligned to, its functions need: else where one lies would depend on where its object begins.
        self.is_for_size = baseline or is_for_size(env)
        self.alignment = " align 4" if self.is_for_size else ""
        self.consume_fuel = env.tunables.consume_fuel
        self.epoch_interruption = env.tunables.epoch_interruption
        self.lowerings = lowerings(env)
        # Of functions that cannot have PC sections, once there is one.
        self.lines: LineTable | None = None
        self._signatures: dict[int, Signature] = {}

    def function_places(self, funcidx: int) -> FunctionPlaces:
        """How the function at hand writes its places."""
        if not self.places:
            return NO_PLACES
        return self.places.function(symbols.function(funcidx), self.module.body(funcidx).start)

    def line_places(self, funcidx: int) -> FunctionPlaces | None:
        """The lines of a function that cannot have PC sections; None if it has none in any case."""
        if not isinstance(self.places, PcSections):
            return None
        if self.lines is None:
            self.lines = LineTable()
        return self.lines.function(symbols.function(funcidx), self.module.body(funcidx).start)

    def header(self) -> tuple[str, ...]:
        """The metadata that the places need."""
        if self.lines is not None:
            return self.lines.header
        return self.places.header if self.places else ()

    def signature(self, typeidx: int) -> Signature:
        """The signature of a type."""
        found = self._signatures.get(typeidx)
        if found is None:
            found = self._signatures[typeidx] = Signature(self.module.types[typeidx])
        return found

    def callee(self, funcidx: int) -> Signature:
        """The signature of a function; a defined one gets a declaration if it lies elsewhere."""
        if funcidx >= self.module.imported_funcs:
            self.called.add(funcidx)
        return self.signature(self.module.func_typeidxs[funcidx])

    def declarations(self, funcs: range) -> list[str]:
        """Declarations of the functions that `funcs` call and that are not among them."""
        lines = sorted(self.library)
        for funcidx in sorted(self.called):
            if funcidx not in funcs:
                signature = self.signature(self.module.func_typeidxs[funcidx])
                name = symbols.function(funcidx)
                lines.append(
                    f"declare hidden {signature.result} @{name}({signature.types}) {self.code}"
                )
        return lines


def is_for_size(env: "CompileEnvironment") -> bool:
    """Whether the engine's options ask for small code."""
    return env.flags["opt_level"] == "speed_and_size"
