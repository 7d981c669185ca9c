"""`cache import`: make what is in a bundle one's own."""

from argparse import Namespace
from collections import Counter
from io import BufferedReader

from cachewasm.cache.carry import bundle
from cachewasm.cache.carry.lock_file import check_lock
from cachewasm.cache.carry.ustar import ArchiveError
from cachewasm.runtime.locked import read_lock

from .. import exit_codes, text
from ..failure import Failure, about, printable, say
from ..note import Note
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_to_change

_EPILOG = """A bundle is machine code: it is checked for damage, not for who made it. Import only what
comes from somebody you trust with your account, or give the lock file that you have reviewed: then
nothing is taken but the very artifacts that it names.
"""
_STDIN = "-"


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "take entries from a bundle that `export` has made"
    parser = add_command(verbs, "import", take, summary, _EPILOG)
    parser.add_argument("bundle", metavar="BUNDLE", help="the file, or - for standard input")
    parser.add_argument(
        "--lock", metavar="LOCK", help="take what this lock file names, which must then be complete"
    )
    parser.add_argument("--dry-run", action="store_true", help="check all, store nothing")
    add_place(parser)
    add_json(parser)


def take(options: Namespace) -> int:
    """Import a bundle; whatever cannot be taken is named and makes a failure of it."""
    store = chosen_to_change(
        options.cache_dir, options.config, dry_run=options.dry_run, needs=False
    )
    lock = None if options.lock is None else read_lock(options.lock)
    members: list[bundle.Member] = []
    problem = None
    note = Note(f"cachewasm: reading {printable(options.bundle)} ...")
    with about(options.bundle), note, _opened(options.bundle) as stream:
        try:
            if not _may_be_bundle(stream):
                raise ArchiveError("this is no bundle", 0)
            for member in bundle.read(stream, store, lock=lock, dry_run=options.dry_run):
                members.append(member)
        except ArchiveError as error:
            problem = f"{printable(options.bundle)}: {error}"
    bad = [each for each in members if each.outcome in (bundle.REFUSED, bundle.FAILED)]
    missing = []
    if lock is not None and not options.dry_run:
        missing = [str(each) for each in check_lock(store, lock.artifacts)]
    if options.json:
        counts = Counter(each.outcome for each in members)
        facts: dict[str, text.Fact] = {
            "bundle": options.bundle,
            "dry_run": bool(options.dry_run),
            "counts": {outcome: counts[outcome] for outcome in bundle.OUTCOMES},
            "members": [_facts(each) for each in members],
            "missing": missing,
            "problem": problem,
        }
        print(text.as_json(facts))
    elif members or problem is None:
        _tell(members, missing, dry_run=options.dry_run)
    if problem is not None:
        raise Failure(problem)
    return exit_codes.FAILURE if bad or missing else exit_codes.OK


def _tell(members: list[bundle.Member], missing: list[str], *, dry_run: bool) -> None:
    for each in members:
        if each.detail:
            say(f"{each.outcome}: {each.name}: {each.detail}")
    for row in missing:
        say(f"missing: {row}")
    counts = Counter(each.outcome for each in members)
    size = sum(each.size for each in members if each.outcome == bundle.IMPORTED)
    verb = "would import" if dry_run else "imported"
    others = "".join(
        f", {counts[outcome]} {outcome}" for outcome in bundle.OUTCOMES[1:] if counts[outcome]
    )
    print(f"{verb} {counts[bundle.IMPORTED]} of {len(members)} ({text.size(size)}){others}")


def _facts(member: bundle.Member) -> dict[str, text.Fact]:
    return {
        "name": member.name,
        "outcome": member.outcome,
        "size": member.size,
        "detail": member.detail or None,
    }


def _opened(path: str) -> BufferedReader:
    return open(0, "rb", closefd=False) if path == _STDIN else open(path, "rb")


def _may_be_bundle(stream: BufferedReader) -> bool:
    """Whether it begins as a bundle does, as far as it can be looked at without reading it."""
    marker = bundle.MARKER.encode()
    begin = stream.peek(len(marker))[: len(marker)]
    return bool(begin) and marker.startswith(begin)
