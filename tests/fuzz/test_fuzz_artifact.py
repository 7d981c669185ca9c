"""The readers of an artifact on damaged bytes: a value or IncompatibleArtifact, little memory.

No damaged artifact is loaded here: its code might be what was damaged, and only the digest over an
entry, or whoever calls `Module.deserialize`, vouches for code. Everything that reads the rest must
stand any bytes all the same.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachewasm.artifact import addrmap, names
from cachewasm.artifact.detect import detect
from cachewasm.artifact.format import (
    ADDRMAP_SECTION,
    ENGINE_SECTION,
    INFO_SECTION,
    NAMES_SECTION,
)
from cachewasm.artifact.info import ModuleInfo
from cachewasm.artifact.reader import Artifact
from cachewasm.compiler.client import compile_module
from cachewasm.engine import metadata
from cachewasm.errors import IncompatibleArtifact
from cachewasm.runtime.engine import Engine
from cachewasm.wasm import constexpr
from tests.fuzz.bounded import within
from tests.fuzz.mutation import Edit, edited, edits
from tests.property.programs.program import CHOICES, generate

EXAMPLES = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MEMORY = 4 << 20
LAZY = (
    *("types", "imports", "exports", "tables", "memories", "globals", "global_inits"),
    *("elements", "data_segments", "name"),
)


@pytest.fixture(scope="module")
def artifact() -> bytes:
    """The artifact of a module with something in every section."""
    wasm = generate(bytes(range(256)) * (CHOICES // 256)).wasm
    name_section = b"\x04name\x00\x04\x03mod\x01\x07\x02\x02\x01a\x03\x01b"
    wasm += b"\x00" + bytes([len(name_section)]) + name_section
    return compile_module(Engine()._environment, "baseline", wasm).artifact


def _bounded(read: Callable[[], None]) -> None:
    within(MEMORY, read, IncompatibleArtifact)


def _read_info(section: memoryview) -> None:
    info = ModuleInfo(section)
    for name in LAZY:
        try:
            getattr(info, name)
        except IncompatibleArtifact:
            continue
    for segment in info.elements:
        assert segment.rows is None or len(segment.rows) == 4 * segment.count


def _read_names(section: memoryview) -> None:
    for funcidx in (0, 2, 3, 1000, 0xFFFFFFFF):
        names.lookup(section, funcidx)


def _read_addresses(section: memoryview) -> None:
    for offset in (0, 1, 100, 0x7FFFFFFF, 0xFFFFFFFF):
        addrmap.lookup(section, offset)


def _read_engine(section: memoryview) -> None:
    metadata.decode(bytes(section))


READERS: dict[str, Callable[[memoryview], None]] = {
    INFO_SECTION: _read_info,
    NAMES_SECTION: _read_names,
    ADDRMAP_SECTION: _read_addresses,
    ENGINE_SECTION: _read_engine,
}


@EXAMPLES
@given(changes=edits)
def test_artifact_edited_headers_are_read_or_refused(artifact: bytes, changes: list[Edit]) -> None:
    # Headers lie at both ends of the file; the middle is code.
    head, rest = artifact[:64], artifact[64:]
    table = int.from_bytes(head[40:48], "little") - 64
    for damaged in (
        edited(head, changes) + rest,
        head + rest[:table] + edited(rest[table:], changes),
        edited(artifact, changes),
    ):
        detect(damaged[:64])

        def read(damaged: bytes = damaged) -> None:
            found = Artifact(damaged)
            for name in found.sections:
                found.section(name)
            offset, size = found.image_range
            assert offset + size <= len(damaged)

        _bounded(read)


@pytest.mark.parametrize("section", READERS)
@EXAMPLES
@given(changes=edits)
def test_artifact_edited_section_is_read_or_refused(
    artifact: bytes, section: str, changes: list[Edit]
) -> None:
    content = bytes(Artifact(artifact).section(section))
    assert content
    damaged = memoryview(edited(content, changes))
    _bounded(lambda: READERS[section](damaged))


@pytest.mark.parametrize("section", READERS)
@EXAMPLES
@given(data=st.binary(max_size=300))
def test_artifact_random_section_is_read_or_refused(section: str, data: bytes) -> None:
    _bounded(lambda: READERS[section](memoryview(data)))


@EXAMPLES
@given(data=st.binary(max_size=90))
def test_constexpr_random_bytes_are_one_value_or_refused(data: bytes) -> None:
    def read() -> None:
        expr = constexpr.from_bytes(data)
        constexpr.evaluate(expr, lambda _: 1, lambda _: 2)

    _bounded(read)
