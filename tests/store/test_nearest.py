"""Why a lookup missed: the nearest entries, and what tells them from the key."""

import os
from pathlib import Path

import pytest

from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.survey import nearest as module
from cachewasm.cache.survey.nearest import Difference, nearest, nearest_to_any, summary

INGREDIENTS: dict[str, str | int] = {
    "isa.features": "avx avx2",
    "tunables.guard": 65536,
    "tunables.move": "true",
}


def _variant(
    key: ArtifactKey, *, wasm: bytes = b"", compat: int = 0, isa: str = "", tier: str = ""
) -> ArtifactKey:
    other = bytes((compat,)) * 32 if compat else key.compat
    return ArtifactKey(wasm or key.wasm_digest, other, isa or key.isa, tier or key.tier)


def _found(store: LocalStore, key: ArtifactKey) -> list[tuple[Difference, ...]]:
    return [each.differences for each in nearest(store.directory, key, INGREDIENTS)]


def test_nearest_of_no_directory_is_none(store: LocalStore, key: ArtifactKey) -> None:
    found = nearest(store.directory, key, INGREDIENTS)
    assert found == []
    assert summary(found) == "no entry of this module"


def test_nearest_leaves_out_the_own_entry_and_other_modules(
    store: LocalStore, key: ArtifactKey, other_key: ArtifactKey
) -> None:
    store.put(key, b"x", INGREDIENTS)
    store.put(other_key, b"x", INGREDIENTS)
    # The same first digits of the name, as only a planted file would have.
    store.put(_variant(key, wasm=b"\0" + bytes(31)), b"x", INGREDIENTS)
    assert _found(store, key) == []


def test_nearest_names_the_ingredient_with_both_values(store: LocalStore, key: ArtifactKey) -> None:
    store.put(_variant(key, compat=1), b"x", INGREDIENTS | {"tunables.move": "false"})
    assert _found(store, key) == [(Difference("tunables.move", "true", "false"),)]
    found = nearest(store.directory, key, INGREDIENTS)
    assert summary(found) == "the nearest entry differs in: tunables.move (true here, false there)"


def test_nearest_names_each_feature_of_a_set(store: LocalStore, key: ArtifactKey) -> None:
    isa = "x86-64-v4:other"
    store.put(_variant(key, isa=isa), b"x", INGREDIENTS | {"isa.features": "avx avx512f"})
    assert _found(store, key) == [
        (
            Difference("isa.features.avx2", "true", "false"),
            Difference("isa.features.avx512f", "false", "true"),
        )
    ]


def test_nearest_tells_an_ingredient_that_one_side_lacks(
    store: LocalStore, key: ArtifactKey
) -> None:
    theirs: dict[str, str | int] = {"tunables.new": 1, "isa.features": "avx avx2"}
    theirs["tunables.guard"] = 65536
    store.put(_variant(key, compat=1), b"x", theirs)
    assert _found(store, key) == [
        (Difference("tunables.move", "true", None), Difference("tunables.new", None, 1))
    ]


def test_nearest_tells_the_tier(store: LocalStore, key: ArtifactKey) -> None:
    store.put(_variant(key, tier="baseline"), b"x", INGREDIENTS)
    assert _found(store, key) == [(Difference("tier", "optimized", "baseline"),)]


@pytest.mark.parametrize("known", [True, False])
def test_nearest_part_that_no_ingredient_explains_is_told_itself(
    store: LocalStore, key: ArtifactKey, known: bool
) -> None:
    other = _variant(key, compat=1, isa="x86-64-v1:other")
    store.put(other, b"x", INGREDIENTS)
    (found,) = nearest(store.directory, key, INGREDIENTS if known else {})
    assert found.differences == (
        Difference("isa", key.isa, other.isa),
        Difference("compat", key.compat.hex(), other.compat.hex()),
    )


def test_nearest_one_difference_is_nearer_than_two(store: LocalStore, key: ArtifactKey) -> None:
    far = INGREDIENTS | {"tunables.move": "false", "tunables.guard": 0}
    store.put(_variant(key, compat=1), b"x", far)
    store.put(_variant(key, compat=2), b"x", INGREDIENTS | {"tunables.guard": 0})
    assert [len(each) for each in _found(store, key)] == [1, 2]
    assert len(nearest(store.directory, key, INGREDIENTS, limit=1)) == 1


def test_nearest_leaves_out_what_was_made_since(store: LocalStore, key: ArtifactKey) -> None:
    for at in (1, 2, 3):
        store.put(_variant(key, compat=at), b"x", {"tunables.move": "false", "created": at})
    found = nearest(store.directory, key, INGREDIENTS, before=3)
    assert sorted(str((each.entry.manifest or {})["created"]) for each in found) == ["1", "2"]


def test_nearest_damaged_and_foreign_files_are_left_out(
    store: LocalStore, key: ArtifactKey
) -> None:
    for at in (1, 2):
        store.put(_variant(key, compat=at), b"x", INGREDIENTS)
    folder = Path(store.directory, "entries", "v1", key.entry_name).parent
    first, second = sorted(folder.iterdir())
    os.truncate(first, 150)
    second.chmod(0o666)
    (folder / "notes.txt").write_bytes(b"")
    (folder / f"{key.wasm_digest.hex()[:32]}.d").mkdir()
    assert _found(store, key) == []


def test_nearest_reads_a_bounded_number_of_manifests(
    store: LocalStore, key: ArtifactKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_READ", 2)
    for at in range(1, 6):
        store.put(_variant(key, compat=at), b"x", INGREDIENTS | {"tunables.guard": at})
    # What agrees in more parts of its name is among those that are read.
    store.put(_variant(key, tier="baseline"), b"x", INGREDIENTS)
    found = _found(store, key)
    assert len(found) == 2
    assert (Difference("tier", "optimized", "baseline"),) in found


def test_nearest_hostile_manifest_costs_no_more_than_its_size(
    store: LocalStore, key: ArtifactKey
) -> None:
    words = " ".join(str(number) for number in range(10_000))
    store.put(_variant(key, isa="x86-64-v1:other"), b"x", INGREDIENTS | {"isa.features": words})
    (differences,) = _found(store, key)
    assert differences == (Difference("isa.features", "avx avx2", words),)


def test_summary_is_short_whatever_differs(store: LocalStore, key: ArtifactKey) -> None:
    theirs: dict[str, str | int] = {f"a.{number}": "f" * 64 for number in range(9)}
    store.put(_variant(key, compat=1), b"x", theirs)
    said = summary(nearest(store.directory, key, {"a.x": ""}))
    assert said.endswith("a.3 (missing here, ffffffffffff... there) and 6 more")


def test_nearest_to_any_compares_with_the_key_that_agrees_best(
    store: LocalStore, key: ArtifactKey
) -> None:
    keys = [key, _variant(key, tier="baseline")]
    changed = INGREDIENTS | {"tunables.move": "false"}
    store.put(keys[1], b"x", INGREDIENTS)
    store.put(_variant(key, compat=1, tier="baseline"), b"x", changed)
    store.put(_variant(key, compat=2), b"x", changed | {"tunables.guard": 0})
    found = nearest_to_any(store.directory, keys, INGREDIENTS)
    assert [[each.name for each in near.differences] for near in found] == [
        ["tunables.move"],
        ["tunables.guard", "tunables.move"],
    ]
    assert len(nearest_to_any(store.directory, keys, INGREDIENTS, limit=1)) == 1
