"""`cache why`: hit or miss, and what tells the nearest entries from what was looked for."""

import time
from argparse import Namespace
from collections.abc import Sequence
from itertools import islice

from cachewasm.cache.history import misses
from cachewasm.cache.keys import ArtifactKey, wasm_prefix
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import ABSENT, INCOMPATIBLE
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.nearest import MAX_READ, Difference, Nearest
from cachewasm.engine import compat
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment, from_config, on_machine
from cachewasm.engine.machine import Machine, this_machine
from cachewasm.engine.metadata import TIERS
from cachewasm.hashing import digest_of
from cachewasm.runtime import explain
from cachewasm.runtime.explain import ExplainedMiss, Explanation
from cachewasm.runtime.fleet import usable_features
from cachewasm.runtime.module import binary_of

from .. import exit_codes, text
from ..failure import Failure, UsageError, about, printable
from ..files import read
from ..parser import (
    Commands,
    add_code,
    add_command,
    add_json,
    add_place,
    chosen_code,
    chosen_code_options,
    count,
)
from ..place import chosen_store
from .find import find_entry

_COMMAND = "cachewasm cache why"
_EPILOG = f"""exit code: {exit_codes.OK} for a hit, {exit_codes.MISS} for a miss
"""
_LAST = 5


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "explain why a module is not found: the nearest entries, value against value"
    parser = add_command(verbs, "why", why, summary, _EPILOG)
    parser.add_argument("file", metavar="FILE", nargs="?", help="the module, binary or text")
    add_code(parser)
    parser.add_argument("--against", metavar="KEY", help="compare with this entry")
    parser.add_argument(
        "--last",
        type=count,
        nargs="?",
        const=_LAST,
        metavar="N",
        help=f"explain the last misses of all processes, by default {_LAST}",
    )
    parser.add_argument("--host", metavar="JSON", help="answer for the machine that JSON describes")
    parser.add_argument(
        "--print-host", action="store_true", help="print the description of this machine"
    )
    add_place(parser)
    add_json(parser)


def why(options: Namespace) -> int:
    """Explain one module, or the last misses; or describe this machine."""
    chosen = [options.file is not None, options.last is not None, options.print_host]
    if sum(chosen) != 1:
        raise UsageError(_COMMAND, "give one of FILE, --last and --print-host")
    if options.file is None:
        if options.against or options.host or options.target:
            raise UsageError(_COMMAND, "--against, --host and --target need FILE")
        if chosen_code_options(options):
            raise UsageError(_COMMAND, "options of the code need FILE")
    if options.print_host:
        print(this_machine().to_json())
        return exit_codes.OK
    store = chosen_store(options.cache_dir, options.config, needs=options.last is not None)
    return (_explain_module if options.last is None else _explain_last)(store, options)


def _explain_module(store: LocalStore, options: Namespace) -> int:
    path: str = options.file
    config = chosen_code(options)
    environment, machine = _environment(config, options.host)
    with about(path):
        digest = digest_of(binary_of(read(path)))
    target = environment.target
    refusal = compat.refusal_of_target(target, machine.arch, machine.features)
    usable = usable_features(config, target, lambda: machine.features)
    found = explain.explain(store, environment, config.strategy, digest, usable=usable)
    against: tuple[Difference, ...] | None = None
    entry = None
    if options.against is not None:
        entry = find_entry(store.directory, options.against, store.rules)
        if entry.manifest is None:
            raise Failure(
                f"{printable(entry.file.path)}: {entry.reason}: {printable(entry.detail)}"
            )
        against = explain.against(found, environment, entry)
    if found.is_hit and options.host is not None and refusal is not None:
        # There is code, which that machine cannot run.
        found = Explanation(found.keys, found.keys[-1], INCOMPATIBLE, refusal, found.nearest)
    if options.json:
        facts: dict[str, text.Fact] = {
            "file": path,
            "hit": found.is_hit,
            "made_for": found.made_for or None,
            "reason": found.reason or None,
            "detail": found.detail or None,
            "wasm_digest": digest.hex(),
            "entry": found.key.entry_name if found.is_hit else None,
            "keys": [_key(key) for key in found.keys],
            "nearest": [_nearest(near) for near in found.nearest],
        }
        if entry is not None and against is not None:
            facts["against"] = {"entry": entry.file.name, "differences": _differences(against)}
        print(text.as_json(facts))
    else:
        _print(path, found)
        if not (found.is_hit or found.nearest) and _is_alone(store, found.reason, found.key):
            print("  no other entry of this module")
        if entry is not None and against is not None:
            print(printable(f"against {entry.file.name}"))
            _print_differences(against)
    return exit_codes.OK if found.is_hit else exit_codes.MISS


def _environment(config: Config, host: str | None) -> tuple[CompileEnvironment, Machine]:
    """The environment on this machine or another one, and the machine."""
    if host is None:
        return from_config(config), this_machine()
    with about(host):
        machine = Machine.from_json(read(host))
        return on_machine(config, machine), machine


def _explain_last(store: LocalStore, options: Namespace) -> int:
    recorded = misses.last(store.directory, options.last, store.rules)
    found = explain.explain_misses(store.directory, recorded, store.rules)
    if options.json:
        print(text.as_json([_miss(each) for each in found]))
        return exit_codes.OK
    now = time.time()
    for each in found:
        miss = each.miss
        module = _module(each) or miss.key.wasm_digest.hex()[:12]
        print(printable(f"{module}: {miss.reason}, {text.age(now - miss.time)} ago"))
        print(printable(f"  looked for {miss.key.entry_name}"))
        if each.made is not None and each.made.file.name != miss.key.entry_name:
            print(printable(f"  made       {each.made.file.name}"))
        if not each.is_known:
            print("  what its key was made of is not known: no entry of that engine is left")
        _print_nearest(each.nearest, "  ")
        if not each.nearest and _is_alone(store, miss.reason, miss.key):
            print("  no other entry of this module")
    return exit_codes.OK


def _print(path: str, found: Explanation) -> None:
    if found.is_hit:
        less = f" (made for {found.made_for})" if found.made_for else ""
        print(printable(f"{path}: hit{less}"))
        print(printable(f"  {found.key.entry_name}"))
        return
    print(printable(f"{path}: miss: {found.reason} ({found.detail})"))
    for key in found.keys:
        print(printable(f"  looked for {key.entry_name}"))
    _print_nearest(found.nearest, "  ")


def _is_alone(store: LocalStore, reason: str, key: ArtifactKey) -> bool:
    """Whether a miss without nearest entries means that there is none: none was refused, or unreadable."""
    listed = inspect.listing_of(store.directory, wasm_prefix(key.wasm_digest))
    compared = (inspect.read_entry(file, store.rules) for file in islice(listed, MAX_READ))
    return reason == ABSENT and all(each.manifest is not None for each in compared)


def _print_nearest(found: Sequence[Nearest], indent: str) -> None:
    for near in found:
        print(printable(f"{indent}nearest {near.name}"))
        _print_differences(near.differences, indent + "  ")


def _print_differences(differences: Sequence[Difference], indent: str = "  ") -> None:
    if not differences:
        print(f"{indent}nothing differs")
    for each in differences:
        wanted, found = _plain(each.wanted), _plain(each.found)
        print(printable(f"{indent}{each.name}: {wanted} here, {found} there"))


def _plain(value: str | int | None) -> str:
    return "missing" if value is None else str(value) or "none"


def _module(explained: ExplainedMiss) -> str:
    tier = explained.miss.key.tier
    if tier not in TIERS:
        return f"{tier} image"
    entries = [explained.made, *(near.entry for near in explained.nearest)]
    names = [(entry.manifest or {}).get("module_name", "") for entry in entries if entry]
    return next((str(name) for name in names if name), "")


def _key(key: ArtifactKey) -> dict[str, text.Fact]:
    return {"entry": key.entry_name, "key_digest": key.digest.hex()}


def _nearest(near: Nearest) -> dict[str, text.Fact]:
    return {"entry": near.name, "differences": _differences(near.differences)}


def _differences(differences: Sequence[Difference]) -> list[dict[str, text.Fact]]:
    return [{"name": d.name, "wanted": d.wanted, "found": d.found} for d in differences]


def _miss(explained: ExplainedMiss) -> dict[str, text.Fact]:
    miss = explained.miss
    return {
        "time": miss.time,
        "reason": miss.reason,
        "module": _module(explained) or None,
        "wasm_digest": miss.key.wasm_digest.hex(),
        **_key(miss.key),
        "made": explained.made.file.name if explained.made is not None else None,
        "ingredients_known": explained.is_known,
        "nearest": [_nearest(near) for near in explained.nearest],
    }
