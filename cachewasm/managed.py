"""What the public objects have in common: how they are closed, and that handles are not copied.

On the warm path: base classes without state, so they cost their instances nothing.
"""


class Uncopied:
    """A handle of something native or of what belongs to one process.

    Copying it would make a second object with the same state, field by field.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> str:
        """Raises TypeError: what `copy` and `pickle` ask for cannot be had."""
        raise TypeError(f"{_article(type(self).__name__)} cannot be copied or pickled")


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
