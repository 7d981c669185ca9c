"""Exceptions: what they carry goes with them wherever they are copied to."""

import copy
import pickle
from collections.abc import Callable, Iterator

import pytest

import cachewasm
from cachewasm import errors
from cachewasm.errors import CachewasmError
from cachewasm.runtime.frames import Frame

FRAMES = [Frame(3, "f", None, 70, 5), Frame(0, None, "m", 40, 2)]
# Each with all of its arguments.
MADE: list[CachewasmError] = [
    CachewasmError("a", 1),
    errors.WasmtimeError("b"),
    errors.ModuleError("c", offset=0x10),
    errors.MalformedModule("d", offset=0),
    errors.InvalidModule("e", offset=None),
    errors.UnsupportedModule("f", offset=7),
    errors.TextError("g", line=3, column=14),
    errors.LinkError("h"),
    errors.ConfigError("i"),
    errors.HostError("j"),
    errors.IncompatibleArtifact("k"),
    errors.CacheMiss("l", reason="absent"),
    errors.CompileError("m"),
    errors.InternalError("n"),
    errors.ExitTrap("o", 5),
    errors.Trap("p", code=9, frames=FRAMES),
]


def _pickled(error: object) -> object:
    return pickle.loads(pickle.dumps(error))


def _subclasses(kind: type[CachewasmError]) -> Iterator[type[CachewasmError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _subclasses(each)


def _facts(error: object) -> object:
    assert isinstance(error, CachewasmError)
    attributes = {**vars(error)}
    frames = attributes.pop("frames", [])
    shown = [[getattr(frame, name) for name in Frame.__slots__] for frame in frames]
    return type(error), str(error), error.args, attributes, shown


def test_list_of_exceptions_is_complete() -> None:
    public = {kind for kind in _subclasses(CachewasmError) if kind.__name__ in cachewasm.__all__}
    assert {type(error) for error in MADE} == public


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled])
@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_copy_of_exception_has_all_its_attributes(
    copied: Callable[[object], object], error: CachewasmError
) -> None:
    error.add_note("and more")
    found = copied(error)
    assert found is not error
    assert _facts(found) == _facts(error)


def test_copy_of_trap_keeps_its_code() -> None:
    trap = pickle.loads(pickle.dumps(errors.Trap("p", code=9)))
    assert trap.trap_code is cachewasm.TrapCode.UNREACHABLE


def test_copy_of_exception_of_an_application_does_not_call_its_constructor() -> None:
    found = _pickled(Refusal(3, reason="no"))
    assert isinstance(found, Refusal)
    assert (str(found), found.number, found.reason) == ("refused", 3, "no")


class Refusal(errors.WasmtimeError):
    def __init__(self, number: int, *, reason: str) -> None:
        super().__init__("refused")
        self.number = number
        self.reason = reason
