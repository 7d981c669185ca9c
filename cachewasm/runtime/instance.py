"""`Instance`: a module brought to life in a store (specification, section 4.5.4).

Builds the InstanceContext that compiled code works on, then runs the module's initialisation in
the specified order: globals, element segments, data segments, start function. On the warm path.
"""

import ctypes

from cachewasm.abi.vmctx import (
    FUNCREF,
    GLOBAL_CELL_SIZE,
    HOST,
    MEMORY,
    SEGMENT,
    TABLE,
)
from cachewasm.artifact.info import ACTIVE, DATA_COPY_WORDS, PASSIVE
from cachewasm.errors import IncompatibleArtifact, LinkError, Trap, WasmtimeError
from cachewasm.loader import native
from cachewasm.managed import ALREADY_CLOSED, Uncopied
from cachewasm.runtime import externs
from cachewasm.runtime.func import funcref_of, host_funcrefs
from cachewasm.runtime.global_ import Global, read_cell, write_cell
from cachewasm.runtime.host_functions import HostFunction
from cachewasm.runtime.memory import Memory
from cachewasm.runtime.memory_images import MIN_MAPPED
from cachewasm.runtime.module import Module
from cachewasm.runtime.store import Store, store_of
from cachewasm.runtime.table import Table
from cachewasm.wasm import constexpr
from cachewasm.wasm.types import FUNC, GLOBAL, TAG, TagType
from cachewasm.wasm.types import MEMORY as MEMORY_KIND
from cachewasm.wasm.types import TABLE as TABLE_KIND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cachewasm.artifact.info import ElementDef, ModuleInfo
    from cachewasm.runtime.caller import Caller
    from cachewasm.runtime.externs import Extern
    from cachewasm.runtime.memory_images import MemoryImage
    from cachewasm.wasm.constexpr import ConstExpr

# SAFETY: prototypes of the support image's init_funcrefs, init_references and init_data.
_INIT_FUNCREFS = ctypes.CFUNCTYPE(
    None,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
_INIT_REFERENCES = ctypes.CFUNCTYPE(
    None,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_uint64,
    ctypes.c_size_t,
)
_INIT_DATA = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_uint64,
    ctypes.c_size_t,
    ctypes.c_uint64,
)


class Instance(Uncopied):
    """An instance of a module; it lives as long as its store."""

    __slots__ = (
        "_cells",
        "_context",
        "_exports",
        "_memories",
        "_module",
        "_store",
        "_tables",
        "_tags",
    )

    def __init__(
        self, store: "Store | Caller", module: Module, imports: "Sequence[Extern | HostFunction]"
    ) -> None:
        """Raises LinkError if `imports` do not fit, Trap or what a host function raises if
        initialisation fails. A linker's functions may stand among the imports.
        """
        if not isinstance(module, Module):
            raise TypeError("expected a Module")
        if module._closed:
            raise ValueError(ALREADY_CLOSED)
        self._instantiate(store, module, imports)

    def _instantiate(
        self, store: "Store | Caller", module: Module, imports: "Sequence[Extern | HostFunction]"
    ) -> None:
        owner = store_of(store)
        owner._check_thread()
        self._store = owner
        self._module = module
        self._exports: InstanceExports | None = None
        self._check(imports)
        if owner.engine._environment.tunables.signals_based_traps:
            owner._support.catch_faults()
        module._register(owner)
        # Imported ones first: definitions with their types, and cells of globals.
        self._memories: list[Memory] = []
        self._tables: list[Table] = []
        self._cells: list[int] = []
        self._tags: list[int] = []
        self._context = owner._allocate(module._layout.size)
        # From here on the store keeps what exists, even if initialisation fails: tables of other
        # instances may refer to this one by then.
        owner._instances[self._context] = self
        self._fill_context(imports)
        self._initialize()

    def _check(self, imports: "Sequence[Extern | HostFunction]") -> None:
        store, module = self._store, self._module
        if module.engine is not store.engine and not module.engine._agrees_with(store.engine):
            raise WasmtimeError("cross-`Engine` instantiation is not currently supported")
        wanted = module._wanted
        if len(imports) != len(wanted):
            raise LinkError(f"expected {len(wanted)} imports, found {len(imports)}")
        for want, item in zip(wanted, imports, strict=True):
            if isinstance(item, HostFunction):
                item.check(want)
            else:
                externs.check_import(store, want.module, want.name, want.type, item)
        store._limits.check_instance(len(store._instances))

    @property
    def _info(self) -> "ModuleInfo":
        return self._module._info

    def _fill_context(self, imports: "Sequence[Extern | HostFunction]") -> None:
        context, layout, store = self._context, self._module._layout, self._store
        funcs: list[int] = []  # an ImportedFunction is code and context
        hosts = [item.row(store) for item in imports if isinstance(item, HostFunction)]
        host_refs = iter(host_funcrefs(store, hosts)) if hosts else iter(())
        for item in imports:
            if isinstance(item, HostFunction):
                funcref, code = next(host_refs)
                funcs += (code, funcref - HOST.size)
            elif isinstance(item, Memory):
                self._memories.append(item)
            elif isinstance(item, Table):
                self._tables.append(item)
            elif isinstance(item, Global):
                self._cells.append(item._cell)
            elif type(item) is not store._func_type:
                tag: Any = item
                self._tags.append(tag._tag)
            else:
                funcref = funcref_of(item)
                funcs += [native.read_u64(funcref + at) for at in (FUNCREF.code, FUNCREF.context)]
        info = self._info
        for memory_type in info.memories[len(self._memories) :]:
            self._memories.append(Memory._of(store, store._add_memory(memory_type), memory_type))
        for table_type in info.tables[len(self._tables) :]:
            self._tables.append(Table._of(store, store._add_table(table_type, 0), table_type))
        # The parts that hold words follow each other without a gap.
        words = [
            *(store._context, store._support.builtins, self._module._type_ids),
            *funcs,
            *[memory._definition for memory in self._memories],
            *[table._definition for table in self._tables],
            *self._cells,
        ]
        # SAFETY: this instance's own context, up to the defined globals.
        native.write_words(context, words)
        defined = context + layout.defined_globals
        for i in range(len(info.globals) - len(self._cells)):
            self._cells.append(defined + i * GLOBAL_CELL_SIZE)
        if len(info.tag_typeidx):
            self._make_tags()
        lazy = self._module._lazy
        if lazy is None or not lazy.funcrefs_wait:
            self._init_funcrefs(0, len(info.escapes))

    def _make_tags(self) -> None:
        from cachewasm.runtime.tag import make_tag

        info = self._info
        for typeidx in info.tag_typeidx[len(self._tags) :]:
            self._tags.append(make_tag(self._store, TagType(info.types[typeidx])))
        # SAFETY: the layout has room for as many.
        native.write_words(self._context + self._module._layout.tags, self._tags)

    def _init_funcrefs(self, first: int, count: int) -> None:
        if count:
            # SAFETY: rows of this instance's own context, as many as its layout has room for.
            self._store._support.function("init_funcrefs", _INIT_FUNCREFS)(
                self._context, self._module._functions, first, count
            )

    # --- Initialisation

    def _initialize(self) -> None:
        info, layout, store = self._info, self._module._layout, self._store
        first = info.imported_globals
        for i, init in enumerate(info.global_inits):
            global_type = info.globals[first + i]
            write_cell(self._cells[first + i], global_type.content, self._evaluate(init))
            store._note_cell(self._cells[first + i], global_type.content)
        lazy = self._module._lazy
        pending = () if lazy is None else lazy.tables
        for table, elements in pending:
            self._tables[table]._definition.leave_pending(elements, self._context)
        for i, element in enumerate(info.elements):
            if element.mode == PASSIVE or (element.mode == ACTIVE and not pending):
                self._init_element(element, self._context + layout.elements + i * SEGMENT.size)
        self._init_data()
        if info.start is not None:
            store._func(self._funcref(info.start))(store)

    def _evaluate(self, expression: "ConstExpr") -> int:
        return constexpr.evaluate(
            expression,
            lambda index: read_cell(self._cells[index], self._info.globals[index].content),
            self._funcref,
        )

    def _init_element(self, element: "ElementDef", segment: int) -> None:
        count = element.count
        if element.mode == PASSIVE:
            references = self._store._allocate(8 * count)
            native.write_u64(segment + SEGMENT.base, references)
            native.write_u64(segment + SEGMENT.length, count)
        else:
            assert element.offset is not None
            table = self._tables[element.table]._definition
            self._store._fill_table(table)
            start = self._evaluate(element.offset) & 0xFFFFFFFF
            if start + count > table.size:
                raise _trap("TABLE_OUT_OF_BOUNDS")
            references = native.read_u64(table + TABLE.base) + 8 * start
        # SAFETY: there is room for `count` references: in a new block, or by the check above.
        if element.rows is None:
            for i, init in enumerate(element.inits):
                native.write_u64(references + 8 * i, self._evaluate(init))
        else:
            # The digest vouches for the rows.
            self._store._support.function("init_references", _INIT_REFERENCES)(
                references, element.rows, count, self._context + self._module._layout.funcrefs
            )

    def _init_data(self) -> None:
        info = self._info
        images = self._module._memory_images
        copied = bool(images) and self._map_images(images)
        if len(info.data_copies) and not copied:
            # SAFETY: an array of the mapped module info, whose digest vouches for the numbers of
            # memories; the function checks the bounds of each copy.
            copied = self._store._support.function("init_data", _INIT_DATA)(
                self._context + self._module._layout.memories,
                native.address_of(info.data_copies),
                len(info.data_copies) // DATA_COPY_WORDS,
                self._module._data_address,
                self._module._data_size,
            )
        if info.passive_data_count or (info.data_segment_count and not copied):
            self._init_data_segments(skip_active=bool(copied))

    def _map_images(self, images: "tuple[MemoryImage, ...]") -> bool:
        """Put the images into their memories. False if that fails: then all are to be copied."""
        module, definitions = self._module, []
        file, file_start = module._image.file, module._image.file_start
        assert file is not None
        for image in images:
            definition = self._memories[image.memory]._definition
            if definition.movable or image.memory < self._info.imported_memories:
                return False
            if image.start + image.size > native.read_u64(definition + MEMORY.length):
                return False
            definitions.append(definition)
        for image, definition in zip(images, definitions, strict=True):
            # SAFETY: the range was checked against the memory's length, and lies in the section.
            if image.size < MIN_MAPPED:
                target = native.read_u64(definition + MEMORY.base) + image.start
                ctypes.memmove(target, module._data_address + image.source, image.size)
            elif not definition.map_image(file, image, image.position - file_start):
                return False
        return True

    def _init_data_segments(self, *, skip_active: bool) -> None:
        """The segments one by one; those before one that does not fit are written."""
        layout, bytes_at = self._module._layout, self._module._data_address
        for i, data in enumerate(self._info.data_segments):
            if data.start + data.size > self._module._data_size:
                raise IncompatibleArtifact("module info is damaged")
            source = bytes_at + data.start
            if data.mode == ACTIVE:
                if skip_active:
                    continue
                assert data.offset is not None
                memory = self._memories[data.memory]._definition
                start = self._evaluate(data.offset) & 0xFFFFFFFF
                if start + data.size > native.read_u64(memory + MEMORY.length):
                    raise _trap("MEMORY_OUT_OF_BOUNDS")
                # SAFETY: the range was checked against the memory's length, and the segment against
                # its section.
                ctypes.memmove(native.read_u64(memory + MEMORY.base) + start, source, data.size)
            else:
                segment = self._context + layout.data + i * SEGMENT.size
                native.write_u64(segment + SEGMENT.base, source)
                native.write_u64(segment + SEGMENT.length, data.size)

    # --- Exports

    def exports(self, store: "Store | Caller") -> "InstanceExports":
        """The exports by name."""
        if store_of(store) is not self._store:
            raise WasmtimeError("object used with the wrong store")
        if self._exports is None:
            self._exports = InstanceExports(self)
        return self._exports

    def _export(self, name: str) -> "Extern | None":
        found = self._module._exports_by_name.get(name)
        return None if found is None else self._extern(*found)

    def _extern(self, kind: int, index: int) -> "Extern":
        if kind == FUNC:
            return self._store._func(self._funcref(index))
        if kind == MEMORY_KIND:
            return self._memories[index]
        if kind == TABLE_KIND:
            return self._tables[index]
        if kind == TAG:
            from cachewasm.runtime.tag import Tag

            tag_type = TagType(self._info.types[self._info.tag_typeidx[index]])
            return Tag._of(self._store, self._tags[index], tag_type)
        assert kind == GLOBAL
        return Global._of(self._store, self._cells[index], self._info.globals[index])

    def _funcref(self, funcidx: int) -> int:
        row = self._module._funcref_row(funcidx)
        lazy = self._module._lazy
        if lazy is not None and lazy.funcrefs_wait:
            self._init_funcrefs(row, 1)
        return self._context + self._module._layout.funcrefs + row * FUNCREF.size


class InstanceExports(Uncopied):
    """A mapping from names to externs; `by_index` has them in the module's order."""

    __slots__ = ("_by_name", "_instance")

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._by_name: dict[str, Extern] = {}

    @property
    def by_index(self) -> "tuple[Extern, ...]":
        """All externs, in the order of the module's exports."""
        return tuple(self[name] for name in self)

    def __getitem__(self, name: str) -> "Extern":
        found = self._by_name.get(name)
        if found is None:
            found = self._instance._export(name)
            if found is None:
                raise KeyError(name)
            self._by_name[name] = found
        return found

    def get(self, name: str, default: "Any" = None) -> "Any":
        """The extern, or `default`."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return name in self._instance._module._exports_by_name

    def __len__(self) -> int:
        return len(self._instance._module._exports_by_name)

    def __iter__(self) -> "Iterator[str]":
        return iter(self._instance._module._exports_by_name)

    def keys(self) -> "list[str]":
        """The names."""
        return list(self)

    def values(self) -> "list[Extern]":
        """The externs."""
        return [self[name] for name in self]

    def items(self) -> "list[tuple[str, Extern]]":
        """Names and externs."""
        return [(name, self[name]) for name in self]


def _trap(name: str) -> Trap:
    from cachewasm.abi import traps
    from cachewasm.runtime.frames import describe

    code: int = getattr(traps, name)
    return Trap(describe(traps.MESSAGES[code], ()), code=code)


__all__ = ["Instance", "InstanceExports"]
