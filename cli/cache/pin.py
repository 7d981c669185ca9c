"""`cache pin` and `cache unpin`: which entries only an explicit order removes."""

from argparse import Namespace

from cachewasm.cache.survey import inspect
from cachewasm.cache.upkeep import pins

from .. import exit_codes, text
from ..failure import Failure, about, printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import chosen_store, chosen_to_change
from .find import beginning_of

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
        return _list(
            chosen_store(options.cache_dir, options.config).directory, as_json=options.json
        )
    store = chosen_to_change(options.cache_dir, options.config)
    directory = store.directory
    paths: dict[str, str] = {}
    for key in options.keys:
        found = list(inspect.listing_of(directory, beginning_of(key, _MIN_KEY)))
        if not found:
            raise Failure(f"{printable(key)}: there is no such entry in the cache")
        paths |= {file.name: file.path for file in found}
    changed = []
    for name, path in paths.items():
        with about(path):
            changed.append((name, pins.pin(directory, name, store.rules)))
    return _tell(changed, "pinned", as_json=options.json)


def unpin(options: Namespace) -> int:
    """Remove the pins that are meant, whether their entries are there or not."""
    directory = chosen_to_change(options.cache_dir, options.config).directory
    pinned = sorted(pins.pinned(directory))
    names: list[str] = []
    for key in options.keys:
        beginning = beginning_of(key, _MIN_KEY)
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


def _file_name(name: str) -> str:
    return name.partition("/")[2]
