"""Memories that begin as mapped images: the same bytes as if they were copied, in every case."""

import gc
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import cachewasm
from cachewasm.abi.vmctx import MEMORY
from cachewasm.loader import image, native
from cachewasm.runtime.linear import LinearMemory

PAGE = 65536
HUGE = 3 * PAGE

pytestmark = pytest.mark.usefixtures("own")


def text(size: int, letter: str) -> str:
    return f'"{letter * size}"'


MODULES = {
    "one segment": f'(memory (export "m") 5) (data (i32.const 100) {text(HUGE, "a")})',
    "aligned": f'(memory (export "m") 5) (data (i32.const 65536) {text(HUGE, "a")})',
    "up to the end": f'(memory (export "m") 3) (data (i32.const 0) {text(HUGE, "a")})',
    "overlaps": f"""(memory (export "m") 5)
        (data (i32.const 5000) {text(HUGE, "a")}) (data (i32.const 9000) {text(9000, "b")})
        (data (i32.const 1) {text(10000, "c")})""",
    "many holes": '(memory (export "m") 40)'
    + "".join(f"(data (i32.const {i * 80_000}) {text(12_000, 'abc'[i % 3])})" for i in range(30)),
    "passive and empty": f"""(memory (export "m") 5)
        (data "passive") (data (i32.const 70000) {text(HUGE, "a")}) (data (i32.const 327680) "")
        (data $p "more") (func (export "init")
          (memory.init $p (i32.const 7) (i32.const 0) (i32.const 4))
          (memory.init 0 (i32.const 20) (i32.const 0) (i32.const 7)))""",
    "two memories": f"""(memory (export "m") 5) (memory (export "n") 4)
        (data (memory 1) (i32.const 4096) {text(HUGE, "x")}) (data (i32.const 9) {text(HUGE, "a")})
        (data (memory 1) (i32.const 20) {text(PAGE, "y")})""",
    "start function": f"""(memory (export "m") 5) (data (i32.const 8) {text(HUGE, "a")})
        (func $s (i32.store8 (i32.const 70000) (i32.const 1))) (start $s)""",
}


def engine(**options: Any) -> cachewasm.Engine:
    config = cachewasm.Config()
    for name, value in options.items():
        setattr(config, name, value)
    return cachewasm.Engine(config)


def contents(package: Any, made: Any, source: str) -> list[bytes]:
    store = package.Store(made)
    module = package.Module(made, f"(module {source})")
    exports = package.Instance(store, module, []).exports(store)
    if "init" in [export.name for export in module.exports]:
        exports["init"](store)
    names = [export.name for export in module.exports if export.name in "mn"]
    return [bytes(exports[name].read(store, 0, None)) for name in names]


def mapped_files(memory: Any) -> list[str]:
    """The files whose pages a memory has."""
    base = native.read_u64(memory._definition + MEMORY.base)
    end = base + native.read_u64(memory._definition + MEMORY.length)
    found = []
    with open("/proc/self/maps") as maps:
        for line in maps:
            low, high, name = re.match(r"(\w+)-(\w+) \S+ \S+ \S+ \S+ *(.*)", line).groups()  # type: ignore[union-attr]
            if int(low, 16) < end and int(high, 16) > base and name.startswith("/memfd:"):
                found.append(name)
    return found


@pytest.mark.parametrize("source", MODULES.values(), ids=MODULES)
def test_image_is_what_copying_makes(source: str) -> None:
    expected = contents(wasmtime, wasmtime.Engine(), source)
    assert contents(cachewasm, engine(), source) == expected
    assert contents(cachewasm, engine(memory_init_cow=False), source) == expected


def exported(made: cachewasm.Engine, source: str) -> tuple[cachewasm.Store, Any]:
    store = cachewasm.Store(made)
    module = cachewasm.Module(made, f"(module {source})")
    return store, cachewasm.Instance(store, module, []).exports(store)


@pytest.mark.parametrize("source", MODULES.values(), ids=MODULES)
def test_image_is_mapped_with_the_option_and_not_without(source: str) -> None:
    _, exports = exported(engine(), source)
    assert mapped_files(exports["m"])
    _, exports = exported(engine(memory_init_cow=False), source)
    assert not mapped_files(exports["m"])


def test_image_writes_stay_in_their_instance() -> None:
    made = engine()
    module = cachewasm.Module(made, f"(module {MODULES['aligned']})")
    stores = [cachewasm.Store(made) for _ in range(3)]
    memories: list[Any] = [
        cachewasm.Instance(store, module, []).exports(store)["m"] for store in stores[:2]
    ]
    for number, (store, memory) in enumerate(zip(stores, memories, strict=False)):
        memory.write(store, bytes([number]) * 9, PAGE)
    for number, (store, memory) in enumerate(zip(stores, memories, strict=False)):
        assert memory.read(store, PAGE, PAGE + 10) == bytes([number]) * 9 + b"a"
    third: Any = cachewasm.Instance(stores[2], module, []).exports(stores[2])["m"]
    assert third.read(stores[2], PAGE, PAGE + 10) == b"a" * 10
    loaded = cachewasm.Module.deserialize(made, bytes(module.serialize()))
    again: Any = cachewasm.Instance(stores[2], loaded, []).exports(stores[2])["m"]
    assert again.read(stores[2], PAGE, PAGE + 10) == b"a" * 10


def private_kib(memory: Any) -> int:
    """How much of a memory's images its instance has for itself."""
    base = native.read_u64(memory._definition + MEMORY.base)
    end = base + native.read_u64(memory._definition + MEMORY.length)
    total, inside = 0, False
    with open("/proc/self/smaps") as maps:
        for line in maps:
            if found := re.match(r"(\w+)-(\w+) \S+ \S+ \S+ \S+ *(.*)", line):
                start, name = int(found[1], 16), found[3]
                inside = base <= start < end and name.startswith("/memfd:")
            elif inside and line.startswith("Anonymous:"):
                total += int(line.split()[1])
    return total


def test_image_pages_are_shared_until_they_are_written() -> None:
    store, exports = exported(engine(), MODULES["aligned"])
    memory = exports["m"]
    assert memory.read(store, PAGE, PAGE + HUGE) == b"a" * HUGE
    assert private_kib(memory) == 0
    memory.write(store, b"b", PAGE)
    assert private_kib(memory) * 1024 == os.sysconf("SC_PAGE_SIZE")


def test_image_memory_grows_behind_its_image() -> None:
    store, exports = exported(engine(), MODULES["up to the end"])
    assert exports["m"].grow(store, 2) == 3
    assert exports["m"].read(store, HUGE - 1, HUGE + 2 * PAGE) == b"a" + bytes(2 * PAGE)


def test_image_outlives_its_module() -> None:
    store, exports = exported(engine(), MODULES["one segment"])
    assert exports["m"].read(store, 100, 100 + HUGE) == b"a" * HUGE


def _refuse(*arguments: object, **keywords: object) -> int:
    raise OSError(38, "Function not implemented")


def _no_memfd(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "memfd_create", _refuse)


def _no_more_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(image, "_MAX_FILES", 0)


def _no_mapping(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(image.SealedCopy, "map_over", _refuse)


def _movable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LinearMemory, "movable", True)


def _larger_pages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("cachewasm.runtime.memory_images._PAGE", 1 << 20)


@pytest.mark.parametrize(
    "obstacle", [_no_memfd, _no_more_files, _no_mapping, _movable, _larger_pages]
)
@pytest.mark.parametrize("name", ["overlaps", "many holes", "two memories"])
def test_image_that_cannot_be_mapped_is_copied(
    obstacle: Callable[[pytest.MonkeyPatch], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = contents(wasmtime, wasmtime.Engine(), MODULES[name])
    made = engine(cache=False)
    obstacle(monkeypatch)
    assert contents(cachewasm, made, MODULES[name]) == expected
    _, exports = exported(made, MODULES[name])
    assert not mapped_files(exports["m"])


def test_image_files_are_closed_with_their_modules() -> None:
    gc.collect()  # what other tests left
    before = len(image._kept_files)
    made = engine()
    module = cachewasm.Module(made, f"(module {MODULES['aligned']})")
    small = cachewasm.Module(made, '(module (memory 1) (data (i32.const 0) "small"))')
    store = cachewasm.Store(made)
    assert len(image._kept_files) == before
    for each in (small, module, module):
        cachewasm.Instance(store, each, [])
    assert len(image._kept_files) == before + 1
    del module, small, each, store
    gc.collect()
    assert len(image._kept_files) == before


LARGE = f'(memory (export "m") 30) (data (i32.const 65536) {text(20 * PAGE, "a")})'


def _on_huge_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use = tmp_path / "enabled"
    use.write_text("always [madvise] never")
    monkeypatch.setattr(image, "_SWITCH", str(use))


def test_images_of_an_artifact_on_huge_pages_have_a_file_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _on_huge_pages(monkeypatch, tmp_path)
    gc.collect()
    before = len(image._kept_files)
    made = engine()
    module = cachewasm.Module(made, f"(module {LARGE})")
    assert len(image._kept_files) == before
    store = cachewasm.Store(made)
    memories = [cachewasm.Instance(store, module, []).exports(store)["m"] for _ in range(2)]
    assert len(image._kept_files) == before + 1
    for memory in memories:
        assert isinstance(memory, cachewasm.Memory)
        assert mapped_files(memory)
        assert memory.read(store, PAGE - 1, 21 * PAGE + 1) == b"\0" + b"a" * (20 * PAGE) + b"\0"
        memory.write(store, b"b", PAGE)
    del module, store, memories, memory
    gc.collect()
    assert len(image._kept_files) == before


def test_images_of_an_artifact_on_huge_pages_without_a_file_are_copied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _on_huge_pages(monkeypatch, tmp_path)
    made = engine()
    store = cachewasm.Store(made)
    module = cachewasm.Module(made, f"(module {LARGE})")
    _no_memfd(monkeypatch)
    memory = cachewasm.Instance(store, module, []).exports(store)["m"]
    assert isinstance(memory, cachewasm.Memory)
    assert not mapped_files(memory)
    assert memory.read(store, PAGE, 21 * PAGE) == b"a" * (20 * PAGE)


IMPORTING = f"""(module (import "" "m" (memory 1)) (import "" "g" (global $g i32))
  (memory (export "own") 5) (data (i32.const 3) "first")
  (data (memory 1) (i32.const 0) {text(HUGE, "a")})
  (data (memory 0) (global.get $g) "last"))"""


@pytest.mark.parametrize("cow", [True, False])
@pytest.mark.parametrize(("offset", "fits"), [(9, True), (PAGE - 3, False)])
def test_data_of_an_imported_memory_is_written_in_order_up_to_what_does_not_fit(
    cow: bool, offset: int, fits: bool
) -> None:
    made = engine(memory_init_cow=cow)
    store = cachewasm.Store(made)
    memory = cachewasm.Memory(store, cachewasm.MemoryType(cachewasm.Limits(1)))
    place = cachewasm.Global(
        store, cachewasm.GlobalType(cachewasm.ValType.i32(), False), cachewasm.Val.i32(offset)
    )
    module = cachewasm.Module(made, IMPORTING)
    if fits:
        exports: Any = cachewasm.Instance(store, module, [memory, place]).exports(store)
        assert exports["own"].read(store, 0, HUGE) == b"a" * HUGE
        assert memory.read(store, 9, 13) == b"last"
    else:
        with pytest.raises(cachewasm.Trap, match="out of bounds memory access"):
            cachewasm.Instance(store, module, [memory, place])
    assert memory.read(store, 3, 8) == b"first"


FAILING = f"""(module (import "" "t" (table 1 funcref)) (memory 5)
  (func $byte (param i32) (result i32) (i32.load8_u (local.get 0)))
  (elem (i32.const 0) $byte)
  (data (i32.const 0) {text(HUGE, "a")})
  (data (i32.const 327679) "does not fit"))"""


@pytest.mark.parametrize("cow", [True, False])
def test_data_that_cannot_fit_leaves_what_was_written_before(cow: bool) -> None:
    made = engine(memory_init_cow=cow)
    store = cachewasm.Store(made)
    table = cachewasm.Table(
        store, cachewasm.TableType(cachewasm.ValType.funcref(), cachewasm.Limits(1)), None
    )
    with pytest.raises(cachewasm.Trap, match="out of bounds memory access"):
        cachewasm.Instance(store, cachewasm.Module(made, FAILING), [table])
    byte: Any = table.get(store, 0)
    assert [byte(store, at) for at in (0, HUGE - 1, HUGE)] == [97, 97, 0]
