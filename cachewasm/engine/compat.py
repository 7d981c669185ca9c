"""Whether this engine, on this host, may load an artifact.

The usual artifact was made by an equal engine: its section is the engine's own, byte for byte, and
one comparison says so. Any other is judged field by field, so that the refusal names the first
field that does not fit; the order and the wording are those that users of the drop-in API know.
Whatever the sections say, code runs only on a host of its architecture that has each CPU feature
which the code was generated with.
"""

from cachewasm.engine import flags, host, metadata
from cachewasm.engine.isa import FEATURES
from cachewasm.engine.tunables import TUNABLES
from cachewasm.errors import IncompatibleArtifact
from cachewasm.wasm.features import features_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.engine.metadata import Metadata
    from cachewasm.engine.target import Target
    from cachewasm.engine.tunables import Tunables

    Probe: TypeAlias = Callable[[str], bool | None]

_ENDINGS = tuple(metadata.encode_tier(tier) for tier in metadata.TIERS)
_NOT_NATIVE = "compilation settings are not compatible with the native host"
_INCOMPATIBLE = "compilation settings of module incompatible with native host"


def check(section: bytes | memoryview, environment: "CompileEnvironment") -> None:
    """Raise IncompatibleArtifact unless the engine may load the artifact with this section."""
    check_host(environment)
    if len(section) > metadata.MAX_SIZE:
        raise IncompatibleArtifact("invalid engine section")
    if is_own(section, environment):
        return
    data = bytes(section)
    version, reader = metadata.decode_version(data)
    # An engine without a version takes every artifact of its layout.
    if environment.module_version not in ("", version):
        raise IncompatibleArtifact(f"Module was compiled with incompatible version '{version}'")
    check_metadata(metadata.Metadata(reader), environment, host.has_feature)


def is_own(section: bytes | memoryview, environment: "CompileEnvironment") -> bool:
    """Whether an artifact with this section was made by an equal engine, in whatever tier."""
    # Views are compared byte by byte.
    data, own = bytes(section), environment.engine_section
    return data.startswith(own) and data[len(own) :] in _ENDINGS


def check_host(environment: "CompileEnvironment") -> None:
    """Raise IncompatibleArtifact unless this host runs code for the engine's target.

    Code can be compiled for any target; only loading it asks for this. A target is looked at once
    in a process.
    """
    target = environment.target
    if target.isa_digest in host.runnable:
        return
    reason = _refusal_of_arch(target, host.machine()) or _refusal_of_isa(
        target.arch, target.features, host.has_feature
    )
    if reason is not None:
        raise IncompatibleArtifact(_chain(_NOT_NATIVE, reason))
    host.runnable.add(target.isa_digest)


def refusal_of_target(target: "Target", machine: str, available: frozenset[str]) -> str | None:
    """Why a machine with the `available` features cannot run code for a target, or None."""
    return _refusal_of_arch(target, machine) or _refusal_of_isa(
        target.arch, target.features, available.__contains__
    )


def _refusal_of_arch(target: "Target", machine: str) -> str | None:
    if target.arch == machine:
        return None
    return f"target '{target.triple}' specified in the configuration does not match the host"


def check_metadata(found: "Metadata", environment: "CompileEnvironment", has: "Probe") -> None:
    """Compare field by field; `has` tells of each CPU feature whether the host has it.

    The identity of the compiler is not compared: another LLVM makes other code to the same
    conventions, and what changes the conventions changes the version.
    """
    _check_triple(found.triple, environment.target)
    target = environment.target
    _, _, system = _arch_vendor_system(target.triple)
    reason = flags.refusal(found.flags, environment.features, system) or _refusal_of_isa(
        target.arch, found.isa_flags, has
    )
    if reason is not None:
        raise IncompatibleArtifact(_chain(_INCOMPATIBLE, reason))
    _check_tunables(found.tunables, environment.tunables)
    # Without fuel no code depends on them.
    if found.tunables.consume_fuel and found.operator_cost != environment.operator_cost:
        raise IncompatibleArtifact("Module costs are incompatible")
    _check_features(found.features, environment.features)


def _check_triple(found: str, target: "Target") -> None:
    # Vendor and environment say nothing about code.
    arch, _, system = _arch_vendor_system(found)
    own_arch, _, own_system = _arch_vendor_system(target.triple)
    if arch != own_arch:
        raise IncompatibleArtifact(f"Module was compiled for architecture '{arch}'")
    if system != own_system:
        raise IncompatibleArtifact(f"Module was compiled for operating system '{system}'")


def _arch_vendor_system(triple: str) -> list[str]:
    return [*triple.split("-"), "", ""][:3]


def _refusal_of_isa(arch: str, found: "Iterable[str]", has: "Probe") -> str | None:
    for name in found:
        answer = has(name)
        if answer is None:
            return _refusal_of_untold(arch, name)
        if not answer:
            return f'compilation setting "{name}" is enabled, but not available on the host'
    return None


def _refusal_of_untold(arch: str, name: str) -> str:
    """What is said of a feature that nobody can tell of."""
    if host.is_asking():
        return (
            f'failed to detect if target-specific flag "{name}" is available at runtime '
            f'(compile setting "{name}")'
        )
    if name not in FEATURES[arch]:
        return f'don\'t know how to test for target-specific flag "{name}" at runtime'
    return (
        f'cannot determine if host feature "{name}" is available at runtime, '
        "configure a probing function with `Config::detect_host_feature`"
    )


def _check_tunables(found: "Tunables", own: "Tunables") -> None:
    for tunable in TUNABLES:
        theirs, ours = getattr(found, tunable.name), getattr(own, tunable.name)
        if tunable.wording is None or theirs == ours:
            continue
        if tunable.is_size:
            message = f"a {tunable.wording} of '{theirs}' but '{ours}' is expected for the host"
            raise IncompatibleArtifact(f"Module was compiled with {message}")
        with_it, enabled = ("with", "is not") if theirs else ("without", "is")
        raise IncompatibleArtifact(
            f"Module was compiled {with_it} {tunable.wording} but it {enabled} enabled for the host"
        )


def _check_features(found: int, own: int) -> None:
    for feature in features_in(found & ~own):
        raise IncompatibleArtifact(
            f"Module was compiled with support for WebAssembly feature `{feature.name}` "
            "but it is not enabled for the host"
        )
    if found & ~own:
        raise IncompatibleArtifact(
            "Module was compiled with support for a WebAssembly feature that is unknown to the host"
        )


def _chain(context: str, reason: str) -> str:
    """A reason inside its context, laid out as the drop-in API does."""
    return f"{context}\n\nCaused by:\n    {reason}\n"
