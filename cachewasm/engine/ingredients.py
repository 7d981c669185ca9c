"""What a key is made of, by name: a CompileEnvironment as people read and compare it.

A name has a dot and begins with the field: `tunables.memory_may_move`, `flags.is_pic`. The names come
from the tables, so a new flag, tunable or feature is an ingredient without a word here. A name that
ends in `.features` has a set: words in order, separated by spaces. A key is made of the environment's
bytes, never of this.
"""

from cachewasm.engine import identity
from cachewasm.engine.buildid import BUILD_ID, CONTENT
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.engine.tunables import TUNABLES
from cachewasm.wasm.features import features_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.engine.environment import CompileEnvironment


def of_environment(environment: "CompileEnvironment") -> dict[str, str | int]:
    """Every ingredient of the keys of an environment; truth values are `true` and `false`.

    Those of the compiler are digests and versions, as far as it is the compiler of this process.
    Raises HostError if something that is installed cannot be read.
    """
    target = environment.target
    ingredients: dict[str, str | int] = {
        "engine.module_version": environment.module_version,
        "target.triple": target.triple,
        "isa.cpu": target.cpu,
        "isa.features": " ".join(target.features),
        "isa.tune": target.tune or "",
        "wasm.features": " ".join(sorted(f.name for f in features_in(environment.features))),
    }
    ingredients |= {f"flags.{name}": _plain(value) for name, value in environment.flags.items}
    for tunable in TUNABLES:
        value = getattr(environment.tunables, tunable.name)
        ingredients[f"tunables.{tunable.name}"] = _plain(value)
    costs = OperatorCost.from_bytes(environment.operator_cost).changed
    ingredients["fuel.operator_cost"] = " ".join(f"{name}={cost}" for name, cost in costs)
    if environment.identity == identity.compiler_identity():
        return ingredients | _of_compiler(identity.compiler_parts())
    return ingredients | {"compiler.identity": environment.identity.hex()}


def _plain(value: bool | int | str) -> str | int:
    return str(value).lower() if isinstance(value, bool) else value


def _of_compiler(parts: "Iterable[tuple[str, bytes]]") -> dict[str, str | int]:
    ingredients: dict[str, str | int] = {}
    libraries = []
    for name, value in parts:
        if name == identity.LIBRARY:
            kind = BUILD_ID if value.startswith(BUILD_ID) else CONTENT
            label = kind.decode().strip().replace(" ", "-")
            libraries.append(f"{label}-{value.removeprefix(kind).hex()}")
        elif name == identity.LLVMLITE:
            ingredients["compiler.llvmlite"] = _version(value)
        else:
            ingredients[f"compiler.{name}"] = value.hex()
    if libraries:
        ingredients["compiler.libraries"] = " ".join(libraries)
    return ingredients


def _version(source: bytes) -> str:
    """The version and the commit that llvmlite's own module of them states."""
    version = _assigned(source, b"version_version")
    commit = _assigned(source, b"version_full")
    return f"{version} ({commit[:12]})" if commit else version


def _assigned(source: bytes, name: bytes) -> str:
    value = source.partition(b"\n%b = '" % name)[2].partition(b"'")[0]
    return value[:64].decode("utf-8", "replace")
