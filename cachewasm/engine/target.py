"""What machine code is generated for: an operating system, an architecture and a list of features.

LLVM gets the base CPU of the architecture plus the explicit list, never a CPU name: with a name it
also uses whatever that CPU has and the list does not mention, and the artifact would fault on a
host that has the list only. The list is closed under implication and sorted, so what an artifact
needs of a host is exactly this list and equal targets are equal bytes.
"""

from blake3 import blake3

from cachewasm.engine import encoding
from cachewasm.engine.isa import (
    AARCH64,
    FEATURES,
    LEVELS,
    X86_64,
    UnknownFeature,
    closure,
    highest_level,
    without,
)
from cachewasm.errors import ConfigError, InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cachewasm.engine.encoding import Reader


class Architecture:
    """What LLVM is told for every target of one architecture."""

    __slots__ = ("cpu", "name", "triple")

    def __init__(self, name: str, triple: str, cpu: str) -> None:
        self.name = name
        self.triple = triple
        self.cpu = cpu


ARCHITECTURES = (
    Architecture(X86_64, "x86_64-unknown-linux-gnu", "x86-64"),
    Architecture(AARCH64, "aarch64-unknown-linux-gnu", "generic"),
)


def triple_of(arch: str) -> str:
    """The triple of the targets of an architecture."""
    return next(known.triple for known in ARCHITECTURES if known.name == arch)


class Target:
    """A target. Immutable by convention, hashable, compared by value.

    `arch` is the first part of `triple`; `features` the closed, sorted LLVM feature names; `cpu`
    LLVM's base CPU; `tune` the CPU to schedule for, which adds no feature, or None; `level` the
    highest level that the features contain.
    """

    __slots__ = (
        *("arch", "cpu", "features", "isa", "isa_digest", "isa_label", "level", "triple", "tune"),
    )

    def __init__(
        self, triple: str, features: "Iterable[str]" = (), tune: str | None = None
    ) -> None:
        """`features` come on top of the lowest level. Raises ConfigError for unknown names."""
        for architecture in ARCHITECTURES:
            if architecture.triple == triple:
                break
        else:
            raise _unknown_target(triple)
        arch = architecture.name
        lowest = next(iter(LEVELS[arch].values()))
        try:
            closed = closure(arch, (*features, *lowest))
        except UnknownFeature as error:
            raise _unknown_feature(error.args[0], arch) from None
        level = highest_level(arch, closed)
        if level is None:
            raise InternalError(f"the features of {triple} lack its lowest level")
        self.triple = triple
        self.arch = arch
        self.cpu = architecture.cpu
        self.features = tuple(sorted(closed))
        self.tune = tune
        self.level = level
        self.isa_digest: bytes = blake3(
            self._isa_bytes(), derive_key_context="cachewasm ISA v1"
        ).digest()

        # A short name of level, features and tuning that is safe in a file name: the level alone where
        # that says it all, else with 8 digits of the digest.
        plain = len(self.features) == len(LEVELS[arch][level]) and tune is None
        self.isa_label = level if plain else f"{level}-{self.isa_digest.hex()[:8]}"
        # The instruction set as keys have it.
        self.isa = f"{self.isa_label}:{self.isa_digest.hex()}"

    def llvm_features(self) -> str:
        """The features in the form that LLVM takes: `+avx,+avx2,...`."""
        return ",".join("+" + name for name in self.features)

    def _isa_bytes(self) -> bytes:
        return (
            encoding.field("cpu", encoding.text(self.cpu))
            + encoding.field("isa_flags", encoding.texts(self.features))
            + encoding.field("tune", encoding.text(self.tune or ""))
        )

    def to_bytes(self) -> bytes:
        return encoding.field("target", encoding.text(self.triple)) + self._isa_bytes()

    @classmethod
    def read(cls, reader: "Reader") -> "Target":
        """The target that `to_bytes()` wrote at the reader's position."""
        triple = reader.field("target").text()
        cpu = reader.field("cpu").text()
        features = reader.field("isa_flags").texts()
        tune = reader.field("tune").text()
        target = cls(triple, features, tune or None)
        if target.cpu != cpu or target.features != features:
            raise reader.fail(f"not the canonical form of {target!r}")
        return target

    def _key(self) -> tuple[str, tuple[str, ...], str | None]:
        return (self.triple, self.features, self.tune)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Target({self.triple} {self.isa_label})"


def lowest_target(arch: str) -> Target:
    """What every CPU of an architecture runs."""
    return Target(triple_of(arch))


def parse_target(text: str) -> Target:
    """The target that `text` names: a triple, for its lowest level, or a level, such as x86-64-v3.

    A triple means the lowest level on every host, so code for it is as portable as it can be.
    Raises ConfigError.
    """
    for architecture in ARCHITECTURES:
        if text in LEVELS[architecture.name]:
            return Target(architecture.triple, LEVELS[architecture.name][text])
    return Target(text)


class FeatureChanges:
    """Single features that are added to a target or taken from it: "+avx2,-bmi2"."""

    __slots__ = ("added", "removed")

    def __init__(self, added: "Iterable[str]", removed: "Iterable[str]") -> None:
        self.added = tuple(added)
        self.removed = tuple(removed)


def parse_changes(text: str) -> FeatureChanges:
    """Read "+avx2,-bmi2": names that some architecture has. Raises ConfigError."""
    signs: dict[str, str] = {}
    for word in text.split(","):
        sign, name = word.strip()[:1], word.strip()[1:]
        if sign not in ("+", "-"):
            from cachewasm.engine.suggest import shown

            raise ConfigError(
                f"the option target_features must be like '+avx2,-bmi2', not '{shown(text)}'"
            )
        if not any(name in table for table in FEATURES.values()):
            raise _unknown_feature(name, None)
        if signs.setdefault(name, sign) != sign:
            raise ConfigError(f"the target features '+{name}' and '-{name}' exclude each other")
    return FeatureChanges(
        (name for name, sign in signs.items() if sign == "+"),
        (name for name, sign in signs.items() if sign == "-"),
    )


def changed_target(target: Target, changes: FeatureChanges, tune: str | None = None) -> Target:
    """`target` with single features added or taken away, tuned for the CPU `tune`.

    What a feature implies is added along with it, and what implies one is taken away along with it.
    Raises ConfigError for features and CPUs that the architecture does not have, for a feature that
    is added but needs one that is taken away, and for those that every CPU has.
    """
    arch, lowest = target.arch, next(iter(LEVELS[target.arch]))
    for name in (*changes.added, *changes.removed):
        if name not in FEATURES[arch]:
            raise _unknown_feature(name, arch)
    for removed in changes.removed:
        if removed in LEVELS[arch][lowest]:
            raise ConfigError(
                f"the target feature '{removed}' cannot be disabled: it belongs to {lowest}, "
                f"the lowest level of {target.triple}"
            )
        for added in changes.added:
            if removed in closure(arch, (added,)):
                raise ConfigError(
                    f"the target features '+{added}' and '-{removed}' exclude each other: "
                    f"{added} needs {removed}"
                )
    if tune is not None:
        from cachewasm.engine.cpus import CPUS

        if tune not in CPUS[arch]:
            raise _unknown_cpu(tune, arch)
    features = closure(arch, (*target.features, *changes.added))
    return Target(target.triple, without(arch, features, changes.removed), tune)


def check_cpu(name: str) -> None:
    """Raise ConfigError unless some architecture has a CPU of this name."""
    from cachewasm.engine.cpus import CPUS

    if not any(name in cpus for cpus in CPUS.values()):
        raise _unknown_cpu(name, None)


def _unknown_target(text: str) -> ConfigError:
    """Why `text` is no target: by its architecture, its operating system, or altogether."""
    from cachewasm.engine.suggest import shown, suggestion

    triples = [architecture.triple for architecture in ARCHITECTURES]
    supported = f"(supported: {', '.join(triples)})"
    arch, dash, rest = text.partition("-")
    of_same = [triple for triple in triples if triple.startswith(f"{arch.lower()}-")]
    if of_same and not dash:
        why = f" (did you mean '{of_same[0]}'?)"
    elif dash and of_same and "linux" not in rest.split("-"):
        system = [*rest.split("-"), ""][1] or rest
        why = f": there is no code for the operating system '{shown(system)}'"
    elif rest.count("-") >= 2 and not of_same:
        why = f": there is no code for the architecture '{shown(arch)}'"
    else:
        known = [*triples, *(level for levels in LEVELS.values() for level in levels)]
        why = suggestion(text, [*known, "native", "generic"])
    return ConfigError(f"the target '{shown(text)}' is not supported{why} {supported}")


def _unknown_feature(name: str, arch: str | None) -> ConfigError:
    from cachewasm.engine.suggest import shown, suggestion

    tables = FEATURES.values() if arch is None else (FEATURES[arch],)
    known = [feature for table in tables for feature in table]
    place = "" if arch is None else f" for {triple_of(arch)}"
    meant = suggestion(name, known)
    return ConfigError(f"the target feature '{shown(name)}' is unknown{place}{meant}")


def _unknown_cpu(name: str, arch: str | None) -> ConfigError:
    from cachewasm.engine.cpus import CPUS
    from cachewasm.engine.suggest import shown, suggestion

    known = [each for of in CPUS if arch in (None, of) for each in sorted(CPUS[of])]
    place = "" if arch is None else f" for {triple_of(arch)}"
    return ConfigError(f"the CPU '{shown(name)}' is unknown{place}{suggestion(name, known)}")
