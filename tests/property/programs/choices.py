"""Decisions out of a byte string: equal bytes give equal programs.

Whoever makes the bytes decides how random they are: hypothesis, which also shrinks them, or a seeded
generator. When they are used up every decision is the first one, and the first is always the
simplest, so shorter and smaller strings give smaller programs.
"""

from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


class Choices:
    """A cursor over `data`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    def bits(self, count: int) -> int:
        """An unsigned integer of `count` bits, a multiple of 8."""
        size = count // 8
        taken = self._data[self._pos : self._pos + size]
        self._pos += size
        return int.from_bytes(taken, "little")

    def below(self, bound: int) -> int:
        """An integer from 0 to `bound` - 1; larger for larger bytes."""
        if bound <= 1:
            return 0
        return self.bits(8) * bound >> 8 if bound <= 256 else self.bits(16) * bound >> 16

    def chance(self, percent: int) -> bool:
        """Whether something happens that does so in `percent` of 100 cases."""
        return self.below(100) >= 100 - percent

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of `items`, all equally likely."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[tuple[int, _Item]]) -> _Item:
        """One of `items`, each as likely as its weight says; the weights add up to 256 at most."""
        at = self.below(sum(weight for weight, _ in items))
        for weight, item in items:
            if at < weight:
                return item
            at -= weight
        return items[0][1]
