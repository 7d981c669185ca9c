"""Our dataclasses do what the standard library's do."""

import dataclasses
from typing import Any

import pytest

from cachewasm import record


def make(module: Any) -> dict[str, type[Any]]:
    """The same classes, by either decorator."""

    @module.dataclass
    class Plain:
        a: int
        b: str = "b"
        c: list[int] = module.field(default_factory=list)

    @module.dataclass(frozen=True, slots=True)
    class Frozen:
        a: int
        b: int = 2
        c: dict[int, int] = module.field(default_factory=dict, repr=False, compare=False)

        @property
        def total(self) -> int:
            return self.a + self.b

    @module.dataclass(frozen=True, slots=True)
    class Derived:
        a: int
        double: int = module.field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "double", 2 * self.a)

    @module.dataclass(slots=True, eq=False)
    class Mutable:
        a: int
        b: list[int] = module.field(default_factory=list)

    @module.dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @module.dataclass(frozen=True)
    class Worded:
        a: int

        def __repr__(self) -> str:
            return "worded"

    return {each.__name__: each for each in (Plain, Frozen, Derived, Mutable, Empty, Worded)}


@pytest.fixture(params=["Plain", "Frozen", "Derived", "Mutable", "Empty", "Worded"])
def classes(request: pytest.FixtureRequest) -> tuple[type[Any], type[Any]]:
    """A class by our decorator and by the standard one."""
    return make(record)[request.param], make(dataclasses)[request.param]


def arguments(cls: type[Any]) -> tuple[int, ...]:
    return (1,) if dataclasses.fields(cls) else ()


def test_record_repr_is_the_standard_one(classes: tuple[type[Any], type[Any]]) -> None:
    ours, standard = (repr(cls(*arguments(cls))) for cls in classes)
    assert ours == standard


def test_record_has_the_standard_fields(classes: tuple[type[Any], type[Any]]) -> None:
    described = [
        [
            (f.name, f.type, f.default, f.default_factory, f.init, f.repr, f.compare)
            for f in dataclasses.fields(cls)
        ]
        for cls in classes
    ]
    assert described[0] == described[1]
    assert classes[0].__match_args__ == classes[1].__match_args__
    assert dataclasses.is_dataclass(classes[0])


def test_record_equality_and_hash_are_the_standard_ones(
    classes: tuple[type[Any], type[Any]],
) -> None:
    for cls in classes:
        first, second = cls(*arguments(cls)), cls(*arguments(cls))
        assert (first == second) == (cls.__name__ != "Mutable")
        assert first != object()
    ours, standard = classes
    assert (ours.__hash__ is None) == (standard.__hash__ is None)
    if ours.__hash__ is not None and ours.__eq__ is not object.__eq__:
        assert hash(ours(*arguments(ours))) == hash(ours(*arguments(ours)))


def test_record_setting_and_slots_are_the_standard_ones(
    classes: tuple[type[Any], type[Any]],
) -> None:
    outcomes = []
    for cls in classes:
        value = cls(*arguments(cls))
        outcome = [hasattr(value, "__dict__"), getattr(cls, "__slots__", None)]
        for change in (
            lambda value=value: setattr(value, "a", 5),
            lambda value=value: setattr(value, "unknown", 5),
            lambda value=value: delattr(value, "a"),
        ):
            try:
                change()
            except (AttributeError, TypeError):
                outcome.append("refused")
            else:
                outcome.append("done")
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]


def test_record_replace_makes_another() -> None:
    cls = make(record)["Frozen"]
    value = cls(1, c={3: 4})
    other = dataclasses.replace(value, b=7)
    assert (other.a, other.b, other.c, other.total) == (1, 7, {3: 4}, 8)
    assert value.b == 2


def test_record_default_factory_is_called_for_each() -> None:
    cls = make(record)["Mutable"]
    assert cls(1).b is not cls(1).b
    assert cls(1, [2]).b == [2]


def test_record_comparison_leaves_out_what_it_should() -> None:
    cls = make(record)["Frozen"]
    assert cls(1, c={1: 1}) == cls(1, c={2: 2})
    assert hash(cls(1, c={1: 1})) == hash(cls(1))
    assert cls(1) != cls(2)
