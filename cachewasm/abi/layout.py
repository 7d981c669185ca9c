"""Byte layouts of the structures that compiled code and Python share.

A `Layout` is a table of named fields; everybody who touches such a structure derives its offsets
from here, so a field is added in one place.
"""

TYPE_CHECKING = False


class Layout:
    """A C structure: fields in order, naturally aligned. `layout.field` is the field's offset."""

    name: str
    size: int

    def __init__(self, name: str, *fields: tuple[str, int], align: int = 8) -> None:
        """`fields` are (name, size in bytes); a field is aligned to its size, at most to 16."""
        self.name = name
        self.size = 0
        self.offsets: dict[str, int] = {}
        end = 0
        for field, size in fields:
            alignment = min(size & -size, 16) if size else 16
            end = (end + alignment - 1) & -alignment
            assert field not in self.__dict__, f"{name}.{field} is taken"
            # An attribute of its own: offsets are read some hundred times for each instance.
            self.offsets[field] = self.__dict__[field] = end
            end += size
        self.size = (end + align - 1) & -align

    def __getattr__(self, field: str) -> int:
        raise AttributeError(f"{self.name} has no field {field!r}")
