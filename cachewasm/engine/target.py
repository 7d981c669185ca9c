"""What machine code is generated for: an operating system, an architecture and a list of features.

LLVM gets the base CPU of the architecture plus the explicit list, never a CPU name: with a name it
also uses whatever that CPU has and the list does not mention, and the artifact would fault on a
host that has the list only. The list is closed under implication and sorted, so what an artifact
needs of a host is exactly this list and equal targets are equal bytes.
"""

from blake3 import blake3

from cachewasm.engine import encoding
from cachewasm.engine.isa import AARCH64, LEVELS, X86_64, UnknownFeature, closure, highest_level
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

    __slots__ = ("arch", "cpu", "features", "isa_digest", "level", "triple", "tune")

    def __init__(
        self, triple: str, features: "Iterable[str]" = (), tune: str | None = None
    ) -> None:
        """`features` come on top of the lowest level. Raises ConfigError for unknown names."""
        for architecture in ARCHITECTURES:
            if architecture.triple == triple:
                break
        else:
            supported = ", ".join(architecture.triple for architecture in ARCHITECTURES)
            raise ConfigError(f"the target '{triple}' is not supported (supported: {supported})")
        arch = architecture.name
        lowest = next(iter(LEVELS[arch].values()))
        try:
            closed = closure(arch, (*features, *lowest))
        except UnknownFeature as error:
            name = error.args[0]
            raise ConfigError(f"the target feature '{name}' is unknown for {triple}") from None
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

    def llvm_features(self) -> str:
        """The features in the form that LLVM takes: `+avx,+avx2,...`."""
        return ",".join("+" + name for name in self.features)

    @property
    def isa_label(self) -> str:
        """A short name of level, features and tuning that is safe in a file name.

        The level alone where that says it all, else with 8 digits of `isa_digest`.
        """
        if len(self.features) == len(LEVELS[self.arch][self.level]) and self.tune is None:
            return self.level
        return f"{self.level}-{self.isa_digest.hex()[:8]}"

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


def parse_target(text: str) -> Target:
    """The target that `text` names: a triple, for its lowest level, or a level, such as x86-64-v3.

    A triple means the lowest level on every host, so code for it is as portable as it can be.
    Raises ConfigError.
    """
    for architecture in ARCHITECTURES:
        if text in LEVELS[architecture.name]:
            return Target(architecture.triple, LEVELS[architecture.name][text])
    return Target(text)
