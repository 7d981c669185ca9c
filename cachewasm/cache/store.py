"""What keeps artifacts: the protocol that the runtime and the rest of the cache rely on.

Looking up and storing never fail a run: whatever is wrong is a `Miss` or a `StoreFailure` with its
reason, counted and told of, and the caller compiles. What is found is right in every byte, and was
put under this very key. tests/store/test_conformance.py is what every store passes.

For type checkers: nothing on the warm path imports this module.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from cachewasm.cache.alias import AliasKey
from cachewasm.cache.counters import Counters
from cachewasm.cache.entry import Entry
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.payload import Memory
from cachewasm.cache.reasons import Miss, StoreFailure
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.trust import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.payload import MakePlace


class ArtifactStore(Protocol):
    """Entries and aliases by key. Thread-safe. The attributes are those of counters.Events."""

    place: str
    trouble: str
    counters: Counters
    amounts: Counters
    on_event: Callable[[str, ArtifactKey | AliasKey, str], object] | None

    @property
    def writes(self) -> bool:
        """Whether put may succeed at all. If not, nothing is ever changed, by no call."""

    @property
    def must_hit(self) -> bool:
        """Whether nothing may be compiled that is not found."""

    @property
    def directory(self) -> str | None:
        """The cache directory, for those that work on one; None if the store has none."""

    @property
    def rules(self) -> Rules:
        """Whom to believe there, and how files are made."""

    @property
    def config(self) -> CacheConfig:
        """The settings, for reading only."""

    def may_have(self, key: ArtifactKey) -> bool:
        """Whether `get` could find an entry of `key`: for a key that seldom has one, in less time. No event."""

    def get(
        self, key: ArtifactKey, *, is_last: bool = True, make_place: "MakePlace" = Memory
    ) -> Entry | Miss:
        """The entry of `key`, checked, or why there is none; a use of it.

        The artifact is put where `make_place` says, given its size. If it is not the last key to be
        tried, a miss is no event yet: who has tried them all counts one (outcomes.count_miss).
        """

    def peek(self, key: ArtifactKey, *, make_place: "MakePlace" = Memory) -> Entry | Miss:
        """`get` that is no event, and no use."""

    def hit(self, key: ArtifactKey, entry: Entry, event: str = "hit") -> None:
        """Count an entry that `peek` has found, and is used after all."""

    def happened(self, event: str, key: ArtifactKey | AliasKey, reason: str = "") -> int:
        """Count an event and tell of it; how many of its kind there are now."""

    def note_miss(self, key: ArtifactKey, reason: str) -> None:
        """Remember a lookup of an entry that was in vain, where there is a place for that."""

    def put(
        self, key: ArtifactKey, raw: bytes | memoryview, manifest: Mapping[str, str | int]
    ) -> StoreFailure | None:
        """Publish `raw` as the entry of `key`, replacing what is there; None if that worked.

        Raises InternalError for a manifest beyond its bounds or an empty `raw`.
        """

    def get_alias(self, key: AliasKey) -> bytes | Miss:
        """The wasm digest of a text, or why it is not known; a use of it."""

    def peek_alias(self, key: AliasKey) -> bytes | Miss:
        """`get_alias` that is no event, and no use."""

    def put_alias(self, key: AliasKey, wasm_digest: bytes) -> StoreFailure | None:
        """Publish the wasm digest of a text, replacing what is there; None if that worked."""

    def open_lock_file(self) -> int | None:
        """A new descriptor of the file whose bytes are locked, which the caller closes; None if no
        other process uses the store. Raises EntryError(UNTRUSTED), OSError.
        """
