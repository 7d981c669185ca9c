"""`cache dir`, `list`, `verify` and `prune`: what an operator does with the cache directory."""

import time
from argparse import Namespace
from collections.abc import Callable, Mapping

from cachewasm.cache import inspect, reasons
from cachewasm.cache import prune as pruning
from cachewasm.cache import verify as verifying
from cachewasm.cache.inspect import EntryInfo, ListedFile

from . import exit_codes, text
from .failure import printable
from .place import chosen_directory

_ORDERS: dict[str, Callable[[EntryInfo], tuple[object, ...]]] = {
    "module": lambda entry: (_module(entry), entry.file.name),
    "size": lambda entry: (-entry.file.size, entry.file.name),
    "age": lambda entry: (-entry.file.mtime_ns, entry.file.name),
    "compile": lambda entry: (-_number(entry, "compile_ms"), entry.file.name),
}
ORDERS = tuple(_ORDERS)

# Which bit of verify's exit code each verdict sets.
VERDICT_BITS = {
    verifying.OK: exit_codes.OK,
    verifying.FOREIGN: exit_codes.OK,
    reasons.TORN: exit_codes.CORRUPT,
    reasons.CORRUPT: exit_codes.CORRUPT,
    reasons.WRONG_KEY: exit_codes.CORRUPT,
    reasons.UNTRUSTED: exit_codes.UNTRUSTED,
    reasons.UNREADABLE: exit_codes.UNREADABLE,
    reasons.FOREIGN_VERSION: exit_codes.FOREIGN_VERSION,
}
_COLUMNS = ("MODULE", "DIGEST", "TIER", "ISA", "SIZE", "AGE", "COMPILE MS", "TEXTS")
_DIGEST_DIGITS = 12


def directory(options: Namespace) -> int:
    """Print the path; it need not exist."""
    print(chosen_directory(options.cache_dir, options.config))
    return exit_codes.OK


def list_entries(options: Namespace) -> int:
    """Print the entries, by what they say of themselves: nothing of them is checked."""
    directory = chosen_directory(options.cache_dir, options.config)
    entries = sorted(inspect.entries(directory), key=_ORDERS[options.sort])
    now = time.time()
    texts = inspect.texts_by_module(directory)
    if options.json:
        print(text.as_json([_entry(entry, now, texts) for entry in entries]))
    elif entries:
        rows = [_row(entry, now, texts) for entry in entries]
        print(text.table(_COLUMNS, rows, right=("SIZE", "AGE", "COMPILE MS", "TEXTS")))
    return exit_codes.OK


def verify(options: Namespace) -> int:
    """Check everything; the exit code is the sum of VERDICT_BITS."""
    report = verifying.verify(chosen_directory(options.cache_dir, options.config))
    bad = [found for found in report.findings if VERDICT_BITS[found.verdict]]
    code = exit_codes.OK
    for finding in bad:
        code |= VERDICT_BITS[finding.verdict]
    if report.directory_problem is not None:
        code |= exit_codes.UNTRUSTED
    if options.json:
        facts: dict[str, text.Fact] = {
            "counts": report.counts,
            "directory_problem": report.directory_problem,
            "leftovers": [file.path for file in report.leftovers],
            "findings": [
                {"path": each.file.path, "verdict": each.verdict, "detail": each.detail}
                for each in report.findings
            ],
        }
        print(text.as_json(facts))
        return code
    for finding in bad:
        print(printable(f"{finding.file.path}: {finding.verdict}: {finding.detail}"))
    if report.directory_problem is not None:
        print(printable(f"the directory is not trusted: {report.directory_problem}"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.counts.items()))
    print(f"{len(report.findings)} files" + (f": {counts}" if counts else ""))
    return code


def prune(options: Namespace) -> int:
    """Remove what the limits ask for; files that cannot be removed are a failure."""
    report = pruning.prune(
        chosen_directory(options.cache_dir, options.config),
        max_size=options.max_size,
        older_than=options.older_than,
        dry_run=options.dry_run,
    )
    if options.json:
        facts: dict[str, text.Fact] = {
            "dry_run": bool(options.dry_run),
            "removed": _paths(report.removed),
            "stale": _paths(report.stale),
            "failed": _paths(report.failed),
            "removed_bytes": report.removed_bytes,
            "kept_entries": report.kept_entries,
            "kept_bytes": report.kept_bytes,
        }
        print(text.as_json(facts))
    else:
        for path in _paths(report.failed):
            print(printable(f"cannot be removed: {path}"))
        verb = "would remove" if options.dry_run else "removed"
        print(
            f"{verb} {len(report.removed)} entries and {len(report.stale)} leftovers "
            f"({text.size(report.removed_bytes)}), "
            f"kept {report.kept_entries} entries ({text.size(report.kept_bytes)})"
        )
    return exit_codes.FAILURE if report.failed else exit_codes.OK


def _paths(listed: tuple[ListedFile, ...]) -> list[str]:
    return [file.path for file in listed]


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
