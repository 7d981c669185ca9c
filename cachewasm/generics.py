"""`Generic` and `TypeVar` for type checkers, and next to nothing where code runs.

Importing `typing` takes 4 ms, which an application's first compile would wait for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import TypeVar as TypeVar
else:

    class Generic:
        """A base class with type parameters that are forgotten at once."""

        __slots__ = ()

        def __class_getitem__(cls, _parameters):
            return cls

    def TypeVar(name, **_properties):  # noqa: N802
        """A stand-in that annotations may name."""
        return name
