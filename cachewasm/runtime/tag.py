"""`Tag`: tags from Python. Two tags are one if they are the same instance. On the warm path of
modules with tags only.
"""

from cachewasm.abi.vmctx import TAG
from cachewasm.errors import WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import Uncopied
from cachewasm.runtime.store import Store, store_of
from cachewasm.runtime.typeids import entry_of
from cachewasm.wasm.types import TagType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.runtime.caller import Caller


class Tag(Uncopied):
    """A tag of a store: what exceptions are thrown with and caught by."""

    __slots__ = ("_store", "_tag", "_type")

    def __init__(self, store: "Store | Caller", ty: TagType) -> None:
        """Raises WasmtimeError if the type has results."""
        if not isinstance(ty, TagType):
            raise TypeError("expected a TagType")
        if ty.functype.result_types:
            raise WasmtimeError(
                "Cannot create an exception type from a tag type with results in the signature"
            )
        owner = store_of(store)
        self._store = owner
        self._tag = make_tag(owner, ty)
        self._type = ty

    @classmethod
    def _of(cls, store: Store, tag: int, type: TagType) -> "Tag":
        self = cls.__new__(cls)
        self._store = store
        self._tag = tag
        self._type = type
        return self

    def _check(self, store: "Store | Caller") -> None:
        if store_of(store) is not self._store:
            raise WasmtimeError("object used with the wrong store")

    def type(self, store: "Store | Caller") -> TagType:
        """The type."""
        self._check(store)
        return self._type

    def eq(self, store: "Store | Caller", other: "Tag") -> bool:
        """Whether `other` is the same tag."""
        if not isinstance(other, Tag):
            raise TypeError("expected a Tag")
        self._check(store)
        other._check(store)
        return self._tag == other._tag


def make_tag(store: Store, type: TagType) -> int:
    """The address of a new native Tag of `store`."""
    tag = store._allocate(TAG.size)
    native.write_u32(tag + TAG.type_id, entry_of(type.functype).id)
    return tag
