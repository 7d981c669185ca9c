"""The verbs of `cachewasm cache`, in the order in which help lists them."""

from ..parser import Commands
from . import clear, config, directory, listing, pin, prune, stats, verify

_VERBS = (directory, config, listing, stats, verify, prune, clear, pin)


def add_cache(commands: Commands) -> None:
    """Add `cache` and all its verbs."""
    summary = "look at the cache and keep it small"
    parser = commands.add_parser("cache", help=summary, description=f"{summary.capitalize()}.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add(verbs)
