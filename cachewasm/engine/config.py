"""The options of an engine, under the names of the drop-in API.

The class body is the one table of options. Each states its effect: KEY options change the key under
which code is cached, NO_EFFECT options are on the written list of those that cannot change it,
REFUSED options raise as soon as they are asked to do something. Tests prove that nothing else
exists. Unlike in the drop-in API every option can be read, too, and a misspelt one is an
AttributeError. What options say together is checked by `validate()`, which every engine calls.
"""

from cachewasm.engine import flags
from cachewasm.engine.options import (
    KEY,
    NO_EFFECT,
    CachePlace,
    CompileExecutor,
    Costs,
    CpuName,
    FeatureProbe,
    FeatureSwitch,
    FrameCount,
    Jobs,
    Option,
    OptLevel,
    Profiler,
    ProgressCallback,
    Refused,
    Size,
    StackSize,
    Strategy,
    Switch,
    TargetFeatures,
    TargetName,
    VersionName,
)
from cachewasm.engine.tunables import MAX_SIZE, TUNABLES
from cachewasm.errors import ConfigError
from cachewasm.managed import Closable
from cachewasm.wasm import features

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.engine.flags import FlagValue
    from cachewasm.engine.options import Value

_DEFAULTS = {tunable.name: tunable.default for tunable in TUNABLES}


def _size(name: str) -> Size:
    return Size(_DEFAULTS[name], KEY, "is a tunable", maximum=MAX_SIZE)


def _switch(name: str) -> Switch:
    return Switch(bool(_DEFAULTS[name]), KEY, "is a tunable")


# Features that need one which is off by default.
_NOT_ALONE = frozenset(
    f"wasm_{name}"
    for name, needed in features.NEEDS.items()
    if not features.BY_NAME[needed].default
)


class Config(Closable):
    """Options for an `Engine`, which reads them once. Not thread-safe.

    What depends on other options or the host reads as the table's default until it is set: with
    `signals_based_traps = False` an engine takes no guard, and under a limit of the address space
    no reservation either, unless they are set, or `guard_before_linear_memory` is set on.
    """

    __slots__ = ("_chosen",)

    # What is compiled, and how.
    strategy = Strategy("auto", KEY, "decides which tiers are looked for and compiled")
    opt_level = OptLevel("speed", KEY, "is a shared flag")
    cranelift_opt_level = OptLevel("speed", KEY, "is a shared flag", same_as="opt_level")
    nan_canonicalization = Switch(False, KEY, "is a shared flag")
    cranelift_nan_canonicalization = Switch(
        False, KEY, "is a shared flag", same_as="nan_canonicalization"
    )
    target = TargetName(None, KEY, "decides the instructions")
    target_features = TargetFeatures(None, KEY, "decides the instructions")
    tune_cpu = CpuName(None, KEY, "decides the order of the instructions")
    module_version = VersionName(None, KEY, "is in the metadata of an artifact")
    memory_reservation = _size("memory_reservation")
    memory_guard_size = _size("memory_guard_size")
    guard_before_linear_memory = _switch("guard_before_linear_memory")
    memory_may_move = _switch("memory_may_move")
    memory_reservation_for_growth = _size("memory_reservation_for_growth")
    memory_init_cow = _switch("memory_init_cow")
    memory_guaranteed_dense_image_size = _size("memory_guaranteed_dense_image_size")
    table_lazy_init = _switch("table_lazy_init")
    signals_based_traps = _switch("signals_based_traps")
    generate_address_map = _switch("generate_address_map")
    wasm_backtrace = _switch("wasm_backtrace")
    debug_symbols = _switch("debug_symbols")
    debug_info = _switch("debug_info")
    branch_protection = _switch("branch_protection")
    consume_fuel = _switch("consume_fuel")
    operator_cost = Costs(None, KEY, "its numbers are in the code that counts fuel")
    epoch_interruption = _switch("epoch_interruption")
    wasm_relaxed_simd_deterministic = _switch("wasm_relaxed_simd_deterministic")
    native_unwind_info = _switch("native_unwind_info")

    # What happens around it.
    cache = CachePlace(True, NO_EFFECT, "says where code is kept, not what it is")
    parallel_compilation = Switch(True, NO_EFFECT, "shards depend on the module alone")
    debug_verifier = Switch(False, NO_EFFECT, "looks at code and changes none")
    cranelift_debug_verifier = Switch(
        False, NO_EFFECT, "looks at code and changes none", same_as="debug_verifier"
    )
    compile_jobs = Jobs(0, NO_EFFECT, "shards depend on the module alone")
    compile_executor = CompileExecutor(None, NO_EFFECT, "a job says which compiler it must be")
    compile_progress = ProgressCallback(None, NO_EFFECT, "only tells how far compiling is")
    max_wasm_stack = StackSize(4 << 20, NO_EFFECT, "code reads the limit from the store")
    wasm_backtrace_max_frames = FrameCount(
        20, NO_EFFECT, "bounds what is read of the stack", maximum=1000
    )

    detect_host_feature = FeatureProbe(
        None, NO_EFFECT, "tells of the host, whose target is in the key"
    )

    # The WebAssembly features.
    wasm_multi_value = FeatureSwitch("multi_value")
    wasm_bulk_memory = FeatureSwitch("bulk_memory")
    wasm_reference_types = FeatureSwitch("reference_types")
    wasm_extended_const = FeatureSwitch("extended_const")
    wasm_multi_memory = FeatureSwitch("multi_memory")
    wasm_simd = FeatureSwitch("simd")
    wasm_relaxed_simd = FeatureSwitch("relaxed_simd")
    wasm_tail_call = FeatureSwitch("tail_call")
    wasm_memory64 = FeatureSwitch("memory64")
    wasm_threads = FeatureSwitch("threads")
    wasm_shared_everything_threads = FeatureSwitch("shared_everything_threads")
    wasm_exceptions = FeatureSwitch("exceptions")
    wasm_legacy_exceptions = FeatureSwitch("legacy_exceptions")
    wasm_function_references = FeatureSwitch("function_references")
    wasm_gc = FeatureSwitch("gc")
    wasm_custom_page_sizes = FeatureSwitch("custom_page_sizes")
    wasm_wide_arithmetic = FeatureSwitch("wide_arithmetic")
    wasm_stack_switching = FeatureSwitch("stack_switching")
    wasm_branch_hinting = FeatureSwitch("branch_hinting")
    wasm_component_model = FeatureSwitch("component_model")
    wasm_component_model_async = FeatureSwitch("component_model_async")
    wasm_component_model_more_async_builtins = FeatureSwitch("component_model_more_async_builtins")
    wasm_component_model_async_stackful = FeatureSwitch("component_model_async_stackful")
    wasm_component_model_threading = FeatureSwitch("component_model_threading")
    wasm_component_model_error_context = FeatureSwitch("component_model_error_context")
    wasm_component_model_gc = FeatureSwitch("component_model_gc")
    wasm_component_model_map = FeatureSwitch("component_model_map")
    wasm_component_model_memory64 = FeatureSwitch("component_model_memory64")
    wasm_component_model_fixed_length_lists = FeatureSwitch("component_model_fixed_length_lists")
    wasm_component_model_implements = FeatureSwitch("component_model_implements")

    # Options of the drop-in API that this version cannot honour.
    gc_support = Refused(False)
    macos_use_mach_ports = Refused(False)
    profiler = Profiler("none")
    shared_memory = Refused(False)
    wasm_backtrace_details = Refused("disable")

    # Options of its model, which has more; None where every value would ask for something.
    allocation_strategy = Refused("on_demand")
    async_stack_size = Refused(None)
    async_stack_zeroing = Refused(False)
    collector = Refused("auto")
    compiler_inlining = Refused(False)
    concurrency_support = Refused(False)
    coredump_on_trap = Refused(False)
    cranelift_regalloc_algorithm = Refused(None)
    cranelift_wasmtime_debug_checks = Refused(False)
    debug_adapter_modules = Refused(False)
    emit_clif = Refused(None)
    enable_compiler = Refused(True)
    enable_incremental_compilation = Refused(False)
    force_memory_init_memfd = Refused(False)
    gc_heap_guard_size = Refused(None)
    gc_heap_initial_size = Refused(None)
    gc_heap_may_move = Refused(None)
    gc_heap_reservation = Refused(None)
    gc_heap_reservation_for_growth = Refused(None)
    gc_zeal_alloc_counter = Refused(None)
    guest_debug = Refused(False)
    metadata_for_gc_heap_corruption = Refused(False)
    metadata_for_internal_asserts = Refused(False)
    rr = Refused(None)
    with_custom_code_memory = Refused(None)
    with_host_memory = Refused(None)
    with_host_stack = Refused(None)
    wmemcheck = Refused(False)
    x86_float_abi_ok = Refused(False)

    def __init__(self) -> None:
        self._chosen: dict[str, Value] = {}

    def cranelift_flag_enable(self, flag: str) -> None:
        """Switch a flag of Cranelift on that has an equivalent here (cranelift_flags.py).

        Raises ConfigError for one that has none.
        """
        from cachewasm.engine import cranelift_flags

        cranelift_flags.enable(self, flag)

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Set a flag of Cranelift that has an equivalent here; `value` as Cranelift spells it.

        Raises ConfigError for one that has none, and for a value that the flag cannot have.
        """
        from cachewasm.engine import cranelift_flags

        cranelift_flags.assign(self, key, value)

    def wasm_features(self, names: "str | Iterable[str] | int", enable: bool) -> None:
        """Switch WebAssembly features on or off: one or several by name, or bits of
        wasm/features.py. Raises ConfigError, and then none of them is changed.
        """
        if not isinstance(enable, bool):
            raise TypeError("expected a bool")
        changed = self.copy()
        for name in _feature_names(names):
            setattr(changed, f"wasm_{name}", enable)
        self._chosen = changed._chosen

    def copy(self) -> "Config":
        """A Config with the same options set, which changes apart from this one."""
        config = Config()
        config._chosen = dict(self._chosen)
        return config

    def __copy__(self) -> "Config":
        return self.copy()

    def __deepcopy__(self, memo: object) -> "Config":
        # Caches and executors among the options are shared, not copied.
        return self.copy()

    def __repr__(self) -> str:
        """The options that have been set."""
        return f"Config({', '.join(f'{name}={value!r}' for name, value in self._chosen.items())})"

    def validate(self) -> None:
        """Raise ConfigError if two options contradict each other (engine/rules.py)."""
        # One option contradicts none, but for a feature that needs one which is off by default: what
        # is not set follows from what is.
        if len(self._chosen) > 1 or not _NOT_ALONE.isdisjoint(self._chosen):
            from cachewasm.engine import rules

            rules.check(self, self._chosen)

    def chosen_tunables(self) -> dict[str, int]:
        """The tunables that have been set, by name."""
        return {
            name: value
            for name, value in self._chosen.items()
            if name in _DEFAULTS and isinstance(value, int)
        }

    def chosen_flags(self) -> "dict[str, FlagValue]":
        """The options that have been set and are shared flags, by name."""
        return {
            name: value
            for name, value in self._chosen.items()
            if name in flags.BY_OPTION and isinstance(value, (int, str))
        }

    def chosen_for_code(self) -> "tuple[tuple[str, Value], ...]":
        """All that has been set and is in the key of what is compiled, in the order of the names."""
        return tuple(
            sorted(
                (name, value) for name, value in self._chosen.items() if OPTIONS[name].effect == KEY
            )
        )

    def features(self) -> int:
        """The WebAssembly features that are on, as bits of wasm/features.py."""
        mask = features.DEFAULT
        chosen = 0
        for name, value in self._chosen.items():
            option = OPTIONS[name]
            if isinstance(option, FeatureSwitch):
                bit = option.feature.bit
                chosen |= bit
                mask = mask | bit if value else mask & ~bit
        if chosen:
            for name, needed in features.NEEDS.items():
                bit = features.BY_NAME[name].bit
                if not chosen & bit and not mask & features.BY_NAME[needed].bit:
                    mask &= ~bit
        return mask


def _feature_names(names: "str | Iterable[str] | int") -> "list[str]":
    from cachewasm.engine.suggest import shown

    if isinstance(names, int) and not isinstance(names, bool):
        if names < 0 or names >> len(features.FEATURES):
            raise ConfigError(f"{shown(hex(names))} has bits of no WebAssembly feature")
        return [feature.name for feature in features.features_in(names)]
    found = [names] if isinstance(names, str) else list(names)  # type: ignore[arg-type]
    for name in found:
        if not isinstance(name, str):
            raise TypeError("expected a str")
        if name not in features.BY_NAME:
            raise ConfigError(f"the WebAssembly feature `{shown(name)}` is unknown")
    return found


OPTIONS: dict[str, Option] = {
    name: option for name, option in vars(Config).items() if isinstance(option, Option)
}
