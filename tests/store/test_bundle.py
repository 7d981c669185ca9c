"""Bundles: what a store has, in one file, and into another store; damaged and hostile ones."""

import io
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cachewasm.cache.alias import Alias, AliasKey
from cachewasm.cache.carry import bundle, ustar
from cachewasm.cache.carry.lock_file import Lock, LockedArtifact, check_lock
from cachewasm.cache.carry.ustar import ArchiveError
from cachewasm.cache.entry import CODEC_RAW, DIGEST_SIZE, MAX_ENTRY_SIZE, Entry, pack
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.settings import CacheConfig
from cachewasm.cache.survey.verify import verify
from cachewasm.hashing import digest_of

MANIFEST: dict[str, str | int] = {"module_name": "demo", "compile_ms": 12}
RAW = b"artifact" * 100


@pytest.fixture
def alias_key() -> AliasKey:
    return AliasKey(bytes(range(1, 33)), bytes(32))


@pytest.fixture
def filled(
    store: LocalStore, key: ArtifactKey, other_key: ArtifactKey, alias_key: AliasKey
) -> LocalStore:
    """A store with two entries and an alias."""
    assert store.put(key, RAW, MANIFEST) is None
    assert store.put(other_key, RAW[::-1], {}) is None
    assert store.put_alias(alias_key, key.wasm_digest) is None
    return store


@pytest.fixture
def target(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return LocalStore(str(tmp_path / "target"))


@pytest.fixture
def lock(key: ArtifactKey, alias_key: AliasKey) -> Lock:
    """A lock file for the text alone."""
    return Lock(
        (
            LockedArtifact(
                module="demo.wat",
                wasm=key.wasm_digest,
                text=alias_key.text_digest,
                target="x86_64-unknown-linux-gnu",
                isa=key.isa,
                tier=key.tier,
                compat=key.compat,
                compiler=alias_key.encoder,
                artifact=digest_of(RAW),
                size=len(RAW),
            ),
        )
    )


def export(store: LocalStore, *keys: ArtifactKey | AliasKey) -> bytes:
    stream = io.BytesIO()
    entries = [key for key in keys if isinstance(key, ArtifactKey)]
    aliases = [key for key in keys if isinstance(key, AliasKey)]
    written = list(bundle.write(stream, store, entries, aliases))
    assert [each.problem for each in written] == [""] * len(written)
    return stream.getvalue()


def take(data: bytes, store: LocalStore, **options: object) -> dict[str, str]:
    """What became of each member, by the part of its name that tells."""
    members = bundle.read(io.BytesIO(data), store, **options)  # type: ignore[arg-type]
    return {each.name: each.outcome for each in members}


def made(*members: tuple[str, bytes]) -> bytes:
    """A bundle of any members."""
    every = ((bundle.MARKER, bundle.CONTENT), *members)
    files = (ustar.header(n, len(c)) + c + ustar.padding(len(c)) for n, c in every)
    return b"".join(files) + ustar.END


def entry_member(key: ArtifactKey, raw: bytes = RAW, **options: int) -> tuple[str, bytes]:
    return f"entries/v1/{key.entry_name}", pack(key, raw, MANIFEST, **options)


def assert_nothing_is_there(store: LocalStore) -> None:
    assert not Path(store.directory, "entries").exists()
    assert not Path(store.directory, "aliases").exists()


def test_bundle_carries_entries_and_aliases(
    filled: LocalStore,
    target: LocalStore,
    key: ArtifactKey,
    other_key: ArtifactKey,
    alias_key: AliasKey,
) -> None:
    data = export(filled, key, other_key, alias_key)
    assert set(take(data, target).values()) == {bundle.IMPORTED}
    entry = target.get(key)
    assert isinstance(entry, Entry)
    assert (bytes(entry.raw), entry.manifest["module_name"]) == (RAW, "demo")
    assert entry.manifest["compile_ms"] == 12
    assert target.get_alias(alias_key) == key.wasm_digest
    assert verify(target.directory).counts == {"ok": 3}
    assert set(take(data, target).values()) == {bundle.PRESENT}


def test_bundle_of_equal_entries_is_equal_bytes(
    filled: LocalStore,
    target: LocalStore,
    key: ArtifactKey,
    other_key: ArtifactKey,
    alias_key: AliasKey,
) -> None:
    data = export(filled, key, other_key, alias_key)
    assert export(filled, alias_key, other_key, key, key, alias_key) == data
    take(data, target)
    assert export(target, key, other_key, alias_key) == data


def test_bundle_does_not_tell_how_a_store_keeps_entries(
    filled: LocalStore, tmp_path: Path, key: ArtifactKey
) -> None:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(tmp_path / "raw")})
    config.payload = "raw"
    raw = LocalStore(str(tmp_path / "raw"), config=config.in_use())
    data = export(filled, key)
    take(data, raw)
    assert Path(raw.directory, "entries/v1", key.entry_name).stat().st_size > 1 << 12
    assert export(raw, key) == data


def test_bundle_is_this_form(filled: LocalStore, key: ArtifactKey, alias_key: AliasKey) -> None:
    alias = (
        f"aliases/v1/{alias_key.alias_name}",
        Alias(alias_key, key.wasm_digest).to_bytes(),
    )
    assert export(filled, key, alias_key) == made(entry_member(key), alias)


def test_write_leaves_out_what_is_missing_or_damaged(
    filled: LocalStore, key: ArtifactKey, other_key: ArtifactKey, alias_key: AliasKey
) -> None:
    path = Path(filled.directory, "entries/v1", key.entry_name)
    path.write_bytes(path.read_bytes()[:-1])
    absent = AliasKey(bytes(32), bytes(32))
    stream = io.BytesIO()
    written = list(bundle.write(stream, filled, [key, other_key], [alias_key, absent]))
    problems = [each.problem.partition(":")[0] for each in written]
    assert problems == ["", "torn", "absent", ""]
    reader = ustar.Reader(io.BytesIO(stream.getvalue()))
    assert len(list(reader.files())) == 3


def test_write_leaves_out_a_name_that_does_not_fit(filled: LocalStore) -> None:
    key = ArtifactKey(bytes(32), bytes(32), 32 * "i", 32 * "t")
    assert filled.put(key, RAW, {}) is None
    stream = io.BytesIO()
    (written,) = bundle.write(stream, filled, [key], [])
    assert written.problem == "its name is too long for a bundle"
    assert stream.getvalue() == made()


def test_read_dry_run_stores_nothing(
    filled: LocalStore, target: LocalStore, key: ArtifactKey, alias_key: AliasKey
) -> None:
    found = take(export(filled, key, alias_key), target, dry_run=True)
    assert set(found.values()) == {bundle.IMPORTED}
    assert not Path(target.directory).exists()


def test_read_keeps_what_is_there(
    filled: LocalStore, target: LocalStore, key: ArtifactKey, alias_key: AliasKey
) -> None:
    target.put(key, b"mine", {})
    target.put_alias(alias_key, bytes(32))
    found = take(export(filled, key, alias_key), target)
    assert set(found.values()) == {bundle.DIFFERENT}
    entry = target.get(key)
    assert isinstance(entry, Entry)
    assert (bytes(entry.raw), target.get_alias(alias_key)) == (b"mine", bytes(32))


def test_read_into_a_directory_that_is_not_trusted_fails(
    filled: LocalStore, target: LocalStore, key: ArtifactKey, alias_key: AliasKey
) -> None:
    Path(target.directory).mkdir()
    Path(target.directory).chmod(0o777)
    assert set(take(export(filled, key, alias_key), target).values()) == {bundle.FAILED}
    assert_nothing_is_there(target)


def test_read_with_a_lock_takes_just_that(
    filled: LocalStore,
    target: LocalStore,
    key: ArtifactKey,
    other_key: ArtifactKey,
    alias_key: AliasKey,
    lock: Lock,
) -> None:
    assert [problem.reason for problem in check_lock(target, lock.artifacts)] == ["absent"]
    found = take(export(filled, key, other_key, alias_key), target, lock=lock)
    assert found == {
        f"entries/v1/{key.entry_name}": bundle.IMPORTED,
        f"entries/v1/{other_key.entry_name}": bundle.UNLISTED,
        f"aliases/v1/{alias_key.alias_name}": bundle.IMPORTED,
    }
    assert check_lock(target, lock.artifacts) == []


def test_read_with_a_lock_refuses_other_artifacts_and_other_modules(
    target: LocalStore, key: ArtifactKey, other_key: ArtifactKey, alias_key: AliasKey, lock: Lock
) -> None:
    wrong = Alias(alias_key, other_key.wasm_digest).to_bytes()
    data = made(entry_member(key, b"forged"), (f"aliases/v1/{alias_key.alias_name}", wrong))
    assert set(take(data, target, lock=lock).values()) == {bundle.REFUSED}
    assert_nothing_is_there(target)


def _claiming(raw_digest: bytes, key: ArtifactKey) -> bytes:
    """Another artifact in an entry whose header says that it is the one with this digest."""
    data = pack(key, b"forged", {})
    body = data[:72] + raw_digest + data[104:-DIGEST_SIZE]
    return body + digest_of(body)


def test_read_with_a_lock_does_not_take_the_headers_word_for_the_artifact(
    target: LocalStore, key: ArtifactKey, lock: Lock
) -> None:
    data = made((entry_member(key)[0], _claiming(digest_of(RAW), key)))
    assert set(take(data, target, lock=lock).values()) == {bundle.REFUSED}
    assert_nothing_is_there(target)


def test_check_lock_does_not_take_the_headers_word_for_the_artifact(
    target: LocalStore, key: ArtifactKey, lock: Lock
) -> None:
    assert target.put(key, RAW, {}) is None
    path = Path(target.directory) / "entries" / "v1" / key.entry_name
    path.write_bytes(_claiming(digest_of(RAW), key))
    (artifact,) = lock.artifacts
    (problem,) = check_lock(target, [replace(artifact, text=None)])
    assert problem.reason == "different"


def test_check_lock_names_what_differs(
    target: LocalStore, key: ArtifactKey, alias_key: AliasKey, lock: Lock
) -> None:
    target.put(key, b"other", {})
    problems = check_lock(target, lock.artifacts)
    assert [each.reason for each in problems] == ["different", "absent"]
    assert str(problems[0]).startswith("demo.wat: x86-64-v3, tier optimized: different: ")
    target.put(key, RAW, {})
    target.put_alias(alias_key, bytes(32))
    (problem,) = check_lock(target, lock.artifacts)
    assert (problem.reason, problem.detail) == ("different", "its text leads to another module")
    assert check_lock(target, [replace(lock.artifacts[0], text=None)]) == []


Damage = Callable[[ArtifactKey, ArtifactKey], tuple[str, bytes]]


def _flipped(key: ArtifactKey, _: ArtifactKey) -> tuple[str, bytes]:
    name, data = entry_member(key)
    return name, data[:-1] + bytes([data[-1] ^ 1])


def _torn(key: ArtifactKey, _: ArtifactKey) -> tuple[str, bytes]:
    name, data = entry_member(key)
    return name, data[:-1]


def _longer(key: ArtifactKey, _: ArtifactKey) -> tuple[str, bytes]:
    name, data = entry_member(key)
    return name, data + bytes(40)


def _another_ones(key: ArtifactKey, other: ArtifactKey) -> tuple[str, bytes]:
    return entry_member(key)[0], entry_member(other)[1]


def _empty(key: ArtifactKey, _: ArtifactKey) -> tuple[str, bytes]:
    return entry_member(key)[0], b""


def _manifest_of_another_key(key: ArtifactKey, other: ArtifactKey) -> tuple[str, bytes]:
    """Intact in itself: the header has one key, the manifest and the name the other."""
    name, data = entry_member(key)
    body = data[:16] + other.digest + data[48:-DIGEST_SIZE]
    return name, body + digest_of(body)


@pytest.mark.parametrize(
    "damage", [_flipped, _torn, _longer, _another_ones, _empty, _manifest_of_another_key]
)
def test_read_refuses_an_entry_that_is_wrong_and_takes_the_others(
    target: LocalStore, key: ArtifactKey, other_key: ArtifactKey, damage: Damage
) -> None:
    # In the order of their names.
    right, wrong = (other_key, key) if other_key.entry_name < key.entry_name else (key, other_key)
    data = made(entry_member(right), damage(wrong, right))
    assert list(take(data, target).values()) == [bundle.IMPORTED, bundle.REFUSED]
    assert verify(target.directory).counts == {"ok": 1}


@pytest.mark.parametrize(
    "name",
    [
        "entries/v1/../../../etc/passwd",
        "entries/v1//etc/passwd",
        "entries/v1/00/../00/x",
        "entries/v1/CACHEDIR.TAG",
        "aliases/v1/../entries",
    ],
)
def test_read_refuses_names_that_nothing_of_ours_has(
    target: LocalStore, key: ArtifactKey, name: str
) -> None:
    found = take(made((name, entry_member(key)[1])), target)
    assert list(found.values()) == [bundle.REFUSED]
    assert not Path(target.directory).exists()


def test_read_refuses_an_alias_that_is_wrong(
    target: LocalStore, key: ArtifactKey, alias_key: AliasKey
) -> None:
    data = Alias(alias_key, key.wasm_digest).to_bytes()
    right = f"aliases/v1/{alias_key.alias_name}"
    other = f"aliases/v1/{AliasKey(bytes(32), bytes(32)).alias_name}"
    for name, content in ((right, data[:-1]), (right, data[:-1] + b"x"), (other, data)):
        assert list(take(made((name, content)), target).values()) == [bundle.REFUSED]
    assert_nothing_is_there(target)


def test_read_refuses_files_out_of_their_places(
    target: LocalStore, key: ArtifactKey, other_key: ArtifactKey, alias_key: AliasKey
) -> None:
    first, second = sorted((entry_member(key), entry_member(other_key)))
    alias = (f"aliases/v1/{alias_key.alias_name}", Alias(alias_key, bytes(32)).to_bytes())
    marker = (bundle.MARKER, bundle.CONTENT)
    for members in (
        (first, first),
        (second, first),
        (alias, first),
        (marker,),
        (("stats/log", b"1 2 3"),),
        (("tmp/x", b""),),
    ):
        with pytest.raises(ArchiveError, match="out of its place"):
            take(made(*members), target)


@pytest.mark.parametrize("size", [MAX_ENTRY_SIZE + 1, ustar.MAX_SIZE])
def test_read_huge_file_is_not_even_looked_at(
    target: LocalStore, key: ArtifactKey, size: int
) -> None:
    data = made()[: -len(ustar.END)] + ustar.header(entry_member(key)[0], size)
    with pytest.raises(ArchiveError, match="too large"):
        take(data, target)


def test_read_huge_claim_of_an_entry_is_refused_by_its_first_bytes(
    target: LocalStore, key: ArtifactKey
) -> None:
    name, data = entry_member(key, codec=CODEC_RAW)
    claim = data[:64] + (1 << 30).to_bytes(8, "little") + data[72:]
    assert list(take(made((name, claim)), target).values()) == [bundle.REFUSED]


def test_read_every_truncation_is_an_error(target: LocalStore, key: ArtifactKey) -> None:
    data = made(entry_member(key))
    for size in range(0, len(data), 7):
        with pytest.raises(ArchiveError):
            take(data[:size], target, dry_run=True)


@pytest.mark.parametrize("content", [b"cachewasm bundle 2\n", b"cachewasm bundle 11"])
def test_read_other_version_is_refused(target: LocalStore, content: bytes) -> None:
    data = made().replace(bundle.CONTENT, content)
    with pytest.raises(ArchiveError, match="no bundle of a version that is known"):
        take(data, target)


def test_read_damaged_anywhere_stores_nothing_wrong(
    tmp_path: Path, key: ArtifactKey, other_key: ArtifactKey, alias_key: AliasKey
) -> None:
    alias = (f"aliases/v1/{alias_key.alias_name}", Alias(alias_key, key.wasm_digest).to_bytes())
    data = made(*sorted((entry_member(key), entry_member(other_key))), alias)
    chance = random.Random(5)
    target = LocalStore(str(tmp_path / "target"))
    refused = 0
    for _ in range(300):
        at, end = sorted(chance.sample(range(len(data)), 2))
        piece = data[at : min(end, at + 600)]
        place = chance.randrange(len(data))
        cut = chance.choice((0, 1, len(piece)))
        damaged = data[:place] + piece + data[place + cut :]
        if damaged == data:
            continue
        try:
            outcomes = set(take(damaged, target).values())
        except ArchiveError:
            refused += 1
            continue
        refused += bundle.REFUSED in outcomes
    assert refused >= 295
    assert verify(target.directory).counts.keys() <= {"ok"}
    for each in (key, other_key):
        entry = target.get(each)
        assert not isinstance(entry, Entry) or bytes(entry.raw) == RAW
