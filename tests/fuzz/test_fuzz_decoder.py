"""The decoder on damaged modules: a Module or a ModuleError, little memory, no hang."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.bounded import run_bounded
from tests.fuzz.checks import check_decoder
from tests.fuzz.mutation import Edit, edited, edited_inside, edits
from tests.fuzz.seeds import Corpus

EXAMPLES = settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@EXAMPLES
@given(data=st.binary(max_size=300))
def test_decode_random_sections_is_module_or_error(data: bytes) -> None:
    check_decoder(b"\0asm\1\0\0\0" + data)


@EXAMPLES
@given(seed=st.integers(0, 65535), changes=edits)
def test_decode_edited_bytes_is_module_or_error(
    seed_binaries: Corpus[bytes], seed: int, changes: list[Edit]
) -> None:
    check_decoder(edited(seed_binaries[seed], changes))


@EXAMPLES
@given(
    seed=st.integers(0, 65535),
    section=st.integers(0, 255),
    body=st.integers(0, 255),
    changes=edits,
)
def test_decode_edited_section_is_module_or_error(
    seed_binaries: Corpus[bytes], seed: int, section: int, body: int, changes: list[Edit]
) -> None:
    check_decoder(edited_inside(seed_binaries[seed], section, body, changes))


def test_decode_lying_counts_allocates_nothing() -> None:
    # Every section with the greatest count there is, and a few megabytes that are not its items.
    script = """
from cachewasm.errors import ModuleError
from cachewasm.wasm import features
from cachewasm.wasm.decode import SECTION_ORDER, decode
from cachewasm.wasm.leb128 import unsigned
for section in SECTION_ORDER:
    for count in (b"\\xff\\xff\\xff\\xff\\x0f", unsigned(3_000_000), unsigned(100_000)):
        for filler in (b"\\0", b"\\x60", b"\\xff", b"\\x01"):
            content = count + filler * 3_000_000
            wasm = b"\\0asm\\1\\0\\0\\0" + bytes([section]) + unsigned(len(content)) + content
            try:
                decode(wasm, features.IMPLEMENTED)
            except ModuleError:
                continue
print("done")
"""
    assert run_bounded(script, seconds=60) == "done"


def test_decode_names_of_10_mb_are_refused_or_ignored() -> None:
    script = """
from cachewasm.errors import UnsupportedModule
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.leb128 import unsigned
def section(code, content):
    return bytes([code]) + unsigned(len(content)) + content
name = unsigned(10_000_000) + b"n" * 10_000_000
header = b"\\0asm\\1\\0\\0\\0"
for wasm in (
    header + section(0, name),
    header + section(2, b"\\1" + name + b"\\0\\3\\x7f\\0"),
    header + section(5, b"\\1\\0\\1") + section(7, b"\\1" + name + b"\\2\\0"),
):
    try:
        decode(wasm, features.IMPLEMENTED)
    except UnsupportedModule:
        print("refused", end=" ")
function_name = section(1, b"\\1\\0" + name)
print(decode(header + section(0, b"\\4name" + function_name), features.IMPLEMENTED).names.funcs)
"""
    assert run_bounded(script) == "refused refused refused {}"
