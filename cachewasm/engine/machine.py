"""A machine as far as keys know of machines: described in JSON, so that another can be asked about.

    {"machine": "x86_64", "features": ["avx", "avx2", ...], "address_space_limited": false}

`features` are those of engine/isa.py that the processor has and the system has enabled. Off the warm
path: an engine asks engine/host.py about the machine that it runs on.
"""

import json
from dataclasses import dataclass

from cachewasm.engine import host
from cachewasm.engine.isa import FEATURES
from cachewasm.errors import ConfigError

_NAMES = ("machine", "features", "address_space_limited")


@dataclass(frozen=True, slots=True)
class Machine:
    """`arch` is the first part of a target triple; `address_space_limited` as engine/host.py says."""

    arch: str
    features: frozenset[str]
    address_space_limited: bool = False

    def to_json(self) -> str:
        """The description, one line."""
        values = (self.arch, sorted(self.features), self.address_space_limited)
        return json.dumps(dict(zip(_NAMES, values, strict=True)))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Machine":
        """The inverse of `to_json`. Raises ConfigError for what describes no machine known here."""
        try:
            described = json.loads(text)
        except (ValueError, RecursionError):
            raise ConfigError("it is not JSON") from None
        if not isinstance(described, dict) or not described.keys() <= set(_NAMES):
            raise ConfigError(f"expected an object with {', '.join(_NAMES)} only")
        arch = described.get("machine")
        if not isinstance(arch, str) or arch not in FEATURES:
            raise ConfigError(f"`machine` must be one of {', '.join(FEATURES)}")
        features = described.get("features")
        if not isinstance(features, list) or not all(isinstance(each, str) for each in features):
            raise ConfigError("`features` must be a list of strings")
        for name in features:
            if name not in FEATURES[arch]:
                raise ConfigError(f"the feature {name!r} is unknown for {arch}")
        limited = described.get("address_space_limited", False)
        if not isinstance(limited, bool):
            raise ConfigError("`address_space_limited` must be true or false")
        return cls(arch, frozenset(features), limited)


def this_machine() -> Machine:
    """The machine and the limits of this process. Raises HostError."""
    return Machine(host.machine(), host.host_features(), host.address_space_limited())
