"""`cache export`: entries and aliases in one file, for another directory, machine or image."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.carry import bundle
from cachewasm.cache.carry.lock_file import SUPPORT_TIER, check_lock
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import CORRUPT, EntryError
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import EntryInfo
from cachewasm.cache.survey.verify import key_of
from cachewasm.hashing import digest_of
from cachewasm.runtime.locked import read_lock
from cachewasm.runtime.module import binary_of

from .. import exit_codes, text
from ..failure import Failure, UsageError, about, printable, say
from ..files import STDOUT, read, writing
from ..modules import modules
from ..note import Note
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_store
from .find import find_entries

_COMMAND = "cachewasm cache export"


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "export", export, "write entries to one file, a bundle")
    parser.add_argument("bundle", metavar="BUNDLE", help="the file, or - for standard output")
    parser.add_argument(
        "keys", metavar="KEY", nargs="*", help="a name as in `list --json`, or how it begins"
    )
    parser.add_argument(
        "--module",
        dest="modules",
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="all that is there of a module, and what running it needs; may be repeated",
    )
    parser.add_argument("--for", dest="lock", metavar="LOCK", help="just what a lock file names")
    parser.add_argument("--all", action="store_true", help="all that is in the cache")
    add_place(parser)
    add_json(parser)


def export(options: Namespace) -> int:
    """Write the bundle, whole or not at all; what is damaged or not believed is left out and named."""
    if [bool(options.keys or options.modules), bool(options.lock), options.all].count(True) != 1:
        raise UsageError(_COMMAND, "one of KEY or --module, --for, --all says what to export")
    store = chosen_store(options.cache_dir, options.config)
    is_stdout = options.bundle == STDOUT
    if is_stdout and options.json:
        raise UsageError(_COMMAND, "--json and a bundle cannot both go to standard output")
    chosen = _locked(store, options.lock) if options.lock else _found(store, options)
    if options.all and not chosen.keys and not chosen.unreadable:
        raise Failure(f"{printable(store.directory)}: there is no entry to export")
    written = list(chosen.unreadable)
    note = Note(f"cachewasm: writing {printable(options.bundle)} ...")
    with about(options.bundle), note, writing(options.bundle) as file:
        written += bundle.write(file, store, chosen.keys, chosen.aliases)
    left_out = [each for each in written if each.problem]
    done = [each for each in written if not each.problem]
    entries = sum(each.name.startswith("entries/") for each in done)
    size = sum(each.size for each in done)
    if options.json:
        facts: dict[str, text.Fact] = {
            "bundle": options.bundle,
            "entries": entries,
            "aliases": len(done) - entries,
            "bytes": size,
            "left_out": [{"name": each.name, "problem": each.problem} for each in left_out],
        }
        print(text.as_json(facts))
    else:
        for each in left_out:
            say(f"left out: {each.name}: {each.problem}")
        tell = say if is_stdout else print
        counts = text.counted(entries, "entry", "entries")
        aliases = text.counted(len(done) - entries, "alias", "aliases")
        tell(printable(f"{options.bundle}: {counts} and {aliases} ({text.size(size)})"))
    return exit_codes.FAILURE if left_out else exit_codes.OK


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What to export, and entries that do not even say what they are."""

    keys: list[ArtifactKey]
    aliases: list[AliasKey]
    unreadable: list[bundle.Written]


def _locked(store: LocalStore, path: str) -> _Chosen:
    """What a lock file names, all of it. Raises Failure if the cache has it not or not so."""
    artifacts = read_lock(path).artifacts
    problems = check_lock(store, artifacts)
    if problems:
        others = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise Failure(f"{printable(path)}: {printable(str(problems[0]))}{others}")
    aliases = [each.alias for each in artifacts if each.alias is not None]
    return _Chosen([each.key for each in artifacts], aliases, [])


def _found(store: LocalStore, options: Namespace) -> _Chosen:
    """What the arguments name. Raises Failure for what nothing in the cache answers to."""
    directory, rules = store.directory, store.rules
    chosen = [each for key in options.keys for each in find_entries(directory, key, rules)]
    if options.all or options.modules:
        entries = list(inspect.entries(directory, rules))
        chosen += entries if options.all else _of_modules(entries, modules(options.modules))
    keys: list[ArtifactKey] = []
    unreadable: list[bundle.Written] = []
    for each in chosen:
        # By what they say of themselves; whether that is true is seen when they are read.
        try:
            if each.manifest is None:
                raise EntryError(each.reason or CORRUPT, each.detail)
            keys.append(key_of(each.manifest))
        except EntryError as error:
            problem = f"{error.reason}: {error.detail}"
            unreadable.append(bundle.Written(f"entries/v1/{each.file.name}", 0, problem))
    digests = {key.wasm_digest for key in keys}
    return _Chosen(keys, list(_aliases(store, digests)), unreadable)


def _of_modules(entries: list[EntryInfo], paths: Iterable[str]) -> list[EntryInfo]:
    """The entries of modules, and the support images that were made by the same compilers."""
    found: list[EntryInfo] = []
    for path in paths:
        with about(path):
            digest = digest_of(binary_of(read(path))).hex()
        own = [each for each in entries if (each.manifest or {}).get("wasm_digest") == digest]
        if not own:
            raise Failure(f"{printable(path)}: nothing of it is in the cache")
        found += own
    environments = {each.parts.compat for each in found if each.parts is not None}
    found += [
        each
        for each in entries
        if each.parts is not None
        and each.parts.tier == SUPPORT_TIER
        and each.parts.compat in environments
    ]
    return found


def _aliases(store: LocalStore, digests: set[bytes]) -> Iterator[AliasKey]:
    """The aliases that lead to one of these modules."""
    for file in inspect.alias_listing(store.directory):
        try:
            alias = inspect.read_alias(file, store.rules)
        except EntryError:
            continue
        if alias.wasm_digest in digests:
            yield alias.key
