"""Byte layouts of the structures that compiled code and Python share.

A `Layout` is a table of named fields; everybody who touches such a structure derives its offsets
from here, so a field is added in one place.
"""

TYPE_CHECKING = False


class Layout:
    """A C structure: fields in order, naturally aligned. `layout.field` is the field's offset."""

    __slots__ = ("name", "offsets", "size")

    def __init__(self, name: str, *fields: tuple[str, int], align: int = 8) -> None:
        """`fields` are (name, size in bytes); a field is aligned to its size, at most to 16."""
        self.name = name
        self.offsets: dict[str, int] = {}
        end = 0
        for field, size in fields:
            alignment = min(size & -size, 16) if size else 16
            end = (end + alignment - 1) & -alignment
            self.offsets[field] = end
            end += size
        self.size = (end + align - 1) & -align

    def __getattr__(self, field: str) -> int:
        try:
            return self.offsets[field]
        except KeyError:
            raise AttributeError(f"{self.name} has no field {field!r}") from None
