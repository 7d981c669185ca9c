"""Compile the modules of entries again and compare the bytes: equal inputs must give equal code.

An entry does not hold its module, so modules come from files and folders that the user names, and are
found by digest. What the code was made with is in the artifact; only this very compiler can repeat it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from cachewasm.artifact.format import ENGINE_SECTION
from cachewasm.artifact.reader import Artifact
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import parse_entry_name, wasm_prefix
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.survey.verify import check_entry
from cachewasm.cache.trust import Rules
from cachewasm.compiler import client
from cachewasm.engine import metadata
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.identity import compiler_identity
from cachewasm.engine.metadata import TIERS
from cachewasm.engine.target import Target
from cachewasm.errors import CachewasmError
from cachewasm.hashing import digest_of
from cachewasm.runtime.artifacts import keys_under
from cachewasm.runtime.module import binary_of

from ..failure import about, reason, say
from ..files import read
from ..modules import modules


class Modules:
    """The modules in files and folders, by digest. Only paths are kept; a module is read again."""

    def __init__(self, places: list[str]) -> None:
        """Raises Failure for a place that is no module or not there; of a folder, what is no module is said."""
        self._paths: dict[bytes, str] = {}
        for place in places:
            if os.path.isdir(place):
                for path in modules([place]):
                    self._add(path)
            else:
                with about(place):
                    self._paths[digest_of(binary_of(read(place)))] = place
        self._prefixes = {wasm_prefix(digest): digest for digest in self._paths}

    def _add(self, path: str) -> None:
        try:
            self._paths[digest_of(binary_of(read(path)))] = path
        except (CachewasmError, OSError) as error:
            say(f"cachewasm: {path}: {reason(error)}")

    def has_that_of(self, file: ListedFile) -> bool | None:
        """Whether the module of an entry is here, by its name; None for what is made of no module."""
        parts = parse_entry_name(file.name)
        if parts is None or parts.tier not in TIERS:
            return None
        return parts.wasm in self._prefixes

    def binary(self, digest: bytes) -> bytes | None:
        """The module with this digest, if it is still here."""
        path = self._paths.get(digest)
        binary = None if path is None else binary_of(read(path))
        return binary if binary is not None and digest_of(binary) == digest else None


@dataclass(slots=True)
class Recompiled:
    """What came of it: how many entries are the same, which differ and how, which were left out."""

    same: int = 0
    different: list[tuple[ListedFile, str]] = field(default_factory=list)
    skipped: list[tuple[ListedFile, str]] = field(default_factory=list)


def recompile(
    entries: list[ListedFile], modules: Modules, limit: int, rules: Rules
) -> Iterator[Recompiled]:
    """Compare the entries in their order until `limit` were compared; yields after each one."""
    outcome = Recompiled()
    for file in entries:
        if outcome.same + len(outcome.different) == limit:
            return
        finding, entry = check_entry(file, rules)
        if entry is None:
            outcome.skipped.append((file, finding.detail))
        else:
            _compare(file, entry, modules, outcome)
        yield outcome


def _compare(file: ListedFile, entry: Entry, modules: Modules, outcome: Recompiled) -> None:
    wasm = modules.binary(entry.key.wasm_digest)
    if wasm is None:
        outcome.skipped.append((file, "its module is not there"))
        return
    try:
        environment, tier = _made_with(entry)
        if environment.identity != compiler_identity():
            outcome.skipped.append((file, "it was made by another compiler"))
        elif entry.key not in keys_under(environment, tier, entry.key.wasm_digest):
            outcome.different.append((file, "it was not made with what its key says"))
        elif client.compile_module(environment, tier, wasm).artifact != entry.raw:
            outcome.different.append((file, "compiling the module gives other bytes"))
        else:
            outcome.same += 1
    except CachewasmError as error:
        outcome.different.append((file, f"the module cannot be compiled: {reason(error)}"))


def _made_with(entry: Entry) -> tuple[CompileEnvironment, str]:
    """The environment and the tier that the artifact says it was made with."""
    version, made = metadata.decode(bytes(Artifact(entry.raw).section(ENGINE_SECTION)))
    # Scheduling is of no concern to whoever loads code, so the artifact does not tell it.
    tune = entry.manifest.get("isa.tune")
    environment = CompileEnvironment(
        target=Target(made.triple, made.isa_flags, str(tune) if tune else None),
        flags=made.flags,
        tunables=made.tunables,
        operator_cost=made.operator_cost,
        features=made.features,
        identity=made.identity,
        module_version=version,
    )
    return environment, made.tier
