"""Values to test an option with, by the option's type or name.

An option that is added is covered at once if it is a switch, a size or a choice; any other one fails
with a sentence that says where values for it are missing.
"""

from concurrent.futures import ThreadPoolExecutor

from cachewasm.engine import host
from cachewasm.engine.config import OPTIONS, Config
from cachewasm.engine.isa import X86_64
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.options import Jobs, OptLevel, Size, Strategy, Switch
from cachewasm.wasm import features

IS_X86 = host.machine() == X86_64

# Those of options whose type does not tell. Each list has a value that is not the default.
VALUES: dict[str, list[object]] = {
    # A place where nothing can be stored, so nothing is.
    "cache": [False, "/proc/cachewasm"],
    "compile_executor": [None, ThreadPoolExecutor(1)],
    "compile_progress": [None, print],
    "detect_host_feature": [None, lambda name: None],
    "max_wasm_stack": [1 << 16, 1 << 20],
    "operator_cost": [OperatorCost({"nop": 2}), OperatorCost({"i32.add": 0})],
    "module_version": [None, "", "mine", "yours"],
    "target_features": ["+avx512bw", "+gfni,-bmi2"] if IS_X86 else ["+i8mm", "-rdm"],
    "tune_cpu": ["znver4", "generic"] if IS_X86 else ["neoverse-n1", "generic"],
    "wasm_backtrace_max_frames": [1, 7],
    # First one of the other architecture.
    "target": sorted(
        ["aarch64-unknown-linux-gnu", "x86-64-v1", "x86-64-v3", "native"],
        key=lambda target: target.startswith("x86-64" if IS_X86 else "aarch64"),
    ),
}


# What an option needs that is off by default.
NEEDED: dict[str, dict[str, object]] = {
    f"wasm_{name}": {f"wasm_{needed}": True}
    for name, needed in features.NEEDS.items()
    if not features.BY_NAME[needed].default
}


def values_of(name: str) -> list[object]:
    """Values that the option takes, at least one of them other than its default."""
    option = OPTIONS[name]
    found: list[object]
    if name in VALUES:
        found = VALUES[name]
    elif isinstance(option, Switch):
        found = [False, True]
    elif isinstance(option, Size):
        found = [max(option.minimum, 1 << 16), 1 << 20, min(option.maximum, 1 << 33)]
    elif isinstance(option, (Strategy, OptLevel)):
        found = list(option.NAMES)
    elif isinstance(option, Jobs):
        found = [0, 1, 3]
    else:
        raise AssertionError(
            f"nobody says what to test the option {name} with: add values for it to VALUES in "
            f"{__file__}"
        )
    assert any(value != option.default for value in found)
    return found


def other_value(name: str) -> object:
    """A value other than the default."""
    return next(value for value in values_of(name) if value != OPTIONS[name].default)


def config_with(**options: object) -> Config:
    """A Config with these options set."""
    config = Config()
    for name, value in options.items():
        setattr(config, name, value)
    return config
