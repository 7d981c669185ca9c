"""Types: one object per value type, also after copying and pickling."""

import copy
import pickle
from collections.abc import Callable

import pytest

from cachewasm.wasm import types
from cachewasm.wasm.types import ValType


def _pickled(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


COPIES = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled])


@COPIES
@pytest.mark.parametrize("valtype", types.VALTYPES, ids=str)
def test_copy_of_value_type_is_the_same_object(
    copied: Callable[[object], object], valtype: ValType
) -> None:
    assert copied(valtype) is valtype


@COPIES
def test_copy_of_extern_type_is_equal(copied: Callable[[object], object]) -> None:
    functype = types.FuncType([types.I32, types.V128], [types.FUNCREF])
    limits = types.Limits(1, 2)
    found: list[object] = [
        functype,
        types.TableType(types.EXTERNREF, limits),
        types.MemoryType(limits),
        types.GlobalType(types.F64, True),
        types.TagType(functype),
    ]
    assert [copied(each) for each in found] == found
