"""What somebody may have meant who wrote a name that is not known. Imported by refusals only."""

from collections.abc import Iterable
from difflib import get_close_matches

# Beyond this nobody has made a typing error, and comparing takes long.
_MAX_NAME = 64


def suggestion(name: str, known: Iterable[str]) -> str:
    """A clause to end a refusal with: ` (did you mean 'avx2'?)`, or nothing."""
    if len(name) > _MAX_NAME:
        return ""
    close = get_close_matches(name.lower(), known, n=2, cutoff=0.7)
    return f" (did you mean {' or '.join(repr(each) for each in close)}?)" if close else ""
