"""The verbs of `cachewasm cache`, in the order in which help lists them."""

from ..parser import Commands
from . import (
    config,
    directory,
    exporting,
    importing,
    listing,
    lock,
    prune,
    stats,
    verify,
    warm,
)

_VERBS = (
    directory,
    config,
    listing,
    stats,
    verify,
    prune,
    warm,
    lock,
    exporting,
    importing,
)


def add_cache(commands: Commands) -> None:
    """Add `cache` and all its verbs."""
    summary = "look at the cache and keep it small"
    parser = commands.add_parser("cache", help=summary, description=f"{summary.capitalize()}.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add(verbs)
