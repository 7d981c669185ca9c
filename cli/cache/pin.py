"""`cache pin` and `cache unpin`: which entries only an explicit order removes."""

import os
from argparse import Namespace

from cachewasm.cache import entry, inspect, pins
from cachewasm.cache.keys import parse_entry_name, wasm_prefix
from cachewasm.hashing import digest_of

from .. import exit_codes, text
from ..failure import Failure, about, printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_directory
from .chosen import directory_to_change

_EPILOG = """KEY is the name of an entry (`cachewasm cache list --format keys`) or how it begins, such as the
digest of a module; FILE is a module, for all its entries, or an entry.
"""
_MIN_KEY = 8


def add(verbs: Commands) -> None:
    """Add both verbs."""
    parser = add_command(
        verbs, "pin", pin, "keep entries from being evicted; without KEY, list the pins", _EPILOG
    )
    add_place(parser)
    add_json(parser)
    parser.add_argument("keys", nargs="*", metavar="KEY|FILE")
    parser = add_command(verbs, "unpin", unpin, "let pinned entries be evicted again", _EPILOG)
    add_place(parser)
    add_json(parser)
    parser.add_argument("keys", nargs="+", metavar="KEY|FILE")


def pin(options: Namespace) -> int:
    """Pin all entries that are meant; one KEY or FILE without an entry is a failure."""
    if not options.keys:
        return _list(chosen_directory(options.cache_dir, options.config), as_json=options.json)
    directory = directory_to_change(options)
    names = []
    for key in options.keys:
        found = [file.name for file in inspect.matching(directory, _beginning(key))]
        if not found:
            raise Failure(f"{printable(key)}: there is no such entry in the cache")
        names += found
    changed = []
    for name in dict.fromkeys(names):
        with about(os.path.join(directory, name)):
            changed.append((name, pins.pin(directory, name)))
    return _tell(changed, "pinned", as_json=options.json)


def unpin(options: Namespace) -> int:
    """Remove the pins that are meant, whether their entries are there or not."""
    directory = directory_to_change(options)
    pinned = sorted(pins.pinned(directory))
    names: list[str] = []
    for key in options.keys:
        beginning = _beginning(key)
        found = [name for name in pinned if _file_name(name).startswith(beginning)]
        if not found:
            raise Failure(f"{printable(key)}: there is no such pin")
        names += found
    changed = [(name, pins.unpin(directory, name)) for name in dict.fromkeys(names)]
    _tell(changed, "unpinned", as_json=options.json)
    return exit_codes.OK if all(done for _, done in changed) else exit_codes.FAILURE


def _list(directory: str, *, as_json: bool) -> int:
    entries = {file.name for file in inspect.listing(directory)}
    pinned = sorted(pins.pinned(directory))
    if as_json:
        print(text.as_json([{"key": _file_name(n), "present": n in entries} for n in pinned]))
    else:
        for name in pinned:
            print(_file_name(name) + ("" if name in entries else "  (no entry)"))
    return exit_codes.OK


def _tell(changed: list[tuple[str, bool]], done: str, *, as_json: bool) -> int:
    if as_json:
        print(text.as_json([{"key": _file_name(n), "changed": is_new} for n, is_new in changed]))
    else:
        for name, is_new in changed:
            print(f"{done if is_new else f'was {done}'} {_file_name(name)}")
    return exit_codes.OK


def _beginning(key: str) -> str:
    """How the names of the entries begin that `key` means. Raises Failure."""
    if not os.path.isfile(key):
        if len(key) < _MIN_KEY:
            raise Failure(f"{printable(key)}: neither a file nor {_MIN_KEY} characters of a key")
        return key
    # Only who names a module waits for what reads one.
    from cachewasm.runtime.module import binary_of

    with about(key):
        with open(key, "rb") as file:
            data = file.read()
        if not data.startswith(entry.MAGIC):
            return wasm_prefix(digest_of(binary_of(data)))
    name = os.path.basename(key)
    if parse_entry_name(f"{name[:2]}/{name}") is None:
        raise Failure(f"{printable(key)}: an entry, but not under its name")
    return name


def _file_name(name: str) -> str:
    return name.partition("/")[2]
