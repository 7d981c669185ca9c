"""`cache list`: the entries, by what they say of themselves."""

import time
from argparse import Namespace
from collections.abc import Callable, Mapping

from cachewasm.cache import inspect
from cachewasm.cache.inspect import EntryInfo

from .. import exit_codes, text
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_directory, chosen_rules

_ORDERS: dict[str, Callable[[EntryInfo], tuple[object, ...]]] = {
    "module": lambda entry: (_module(entry), entry.file.name),
    "size": lambda entry: (-entry.file.size, entry.file.name),
    "age": lambda entry: (-entry.file.mtime_ns, entry.file.name),
    "compile": lambda entry: (-_number(entry, "compile_ms"), entry.file.name),
}
_COLUMNS = ("MODULE", "DIGEST", "TIER", "ISA", "SIZE", "AGE", "COMPILE MS", "TEXTS")
_DIGEST_DIGITS = 12


def add(verbs: Commands) -> None:
    """Add the verb."""
    parser = add_command(verbs, "list", list_entries, "list the entries")
    add_place(parser)
    add_json(parser)
    parser.add_argument(
        "--sort", choices=tuple(_ORDERS), default="module", help="by default module"
    )


def list_entries(options: Namespace) -> int:
    """Print the entries, by what they say of themselves: nothing of them is checked."""
    directory = chosen_directory(options.cache_dir, options.config)
    rules = chosen_rules()
    entries = sorted(inspect.entries(directory, rules), key=_ORDERS[options.sort])
    now = time.time()
    texts = inspect.texts_by_module(directory, rules)
    if options.json:
        print(text.as_json([_entry(entry, now, texts) for entry in entries]))
    elif entries:
        rows = [_row(entry, now, texts) for entry in entries]
        print(text.table(_COLUMNS, rows, right=("SIZE", "AGE", "COMPILE MS", "TEXTS")))
    return exit_codes.OK


def _entry(entry: EntryInfo, now: float, texts: Mapping[str, int]) -> dict[str, text.Fact]:
    parts = entry.parts
    return {
        "path": entry.file.path,
        "module": _module(entry) or None,
        "digest": parts.wasm if parts else None,
        "tier": parts.tier if parts else None,
        "isa": parts.isa if parts else None,
        "size": entry.file.size,
        "unused_seconds": max(0, int(now - entry.file.mtime)),
        "compile_ms": _number(entry, "compile_ms") if entry.manifest else None,
        "texts": _texts(entry, texts),
        "problem": entry.reason,
    }


def _row(entry: EntryInfo, now: float, texts: Mapping[str, int]) -> tuple[str, ...]:
    parts = entry.parts
    return (
        entry.reason or _module(entry) or "-",
        parts.wasm[:_DIGEST_DIGITS] if parts else "-",
        parts.tier if parts else "-",
        # Without the digits that only tell instruction sets of one name apart.
        parts.isa.rpartition("-")[0] if parts else "-",
        text.size(entry.file.size),
        text.age(now - entry.file.mtime),
        str(_number(entry, "compile_ms")) if entry.manifest else "-",
        str(_texts(entry, texts)),
    )


def _texts(entry: EntryInfo, texts: Mapping[str, int]) -> int:
    """How many texts are known to have the module's binary."""
    return texts.get(entry.parts.wasm, 0) if entry.parts else 0


def _module(entry: EntryInfo) -> str:
    return str((entry.manifest or {}).get("module_name", ""))


def _number(entry: EntryInfo, name: str) -> int:
    value = (entry.manifest or {}).get(name, 0)
    return value if isinstance(value, int) else 0
