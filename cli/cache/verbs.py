"""The verbs of `cachewasm cache`, in the order in which help lists them."""

from ..parser import Commands
from . import (
    clear,
    config,
    directory,
    doctor,
    keys,
    listing,
    pin,
    prune,
    show,
    stats,
    verify,
    why,
)

# Where and how; what is there; what is to stay; whether all is well.
_VERBS = (
    *(directory, config, keys),
    *(listing, show, stats, why),
    *(pin, prune, clear),
    *(verify, doctor),
)


def add_cache(commands: Commands) -> None:
    """Add `cache` and all its verbs."""
    summary = "look at the cache and keep it small"
    parser = commands.add_parser("cache", help=summary, description=f"{summary.capitalize()}.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add(verbs)
