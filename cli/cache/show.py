"""`cache show`: everything that one entry, or each entry of a module, says of itself."""

import os
import time
from argparse import Namespace

from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.inspect import EntryInfo
from cachewasm.cache.survey.verify import check_entry
from cachewasm.cache.trust import Rules

from .. import exit_codes, text
from ..entry import header_facts, manifest_facts
from ..examine import artifact_facts
from ..failure import Failure, UsageError, about, printable
from ..files import STDOUT, write
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_store
from .find import beginning_of, find_entries, find_entry, is_entry

_COMMAND = "cachewasm cache show"


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "show", show, "show all that an entry says of itself")
    parser.add_argument(
        "entry",
        metavar="ENTRY",
        help="the path of an entry, its name, what its name begins with, the digest of its key or "
        "of its module; or the path of a module, for all entries of it",
    )
    parser.add_argument(
        "--payload", action="store_true", help="check every byte, and show the code in it, too"
    )
    parser.add_argument(
        "--elf",
        metavar="OUT",
        help="instead, write the code of the one entry that is meant to a file, which objdump and "
        "readelf open",
    )
    add_place(parser)
    add_json(parser)


def show(options: Namespace) -> int:
    """Print what headers and manifests say; nothing else is read without --payload."""
    if options.elf is not None and (options.json or options.payload):
        other = "--json" if options.json else "--payload"
        raise UsageError(_COMMAND, f"--elf and {other} exclude each other")
    store = chosen_store(options.cache_dir, options.config, needs=False)
    if options.elf is not None:
        return _write_code(
            find_entry(store.directory, options.entry, store.rules), options.elf, store.rules
        )
    code = exit_codes.OK
    reports = []
    for entry in _chosen(store.directory, options.entry, store.rules):
        facts, is_sound = _report(entry, store.rules, payload=options.payload)
        reports.append(facts)
        if not is_sound:
            code = exit_codes.FAILURE
    if options.json:
        print(text.as_json(reports))
    else:
        print("\n\n".join(text.layout(facts) for facts in reports))
    return code


def _write_code(entry: EntryInfo, output: str, rules: Rules) -> int:
    """Check every byte of an entry and write its artifact. Raises Failure."""
    finding, unpacked = check_entry(entry.file, rules)
    if unpacked is None:
        raise Failure(f"{printable(entry.file.path)}: {finding.verdict}: {finding.detail}")
    if output != STDOUT and os.path.realpath(output) == os.path.realpath(entry.file.path):
        raise Failure(f"{printable(output)}: the output would replace the entry")
    with about(output):
        write(output, bytes(unpacked.raw))
    return exit_codes.OK


def _chosen(directory: str, given: str, rules: Rules) -> list[EntryInfo]:
    """The entries that `given` names. Raises Failure if there is none."""
    if not os.path.isfile(given) or is_entry(given):
        return find_entries(directory, given, rules)
    listed = inspect.listing_of(directory, beginning_of(given))
    found = [inspect.read_entry(file, rules) for file in listed]
    if not found:
        raise Failure(f"{printable(given)}: no entry of this module in {printable(directory)}")
    return found


def _report(entry: EntryInfo, rules: Rules, *, payload: bool) -> tuple[dict[str, text.Fact], bool]:
    """What to print of an entry, and whether nothing was found to be wrong with it."""
    facts: dict[str, text.Fact] = {
        "path": entry.file.path,
        "problem": entry.reason and f"{entry.reason}: {entry.detail}",
        "unused_seconds": max(0, int(time.time() - entry.file.mtime)),
    }
    if entry.header is not None:
        facts |= header_facts(entry.header)
    if entry.manifest is not None:
        facts |= manifest_facts(entry.manifest)
    if not payload or entry.reason is not None:
        return facts, entry.reason is None
    finding, unpacked = check_entry(entry.file, rules)
    if unpacked is None:
        facts["problem"] = f"{finding.verdict}: {finding.detail}"
        return facts, False
    with about(entry.file.path):
        facts["payload"] = artifact_facts(bytes(unpacked.raw))
    return facts, True
