"""`cache list`: the entries, by what they say of themselves, or what lies in quarantine."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping

from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.facts import Facts, with_facts
from cachewasm.cache.survey.inspect import ListedFile
from cachewasm.cache.upkeep import pins
from cachewasm.cache.upkeep.quarantine import quarantined

from .. import exit_codes, text
from ..failure import UsageError
from ..parser import Commands, add_command, add_json, add_place, age, size
from ..place import chosen_store
from .choose import add_namespace

Entry = tuple[ListedFile, Facts]

# Equals stay in the order of their names.
_ORDERS: dict[str, Callable[[Entry], str | int]] = {
    "module": lambda entry: entry[1].module,
    "size": lambda entry: -entry[0].size,
    "age": lambda entry: -entry[0].mtime_ns,
    "used": lambda entry: -entry[0].mtime_ns,
    "made": lambda entry: -entry[1].created,
    "compile": lambda entry: -entry[1].compile_ms,
}
_FORMATS = ("table", "json", "jsonl", "keys")
_COLUMNS = ("MODULE", "DIGEST", "TIER", "ISA", "SIZE", "AGE", "COMPILE MS", "TEXTS", "PIN")
_RIGHT = ("SIZE", "AGE", "COMPILE MS", "TEXTS")
# What JSON tells of each, besides what the table does.
_FACTS = (
    *("key", "path", "module", "digest", "tier", "isa", "size", "raw_size"),
    *("unused_seconds", "compile_ms", "texts", "pinned", "problem"),
    *("created", "version", "namespace"),
)
_QUARANTINE_FACTS = ("path", "key", "reason", "size", "since")
_QUARANTINE_COLUMNS = ("REASON", "SIZE", "AGE", "FILE")
# What chooses among entries or sorts them, and says nothing about what lies in quarantine.
_OF_ENTRIES = ("sort", "module", "target", "namespace", "older_than", "larger_than", "pinned")
_DIGEST_DIGITS = 12
_COMMAND = "cachewasm cache list"


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "list", list_entries, "list the entries")
    add_place(parser)
    add_json(parser)
    parser.add_argument(
        "--sort",
        choices=tuple(_ORDERS),
        help="by default module; age and used: the last use; made: the compiling, the latest first",
    )
    parser.add_argument("--module", metavar="MODULE", help="by its name, or how its digest begins")
    parser.add_argument("--target", metavar="ISA", help="the instruction set, or how it begins")
    add_namespace(parser, "stored for this namespace")
    parser.add_argument("--older-than", type=age, metavar="AGE", help="not used for so long")
    parser.add_argument("--larger-than", type=size, metavar="SIZE", help="files of more bytes")
    parser.add_argument("--pinned", action="store_true", help="only pinned entries")
    parser.add_argument(
        "--quarantined", action="store_true", help="what lies in quarantine instead, oldest first"
    )
    parser.add_argument("--limit", type=int, metavar="COUNT", help="only the first of them")
    parser.add_argument("--format", choices=_FORMATS, help="by default table")


def list_entries(options: Namespace) -> int:
    """Print the entries, by what they say of themselves: nothing of them is checked."""
    format = options.format or ("json" if options.json else "table")
    if options.json and format != "json":
        raise UsageError(_COMMAND, f"--json and --format {format} exclude each other")
    if options.limit is not None and options.limit < 0:
        raise UsageError(_COMMAND, "--limit is at least 0")
    for name in _OF_ENTRIES:
        if options.quarantined and getattr(options, name) not in (None, False):
            option = name.replace("_", "-")
            raise UsageError(_COMMAND, f"--quarantined and --{option} exclude each other")
    store = chosen_store(options.cache_dir, options.config)
    directory, now = store.directory, time.time()
    if options.quarantined:
        _print_quarantine(directory, format, now, options.limit)
        return exit_codes.OK
    listing = list(inspect.listing(directory))
    # The index is written, too: what is read-only stays as it is.
    found: Iterable[Entry] = with_facts(directory, listing, store.rules, use_index=store.writes)
    pinned = pins.pinned(directory)
    for meets in _conditions(options, pinned, now):
        found = [entry for entry in found if meets(*entry)]
    chosen = sorted(found, key=_ORDERS[options.sort or "module"])
    del chosen[options.limit if options.limit is not None else len(chosen) :]
    if format == "keys":
        text.print_lines(_file_name(file) for file, _ in chosen)
        return exit_codes.OK
    texts = inspect.texts_by_module(directory, store.rules)
    if format == "table":
        if chosen:
            # Most directories have no namespaces.
            some = any(facts.maker.namespace for _, facts in chosen)
            columns = (*_COLUMNS, "NAMESPACE") if some else _COLUMNS
            rows = [_row(entry, now, texts, pinned)[: len(columns)] for entry in chosen]
            text.print_lines(text.table_lines(columns, rows, right=_RIGHT, fit=True))
        return exit_codes.OK
    facts = (_entry(entry, now, texts, pinned) for entry in chosen)
    text.print_lines(text.json_lines(_FACTS, facts, is_array=format == "json"))
    return exit_codes.OK


def _conditions(
    options: Namespace, pinned: frozenset[str], now: float
) -> Iterator[Callable[[ListedFile, Facts], bool]]:
    """What an entry must meet; most listings ask for nothing."""
    module, target, age = options.module, options.target, options.older_than
    if options.namespace is not None:
        yield lambda file, facts: facts.maker.namespace == options.namespace
    if module is not None:
        yield (
            lambda file, facts: (
                module == facts.module or (bool(module) and _parts(file)[0].startswith(module))
            )
        )
    if target is not None:
        yield lambda file, facts: _parts(file)[2].startswith(target)
    if age is not None:
        yield lambda file, facts: now - file.mtime > age
    if options.larger_than is not None:
        yield lambda file, facts: file.size > options.larger_than
    if options.pinned:
        yield lambda file, facts: file.name in pinned


def _parts(file: ListedFile) -> list[str]:
    """The parts of a key that the name of a listed entry shows."""
    return _file_name(file).split(".")


def _entry(
    entry: Entry, now: float, texts: Mapping[str, int], pinned: frozenset[str]
) -> tuple[text.Plain, ...]:
    """The values of _FACTS."""
    file, facts = entry
    key = _file_name(file)
    wasm, _, isa, tier = key.split(".")
    is_known = not facts.reason
    return (
        *(key, file.path, facts.module or None, wasm, tier, isa, file.size),
        facts.raw_size if is_known else None,
        max(0, int(now - file.mtime_ns / 1e9)),
        facts.compile_ms if is_known else None,
        texts.get(wasm, 0),
        file.name in pinned,
        facts.reason or None,
        facts.created or None,
        facts.maker.version or None,
        facts.maker.namespace or None,
    )


def _row(
    entry: Entry, now: float, texts: Mapping[str, int], pinned: frozenset[str]
) -> tuple[str, ...]:
    """The values of _COLUMNS, and the namespace."""
    file, facts = entry
    wasm, _, isa, tier = _parts(file)
    return (
        facts.reason or facts.module or "-",
        wasm[:_DIGEST_DIGITS],
        tier,
        # Without the digits that only tell instruction sets of one name apart.
        isa[: isa.rindex("-")],
        text.size(file.size),
        text.age(now - file.mtime_ns / 1e9),
        "-" if facts.reason else str(facts.compile_ms),
        str(texts.get(wasm, 0)),
        "yes" if file.name in pinned else "",
        facts.maker.namespace,
    )


def _print_quarantine(directory: str, format: str, now: float, limit: int | None) -> None:
    found = quarantined(directory)[:limit]
    if format == "keys":
        text.print_lines(file.name for file in found)
    elif format != "table":
        facts = (
            (file.path, file.entry.partition("/")[2], file.reason, file.size, file.time)
            for file in found
        )
        text.print_lines(text.json_lines(_QUARANTINE_FACTS, facts, is_array=format == "json"))
    elif found:
        rows = [
            (file.reason, text.size(file.size), text.age(now - file.time), file.path)
            for file in found
        ]
        text.print_lines(
            text.table_lines(_QUARANTINE_COLUMNS, rows, right=("SIZE", "AGE"), fit=True)
        )


def _file_name(file: ListedFile) -> str:
    # Behind the two digits of its directory.
    return file.name[3:]
