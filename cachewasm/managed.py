"""What the public objects have in common: how they are closed, and that handles are not copied.

An object is closed by giving it another class: a subclass made for that, whose public names raise.
So closing needs no mark in the object and no check in front of what an open one does. What other
objects have of it stays as it is, and goes with the last reference: closing is safe at any time.

On the warm path: base classes without state, so they cost their instances nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Self

ALREADY_CLOSED = "already closed"


class Managed:
    """What can be closed, and closes at the end of a `with` block.

    Types, frames and exceptions are values: they have nothing to give back, so that closing one does
    nothing. The base class of the drop-in API under its name there.
    """

    __slots__ = ()

    _closed = False

    def close(self) -> None:
        """Say that the object is not needed any more. May be called again."""

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Closable(Managed):
    """What is of no further use once it is closed: its public names raise ValueError then.

    What was made with it goes on working, and keeps what it needs of it.
    """

    __slots__ = ()

    def close(self) -> None:
        """Make the object unusable. Its memory goes with the last reference to what belongs to it.

        May be called again.
        """
        if not self._closed:
            self._release()
            self.__class__ = _closed_class(type(self))

    def _release(self) -> None:
        """Give back what nobody else needs, before the class changes; raises if that cannot be."""


class Uncopied:
    """A handle of something native or of what belongs to one process.

    Copying it would make a second object with the same state, field by field.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> str:
        """Raises TypeError: what `copy` and `pickle` ask for cannot be had."""
        name = type(self).__name__
        raise TypeError(f"{'an' if name[0] in 'AEIOU' else 'a'} {name} cannot be copied or pickled")


def _closed_class(kind: type) -> type:
    """The class of closed objects of a class; made once for each."""
    made: type | None = vars(kind).get("_closed_class")
    if made is None:
        from types import MemberDescriptorType

        # The names of this package, not those that an application's subclass adds. Attributes that are
        # kept in slots stay readable: what belongs to the object may ask for them.
        own = next(each for each in kind.__mro__ if Closable in each.__bases__)
        refusing = property(_refuse, _refuse, _refuse)
        content: dict[str, object] = {
            name: refusing
            for name in dir(own)
            if not (name.startswith("_") or isinstance(getattr(own, name), MemberDescriptorType))
        }
        content["close"] = Managed.close
        for name in ("__doc__", "__module__", "__qualname__"):
            content[name] = getattr(kind, name)
        content.update(__slots__=(), _closed=True)
        made = type(kind)(kind.__name__, (kind,), content)
        kind._closed_class = made  # type: ignore[attr-defined]
    return made


def _refuse(self: object, value: object = None) -> "NoReturn":
    raise ValueError(ALREADY_CLOSED)
