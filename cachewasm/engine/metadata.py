"""The engine section of an artifact: the identity of the engine that made it, as bytes.

    byte      1      version of this layout
    version   1 + n  length and text: which engines may load the artifact
    fields    ...    target, shared_flags, isa_flags, tunables, operator_cost, features, identity, tier

Everything up to the tier depends on the engine alone, so engines compare whole prefixes and decode
only what differs. The layout after the version string is promised to engines of that version only:
it is not looked at before the version has been accepted.
"""

from cachewasm.engine import encoding
from cachewasm.engine.flags import SharedFlags
from cachewasm.engine.tunables import Tunables
from cachewasm.errors import IncompatibleArtifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment

LAYOUT = 1
TIERS = ("baseline", "optimized")
# Far more than any engine writes; a section is copied before it is compared.
MAX_SIZE = 1 << 16


class Metadata:
    """What the section says after its version string, as it stands there: nothing is judged."""

    __slots__ = (
        "features",
        "flags",
        "identity",
        "isa_flags",
        "operator_cost",
        "tier",
        "triple",
        "tunables",
    )

    def __init__(self, reader: encoding.Reader) -> None:
        """Raises the reader's error where the bytes are not of this layout."""
        from cachewasm.engine.operator_cost import OperatorCost

        self.triple = reader.field("target").text()
        self.flags = SharedFlags.read(reader.field("shared_flags"))
        self.isa_flags = reader.field("isa_flags").texts()
        self.tunables = Tunables.read(reader.field("tunables"))
        self.operator_cost = OperatorCost.read(reader.field("operator_cost")).to_bytes()
        self.features = reader.field("features").u64()
        self.identity = reader.field("identity").take(32)
        self.tier = reader.field("tier").text()
        if self.tier not in TIERS:
            raise reader.fail(f"the tier `{self.tier}` is unknown")
        reader.finish()


def encode_environment(environment: "CompileEnvironment") -> bytes:
    """The section but for the tier at its end."""
    version = environment.module_version.encode()
    return b"".join(
        (
            bytes((LAYOUT, len(version))),
            version,
            encoding.field("target", encoding.text(environment.target.triple)),
            encoding.field("shared_flags", environment.flags.to_bytes()),
            encoding.field("isa_flags", encoding.texts(environment.target.features)),
            encoding.field("tunables", environment.tunables.to_bytes()),
            encoding.field("operator_cost", environment.operator_cost),
            encoding.field("features", encoding.u64(environment.features)),
            encoding.field("identity", environment.identity),
        )
    )


def encode_tier(tier: str) -> bytes:
    return encoding.field("tier", encoding.text(tier))


def encode(environment: "CompileEnvironment", tier: str) -> bytes:
    """The section of an artifact of a tier that this engine makes."""
    return environment.engine_section + encode_tier(tier)


def decode_version(section: bytes) -> tuple[str, encoding.Reader]:
    """The version string, and a reader of the rest. Raises IncompatibleArtifact."""
    if not section:
        raise IncompatibleArtifact("invalid engine section")
    if section[0] != LAYOUT:
        raise IncompatibleArtifact("mismatched version in engine section")
    if len(section) < 2 or len(section) < 2 + section[1]:
        raise IncompatibleArtifact("engine section too small")
    reader = encoding.Reader(section, _damaged)
    reader.take(1)
    return reader.utf8(reader.u8()), reader


def decode(section: bytes) -> tuple[str, Metadata]:
    """The version string and everything else. Raises IncompatibleArtifact."""
    version, reader = decode_version(section)
    return version, Metadata(reader)


def _damaged(reason: str) -> IncompatibleArtifact:
    return IncompatibleArtifact(f"damaged engine section: {reason}")
