"""The options of an engine, under the names of the drop-in API.

The class body is the one table of options. Each states its effect: KEY options change the key under
which code is cached, NO_EFFECT options are on the written list of those that cannot change it,
REFUSED options raise as soon as they are asked to do something. Tests prove that nothing else
exists. Unlike in the drop-in API every option can be read, too, and a misspelt one is an
AttributeError.
"""

from cachewasm.engine.options import (
    KEY,
    NO_EFFECT,
    CachePlace,
    CompileExecutor,
    FeatureSwitch,
    Jobs,
    Option,
    ProgressCallback,
    Refused,
    Size,
    Strategy,
    Switch,
    TargetName,
    VersionName,
)
from cachewasm.engine.tunables import MAX_SIZE, TUNABLES
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.options import Value

_DEFAULTS = {tunable.name: tunable.default for tunable in TUNABLES}


def _size(name: str) -> Size:
    return Size(_DEFAULTS[name], KEY, "is a tunable", maximum=MAX_SIZE)


def _switch(name: str) -> Switch:
    return Switch(bool(_DEFAULTS[name]), KEY, "is a tunable")


class Config:
    """Options for an `Engine`, which reads them once. Not thread-safe.

    What depends on the host reads as the table's default until it is set: with
    `signals_based_traps = False`, or under a limit of the address space, an engine takes no
    reservation and no guard unless they are set.
    """

    __slots__ = ("_chosen",)

    # What is compiled, and how.
    strategy = Strategy("auto", KEY, "decides which tiers are looked for and compiled")
    target = TargetName(None, KEY, "decides the instructions")
    module_version = VersionName(None, KEY, "is in the metadata of an artifact")
    memory_reservation = _size("memory_reservation")
    memory_guard_size = _size("memory_guard_size")
    memory_may_move = _switch("memory_may_move")
    signals_based_traps = _switch("signals_based_traps")
    generate_address_map = _switch("generate_address_map")
    wasm_backtrace = _switch("wasm_backtrace")
    native_unwind_info = _switch("native_unwind_info")

    # What happens around it.
    cache = CachePlace(True, NO_EFFECT, "says where code is kept, not what it is")
    parallel_compilation = Switch(True, NO_EFFECT, "shards depend on the module alone")
    compile_jobs = Jobs(0, NO_EFFECT, "shards depend on the module alone")
    compile_executor = CompileExecutor(None, NO_EFFECT, "a job says which compiler it must be")
    compile_progress = ProgressCallback(None, NO_EFFECT, "only tells how far compiling is")
    max_wasm_stack = Size(
        4 << 20, NO_EFFECT, "code reads the limit from the store", minimum=1, maximum=MAX_SIZE
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
    consume_fuel = Refused(False)
    cranelift_debug_verifier = Refused(False)
    cranelift_nan_canonicalization = Refused(False)
    cranelift_opt_level = Refused("speed")
    debug_info = Refused(False)
    epoch_interruption = Refused(False)
    gc_support = Refused(False)
    macos_use_mach_ports = Refused(False)
    memory_init_cow = Refused(False)
    memory_reservation_for_growth = Refused(0)
    profiler = Refused("none")
    shared_memory = Refused(False)
    wasm_relaxed_simd_deterministic = Refused(False)

    def __init__(self) -> None:
        self._chosen: dict[str, Value] = {}

    def cranelift_flag_enable(self, flag: str) -> None:
        """Always refused: there is no Cranelift here."""
        raise ConfigError(f"the option cranelift_flag_enable ('{flag}') is not supported yet")

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Always refused: there is no Cranelift here."""
        raise ConfigError(f"the option cranelift_flag_set ('{key}') is not supported yet")

    def chosen_tunables(self) -> dict[str, int]:
        """The tunables that have been set, by name."""
        return {
            name: value
            for name, value in self._chosen.items()
            if name in _DEFAULTS and isinstance(value, int)
        }

    def features(self) -> int:
        """The WebAssembly features that are on, as bits of wasm/features.py."""
        return sum(
            option.feature.bit
            for option in OPTIONS.values()
            if isinstance(option, FeatureSwitch)
            and self._chosen.get(option.name, option.feature.default)
        )


OPTIONS: dict[str, Option] = {
    name: option for name, option in vars(Config).items() if isinstance(option, Option)
}
