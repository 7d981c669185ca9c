"""The contract between compiled code and the runtime: structures that must agree, tables without gaps."""

import ast
from pathlib import Path

import pytest

from cachewasm.abi import builtins, process, support, traps, vmctx
from cachewasm.abi.layout import Layout

LAYOUTS = [value for value in vars(vmctx).values() if isinstance(value, Layout)]


@pytest.mark.parametrize(
    ("head", "whole"),
    [
        (vmctx.CONTEXT, vmctx.INSTANCE),
        (vmctx.CONTEXT, vmctx.HOST),
        (vmctx.SPAN, vmctx.MEMORY),
        (vmctx.SPAN, vmctx.TABLE),
        (vmctx.SPAN, vmctx.SEGMENT),
    ],
    ids=lambda layout: layout.name,
)
def test_layout_with_a_common_head_begins_with_it(head: Layout, whole: Layout) -> None:
    for field, offset in head.offsets.items():
        assert whole.offsets[field] == offset


@pytest.mark.parametrize("layout", [*LAYOUTS, process.PROCESS], ids=lambda layout: layout.name)
def test_layout_fields_do_not_overlap(layout: Layout) -> None:
    offsets = list(layout.offsets.values())
    assert offsets == sorted(set(offsets))
    assert offsets[-1] < layout.size


def test_layout_unknown_field_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="StoreContext has no field 'nothing'"):
        _ = vmctx.STORE.nothing


@pytest.mark.parametrize("field", ["size", "name", "offsets", "twice"])
def test_layout_field_that_would_hide_another_name_is_refused(field: str) -> None:
    with pytest.raises(AssertionError, match=f"L.{field} is taken"):
        Layout("L", ("twice", 8), (field, 8))


def test_activation_keeps_room_for_the_jump_buffer() -> None:
    # glibc: 200 bytes on x86-64, 312 on AArch64.
    assert vmctx.ACTIVATION.offsets["previous"] >= 312
    assert vmctx.ACTIVATION.offsets["jump_buffer"] == 0
    assert vmctx.ACTIVATION.size % 16 == 0


def test_instance_layout_parts_follow_each_other() -> None:
    layout = vmctx.InstanceLayout(
        imported_funcs=3,
        imported_globals=1,
        memories=2,
        tables=1,
        defined_globals=5,
        data=2,
        elements=1,
        funcrefs=4,
    )
    starts = (
        layout.imported_funcs,
        layout.memories,
        layout.tables,
        layout.imported_globals,
        layout.defined_globals,
        layout.data,
        layout.elements,
        layout.funcrefs,
        layout.size,
    )
    assert layout.imported_funcs == vmctx.INSTANCE.size
    assert list(starts) == sorted(starts)
    # An instance writes these at once.
    assert layout.memories == layout.imported_funcs + 3 * vmctx.IMPORTED_FUNC.size
    assert layout.tables == layout.memories + 2 * 8
    assert layout.imported_globals == layout.tables + 1 * 8
    assert layout.defined_globals % vmctx.GLOBAL_CELL_SIZE == 0
    assert layout.size - layout.funcrefs == 4 * vmctx.FUNCREF.size


def test_support_symbols_are_distinct_and_name_every_builtin() -> None:
    assert len(set(support.SYMBOLS)) == len(support.SYMBOLS)
    assert {name for name, _, _ in builtins.BUILTINS} <= set(support.SYMBOLS)


def _trap_rows() -> list[tuple[int, str]]:
    return [*((code, name) for code, name, _ in traps.TRAPS), *traps.NEVER_RAISED]


def test_trap_code_enum_has_every_row() -> None:
    assert {member.name: member.value for member in traps.TrapCode} == {
        name: code for code, name in _trap_rows()
    }
    assert traps.HOST_EXCEPTION not in traps.MESSAGES


def test_trap_code_for_type_checkers_has_every_row() -> None:
    tree = ast.parse(Path(traps.__file__).read_text())
    (shown,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "TrapCode"
    )
    members = [ast.unparse(node) for node in shown.body if isinstance(node, ast.Assign)]
    assert members == [f"{name} = {code}" for code, name in _trap_rows()]


def test_trap_codes_are_those_of_the_drop_in_api() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    expected = {member.name: member.value for member in wasmtime.TrapCode}
    assert {member.name: member.value for member in traps.TrapCode} == expected


def test_trap_codes_that_are_never_raised_have_no_message_and_no_constant() -> None:
    for code, name in traps.NEVER_RAISED:
        assert code not in traps.MESSAGES
        assert name not in vars(traps)
