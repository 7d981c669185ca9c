"""Everything that may change the machine code made from a module, as one value.

A CompileEnvironment is all that the compiler is told besides the module, and it is what the key of
an artifact is made of: what is not in it cannot reach the code, and what is in it changes the key.
It is sent to the compile worker as bytes, so both sides compile for the same key.
"""

from blake3 import blake3

from cachewasm.engine import encoding, flags, host, identity, metadata, tunables
from cachewasm.engine.flags import SharedFlags
from cachewasm.engine.options import TargetName
from cachewasm.engine.target import (
    FeatureChanges,
    Target,
    changed_target,
    lowest_target,
    parse_changes,
    parse_target,
)
from cachewasm.engine.tunables import Tunables
from cachewasm.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.config import Config
    from cachewasm.engine.machine import Machine

# An OperatorCost that changes nothing.
DEFAULT_COST = bytes(2)


class CompileEnvironment:
    """One engine's environment. Immutable, compared by value.

    `features` are bits of wasm/features.py; `identity` is of 32 bytes; `operator_cost` is in the form
    of engine/operator_cost.py, which only those import who have costs of their own; `module_version` is what
    artifacts carry and are compared by, empty for none.
    """

    __slots__ = (
        "_compat_hash",
        "_engine_section",
        "features",
        "flags",
        "identity",
        "module_version",
        "operator_cost",
        "target",
        "tunables",
    )

    target: Target
    flags: SharedFlags
    tunables: Tunables
    operator_cost: bytes
    features: int
    identity: bytes
    module_version: str
    _compat_hash: bytes
    _engine_section: bytes

    def __init__(
        self,
        *,
        target: Target,
        flags: SharedFlags,
        tunables: Tunables,
        operator_cost: bytes,
        features: int,
        identity: bytes,
        module_version: str,
    ) -> None:
        for name, value in (
            ("target", target),
            ("flags", flags),
            ("tunables", tunables),
            ("operator_cost", operator_cost),
            ("features", features),
            ("identity", identity),
            ("module_version", module_version),
        ):
            object.__setattr__(self, name, value)
        shared = encoding.field("target", encoding.text(target.triple)) + self._common_bytes()
        compat = blake3(shared, derive_key_context="cachewasm compile environment v1").digest()
        object.__setattr__(self, "_compat_hash", compat)
        object.__setattr__(self, "_engine_section", metadata.encode_environment(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the {name} of a CompileEnvironment cannot be changed")

    def _common_bytes(self) -> bytes:
        """Every field but the target."""
        return b"".join(
            (
                encoding.field("module_version", encoding.text(self.module_version)),
                encoding.field("shared_flags", self.flags.to_bytes()),
                encoding.field("tunables", self.tunables.to_bytes()),
                encoding.field("operator_cost", self.operator_cost),
                encoding.field("features", encoding.u64(self.features)),
                encoding.field("identity", self.identity),
            )
        )

    def to_bytes(self) -> bytes:
        """The canonical encoding: every field with its name and length."""
        return self.target.to_bytes() + self._common_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "CompileEnvironment":
        """The inverse of `to_bytes`. Raises InternalError: such bytes come from this package."""
        reader = encoding.Reader(data, InternalError)
        environment = cls(
            target=Target.read(reader),
            module_version=reader.field("module_version").text(),
            flags=SharedFlags.read(reader.field("shared_flags")),
            tunables=Tunables.read(reader.field("tunables")),
            operator_cost=reader.field("operator_cost").rest(),
            features=reader.field("features").u64(),
            identity=reader.field("identity").take(32),
        )
        reader.finish()
        return environment

    def for_target(self, target: Target) -> "CompileEnvironment":
        """The environment of an engine that differs in the target only."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name[0] != "_"}
        return CompileEnvironment(**{**fields, "target": target})

    @property
    def compat_hash(self) -> bytes:
        """32 bytes over every field but the instruction set: what must agree for any target CPU."""
        return self._compat_hash

    @property
    def isa_digest(self) -> bytes:
        """32 bytes over the instruction set: base CPU, features and tuning."""
        return self.target.isa_digest

    @property
    def engine_section(self) -> bytes:
        """The engine section of this engine's artifacts, but for the tier at its end."""
        return self._engine_section

    def precompile_compatibility_hash(self, strategy: str) -> bytes:
        """32 bytes; engines with equal ones load each other's artifacts."""
        parts = (
            encoding.field("compat", self.compat_hash)
            + encoding.field("isa", self.isa_digest)
            + encoding.field("strategy", encoding.text(strategy))
        )
        return blake3(parts, derive_key_context="cachewasm precompile compatibility v1").digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompileEnvironment) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self._compat_hash)


def from_config(config: "Config") -> CompileEnvironment:
    """The environment of an engine with this Config, in this process.

    A target that the Config does not name is the host's level. Raises ConfigError or HostError.
    """
    detect = config.detect_host_feature
    if detect is not None:
        host.ask(detect)
    name = config.target
    if name is None:
        target = host.host_target()
    elif name == TargetName.NATIVE:
        target = host.native_target()
    elif name == TargetName.GENERIC:
        target = lowest_target(host.machine())
    else:
        target = parse_target(name)
    return _environment(config, target, address_space_limited=host.address_space_limited())


def on_machine(config: "Config", machine: "Machine") -> CompileEnvironment:
    """What `from_config` gives on another machine with this compiler. Raises ConfigError, HostError."""
    name = config.target
    if name is None:
        target = host.level_target(machine.arch, machine.features)
    elif name == TargetName.NATIVE:
        target = host.full_target(machine.arch, machine.features)
    elif name == TargetName.GENERIC:
        target = lowest_target(machine.arch)
    else:
        target = parse_target(name)
    return _environment(config, target, address_space_limited=machine.address_space_limited)


# Environments by all that they are made from: making one takes longer than all else an engine does.
_made: "dict[tuple[object, ...], CompileEnvironment]" = {}
_MAX_MADE = 64


def _environment(
    config: "Config", target: Target, *, address_space_limited: bool
) -> CompileEnvironment:
    config.validate()
    version = config.module_version
    costs = config.operator_cost
    if version is None:
        version = identity.engine_version()
    chosen = config.chosen_for_code()
    made_from = (target, address_space_limited, identity.compiler_identity(), version, chosen)
    known = _made.get(made_from)
    if known is not None:
        return known
    if config.target_features is not None or config.tune_cpu is not None:
        features = config.target_features
        changes = FeatureChanges((), ()) if features is None else parse_changes(features)
        target = changed_target(target, changes, config.tune_cpu)
    environment = CompileEnvironment(
        target=target,
        flags=flags.choose(config.chosen_flags()),
        tunables=tunables.choose(
            config.chosen_tunables(), address_space_limited=address_space_limited
        ),
        operator_cost=DEFAULT_COST if costs is None else costs.to_bytes(),
        features=config.features(),
        identity=identity.compiler_identity(),
        module_version=version,
    )
    if len(_made) >= _MAX_MADE:
        _made.clear()
    _made[made_from] = environment
    return environment
