"""The first run of all has to compile: its compile server may start before anything else is imported.

A server takes as long to start as `run` takes to find out that the cache has nothing, so they do it side by
side. Nothing depends on it: a server that is not asked for anything ends with this process. On the warm path:
one look at the directory of entries, which is there from the first compile on.
"""

import os

from cachewasm.cache import layout
from cachewasm.cache.config import cache_directory, cache_enabled, is_default
from cachewasm.log import DEBUG, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# With one of these before the file, something else than the default cache is asked, or nothing is run.
_OTHERWISE = ("--cache-dir", "--config", "--help", "--no-cache", "-h")


def start_early(arguments: "Sequence[str]") -> None:
    """Begin to start the compile server if the arguments of `run` can only mean a miss.

    Raises what the cache's configuration does, as `run` would.
    """
    if not arguments or any(each.startswith(_OTHERWISE) for each in arguments):
        return
    if not cache_enabled(os.environ) or not is_default(os.environ):
        return
    directory = cache_directory(os.environ)
    if directory is None or os.path.exists(os.path.join(directory, layout.ENTRIES)):
        return
    from cachewasm.compiler.processes import local
    from cachewasm.errors import CompileError

    try:
        local.start()
    except CompileError as error:
        log(DEBUG, "%s", error)  # whoever asks it to compile is told
