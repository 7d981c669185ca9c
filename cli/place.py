"""Which cache the command uses: the options --no-cache and --cache-dir over the environment.

The choice is made in this process's environment, since the engine is not the only one that keeps
code: the support image is shared by all engines of a process. On the warm path.
"""

import os

from cachewasm.cache.config import cache_directory

from .failure import Failure


def choose_cache(directory: str | None, *, off: bool = False) -> None:
    """Use the cache in `directory`, by default that of the environment; or none if it is `off`."""
    if off:
        os.environ["CACHEWASM_CACHE"] = "0"
    elif directory is not None:
        os.environ["CACHEWASM_CACHE"] = "1"
        os.environ["CACHEWASM_DIR"] = os.path.abspath(directory)


def chosen_directory(directory: str | None) -> str:
    """The absolute path of the cache directory; it need not exist. Raises Failure if there is none."""
    choose_cache(directory)
    found = cache_directory(os.environ)
    if found is None:
        raise Failure("there is no place for a cache: set CACHEWASM_DIR")
    return found
