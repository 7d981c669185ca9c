"""Real artifacts, altered field by field: each is refused with its own sentence, and nothing is mapped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cachewasm
from cachewasm import Config, Engine, IncompatibleArtifact, Module
from cachewasm.artifact.format import ENGINE_SECTION, SECTION_HEADER
from cachewasm.artifact.reader import Artifact
from cachewasm.engine import encoding, host, metadata
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.flags import DEFAULT_FLAGS, SharedFlags
from cachewasm.engine.isa import X86_64
from cachewasm.engine.tunables import TUNABLES, Tunable, Tunables
from cachewasm.loader import image
from cachewasm.wasm import features

from .forged import with_engine_section

TEXT = (
    '(module (memory 1) (data (i32.const 0) "data") (func (export "f") (result i32) i32.const 7))'
)
OTHER_ARCH = "aarch64" if host.machine() == X86_64 else "x86_64"
OTHER_TARGET = "armv8-a" if host.machine() == X86_64 else "x86-64-v1"
CONTEXT = "compilation settings of module incompatible with native host\n\nCaused by:\n    "

# The flags that an artifact may have otherwise and be loaded: how fast code is, and which NaNs it makes.
IGNORED_FLAGS = {
    *("baseline_opt_level", "optimized_opt_level"),
    *("opt_level", "enable_nan_canonicalization"),
}

# What is said of a section table that lies, however it does.
SENTENCES_OF_LIES = (
    *("failed to parse", "failed to find section", "the artifact is damaged"),
    *("invalid engine section", "damaged engine section", "engine section too small"),
    "mismatched version in engine section",
)

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def engine() -> Engine:
    config = Config()
    config.cache = False
    return Engine(config)


@pytest.fixture(scope="module")
def encoded(engine: Engine) -> bytes:
    return engine.precompile_module(TEXT)


@pytest.fixture
def refused(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Refused:
    """The one sentence with which bytes are refused as such and as a file; they are never mapped."""

    def never(artifact: Artifact) -> None:
        raise AssertionError("an artifact was mapped that must not be")

    def refuse(data: bytes, by: Engine = engine) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(image, "load", never)
            with pytest.raises(IncompatibleArtifact) as caught:
                Module.deserialize(by, data)
            path = tmp_path / "artifact"
            path.write_bytes(data)
            with pytest.raises(IncompatibleArtifact) as again:
                Module.deserialize_file(by, path)
        assert str(again.value) == str(caught.value)
        return str(caught.value)

    return refuse


def section_with(env: CompileEnvironment, version: str | None = None, **changed: bytes) -> bytes:
    """The engine section with the values of some fields replaced."""
    _, reader = metadata.decode_version(metadata.encode(env, "optimized"))
    values: dict[str, bytes] = {}
    while "tier" not in values:
        name = reader.text()
        values[name] = reader.blob()
    reader.finish()
    assert changed.keys() <= values.keys()
    values |= changed
    text = (env.module_version if version is None else version).encode()
    fields = b"".join(encoding.field(name, value) for name, value in values.items())
    return bytes((metadata.LAYOUT, len(text))) + text + fields


def altered(engine: Engine, encoded: bytes, **changed: Any) -> bytes:
    return with_engine_section(encoded, section_with(engine._environment, **changed))


def flags_with(env: CompileEnvironment, name: str, value: bool | int | str) -> bytes:
    items = dict(env.flags.items) | {name: value}
    return SharedFlags(items.items()).to_bytes()


def tunables_with(env: CompileEnvironment, tunable: Tunable) -> bytes:
    """The tunables with this one set to something else."""
    values = {each.name: getattr(env.tunables, each.name) for each in TUNABLES}
    value = values[tunable.name]
    values[tunable.name] = value + (1 << 16) if tunable.is_size else not value
    return Tunables(values).to_bytes()


def test_check_of_an_artifact_that_was_not_altered_loads_it(engine: Engine, encoded: bytes) -> None:
    section = section_with(engine._environment)
    assert bytes(Artifact(encoded).section(ENGINE_SECTION)) == section
    module = Module.deserialize(engine, with_engine_section(encoded, section))
    store = cachewasm.Store(engine)
    assert cachewasm.Instance(store, module, []).exports(store)["f"](store) == 7


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"version": "45"}, "Module was compiled with incompatible version '45'"),
        ({"version": ""}, "Module was compiled with incompatible version ''"),
        (
            {"target": encoding.text(f"{OTHER_ARCH}-unknown-linux-gnu")},
            f"Module was compiled for architecture '{OTHER_ARCH}'",
        ),
        (
            {"target": encoding.text(f"{host.machine()}-unknown-freebsd")},
            "Module was compiled for operating system 'freebsd'",
        ),
        (
            {"target": encoding.text(f"{host.machine()}-apple-darwin")},
            "Module was compiled for operating system 'darwin'",
        ),
        (
            {"isa_flags": encoding.texts(["amx-tile"])},
            f'{CONTEXT}don\'t know how to test for target-specific flag "amx-tile" at runtime\n',
        ),
        (
            {"features": encoding.u64(features.DEFAULT | features.BY_NAME["gc"].bit)},
            "Module was compiled with support for WebAssembly feature `gc` "
            "but it is not enabled for the host",
        ),
        (
            {"features": encoding.u64(1 << 63)},
            "Module was compiled with support for a WebAssembly feature that is unknown to the host",
        ),
        ({"identity": b"short"}, "damaged engine section: unexpected end at byte 5"),
        ({"tier": encoding.text("turbo")}, "damaged engine section: the tier `turbo` is unknown"),
        ({"shared_flags": b"\1\0"}, "damaged engine section: unexpected end at byte 2"),
        ({"tunables": b""}, "damaged engine section: unexpected end at byte 0"),
    ],
)
def test_check_altered_field_is_refused(
    engine: Engine, encoded: bytes, refused: Refused, changed: dict[str, Any], sentence: str
) -> None:
    assert refused(altered(engine, encoded, **changed)) == sentence


def test_check_another_layout_is_refused(engine: Engine, encoded: bytes, refused: Refused) -> None:
    section = section_with(engine._environment)
    for data, sentence in (
        (b"", "invalid engine section"),
        (bytes((metadata.LAYOUT + 1,)) + section[1:], "mismatched version in engine section"),
        (section[:1], "engine section too small"),
        (section + bytes(metadata.MAX_SIZE), "invalid engine section"),
    ):
        assert refused(with_engine_section(encoded, data)) == sentence


@pytest.mark.parametrize("flag", [name for name, _ in DEFAULT_FLAGS.items])
def test_check_altered_flag_is_refused_or_on_the_list(
    engine: Engine, encoded: bytes, refused: Refused, flag: str
) -> None:
    data = altered(engine, encoded, shared_flags=flags_with(engine._environment, flag, 77))
    if flag in IGNORED_FLAGS:
        Module.deserialize(engine, data)
        return
    sentence = f'setting "{flag}" is configured to Num(77) which is not supported'
    assert refused(data) == f"{CONTEXT}{sentence}\n"


def test_check_unknown_flag_is_refused(engine: Engine, encoded: bytes, refused: Refused) -> None:
    flags = flags_with(engine._environment, "enable_magic", "a lot")
    sentence = 'unknown shared setting "enable_magic" configured to Enum("a lot")'
    assert refused(altered(engine, encoded, shared_flags=flags)) == f"{CONTEXT}{sentence}\n"


@pytest.mark.parametrize("tunable", TUNABLES, ids=lambda tunable: tunable.name)
def test_check_altered_tunable_is_refused_if_it_has_a_wording(
    engine: Engine, encoded: bytes, refused: Refused, tunable: Tunable
) -> None:
    data = altered(engine, encoded, tunables=tunables_with(engine._environment, tunable))
    if tunable.wording is None:
        Module.deserialize(engine, data)
        return
    sentence = refused(data)
    assert sentence.startswith("Module was compiled with")
    assert tunable.wording in sentence
    assert sentence.endswith("for the host")


def test_check_each_feature_that_the_host_lacks_is_refused(
    engine: Engine,
    encoded: bytes,
    refused: Refused,
    host_with: Callable[[frozenset[str]], None],
) -> None:
    own = engine.target
    for lost in own.features:
        host_with(frozenset(own.features) - {lost})
        lowest = Config()
        lowest.target, lowest.cache = own.triple, False
        if lost in Engine(lowest).target.features:
            continue
        reason = f'compilation setting "{lost}" is enabled, but not available on the host'
        assert refused(encoded, Engine(lowest)) == f"{CONTEXT}{reason}\n"


def test_check_engine_for_another_host_loads_nothing(refused: Refused) -> None:
    config = Config()
    config.target, config.cache = OTHER_TARGET, False
    foreign = Engine(config)
    data = foreign.precompile_module(TEXT)
    reason = (
        f"target '{foreign.target.triple}' specified in the configuration does not match the host"
    )
    assert refused(data, foreign) == (
        "compilation settings are not compatible with the native host\n\n"
        f"Caused by:\n    {reason}\n"
    )
    assert refused(data) == f"Module was compiled for architecture '{OTHER_ARCH}'"


def test_check_machine_that_the_header_alone_tells_is_refused(
    engine: Engine, refused: Refused
) -> None:
    config = Config()
    config.target, config.cache = OTHER_TARGET, False
    foreign = Engine(config).precompile_module(TEXT)
    data = with_engine_section(foreign, section_with(engine._environment))
    assert refused(data) == f"Module was compiled for architecture '{OTHER_ARCH}'"


def test_check_tells_of_the_first_field_that_does_not_fit(
    engine: Engine, encoded: bytes, refused: Refused
) -> None:
    env = engine._environment
    wrong: dict[str, Any] = {
        "version": "45",
        "target": encoding.text("sparc-unknown-freebsd"),
        "shared_flags": flags_with(env, "is_pic", False),
        "isa_flags": encoding.texts(["warp"]),
        "tunables": tunables_with(env, next(t for t in TUNABLES if t.wording)),
        "features": encoding.u64(1 << 63),
    }
    told = ["version", "architecture", "operating system", "is_pic", "warp", "for the host"]
    right = {
        "target": encoding.text(f"{host.machine()}-unknown-freebsd"),
    }
    for word in told[:2]:
        assert word in refused(altered(engine, encoded, **wrong))
        del wrong[next(iter(wrong))]
    for word, name in zip(
        told[2:], ["target", "shared_flags", "isa_flags", "tunables"], strict=True
    ):
        assert word in refused(altered(engine, encoded, **(right | wrong)))
        right = {}
        wrong.pop(name, None)
    assert "WebAssembly feature that is unknown" in refused(altered(engine, encoded, **wrong))


def test_check_truncated_anywhere_is_refused(encoded: bytes, refused: Refused) -> None:
    end = sum(Artifact(encoded).image_range)
    lengths = {0, 1, 63, 64, *range(65, 1200, 37), *range(1200, end, 4099), end, len(encoded) - 1}
    for offset, size in Artifact(encoded).sections.values():
        lengths |= {offset, offset + size - 1}
    for length in sorted(each for each in lengths if each < len(encoded)):
        sentence = refused(encoded[:length])
        assert sentence.startswith(("failed to parse", "failed to find section")), length


@pytest.mark.parametrize("field", range(10))
def test_check_lying_section_table_is_refused(encoded: bytes, refused: Refused, field: int) -> None:
    table = int.from_bytes(encoded[40:48], "little")
    for number in range(1, 1 + len(Artifact(encoded).sections)):
        at = table + number * SECTION_HEADER.size
        row = list(SECTION_HEADER.unpack_from(encoded, at))
        for value in (row[field] ^ 1, 0x7FFF_FFFF, 0):
            if row[field] == value:
                continue
            lie = [*row]
            lie[field] = value
            data = bytearray(encoded)
            SECTION_HEADER.pack_into(data, at, *lie)
            sentence = refused(bytes(data))
            assert sentence.startswith(SENTENCES_OF_LIES), sentence


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "failed to parse precompiled artifact as an ELF"),
        (b"\0asm\1\0\0\0", "failed to parse precompiled artifact as an ELF"),
        (b"\x7fELF" * 100, "failed to parse precompiled artifact as an ELF"),
        (bytes(100_000), "failed to parse precompiled artifact as an ELF"),
    ],
)
def test_check_other_files_are_refused(refused: Refused, data: bytes, sentence: str) -> None:
    assert refused(data) == sentence
    assert Engine.detect_precompiled(data) is None


def test_detect_precompiled_tells_artifacts_from_their_first_bytes(
    encoded: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "artifact"
    for data, kind in ((encoded, "module"), (encoded[:64], "module"), (encoded[:63], None)):
        path.write_bytes(data)
        assert Engine.detect_precompiled(data) == kind
        assert Engine.detect_precompiled_file(path) == kind
