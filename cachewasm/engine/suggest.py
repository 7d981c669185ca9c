"""How refusals repeat what somebody wrote, and say what may have been meant. Not on the warm path."""

from collections.abc import Iterable

# Beyond this nobody has made a typing error, and comparing takes long.
_MAX_NAME = 64

# As much of a text is repeated.
_MAX_SHOWN = 100


def shown(text: str) -> str:
    """A text of any length as a message repeats it: its beginning, if it is long."""
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def suggestion(name: str, known: Iterable[str]) -> str:
    """A clause to end a refusal with: ` (did you mean 'avx2'?)`, or nothing."""
    if len(name) > _MAX_NAME:
        return ""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), known, n=2, cutoff=0.7)
    return f" (did you mean {' or '.join(repr(each) for each in close)}?)" if close else ""
