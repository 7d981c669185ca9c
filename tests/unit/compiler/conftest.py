"""Run translated functions for real: a minimal runtime made of ctypes and a hand-made context.

It knows the layouts of abi/ and nothing of runtime/, so the translator is tested against the
contract alone. Bulk builtins are Python functions; a trap long-jumps back into `enter`.
"""

import ctypes
import mmap
import platform
import struct
from collections.abc import Callable, Sequence

import pytest
import wasmtime

from cachewasm.abi import symbols, traps, vmctx
from cachewasm.abi.builtins import BUILTINS
from cachewasm.compiler.codegen import BASELINE, compile_ir
from cachewasm.compiler.linker.fragment import Fragment, make_fragment
from cachewasm.compiler.linker.link import LinkedImage, link
from cachewasm.compiler.runtime_library import runtime_library_ir
from cachewasm.compiler.trampolines import representatives
from cachewasm.compiler.translate.context import escapes, instance_layout
from cachewasm.compiler.translate.ir import module_text
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.engine.environment import DEFAULT_COST, CompileEnvironment
from cachewasm.engine.flags import DEFAULT_FLAGS
from cachewasm.engine.target import parse_target
from cachewasm.engine.tunables import choose
from cachewasm.wasm import constexpr, features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.module import SegmentMode, ValidModule
from cachewasm.wasm.types import F32, F64, I32
from cachewasm.wasm.validate import validate

HARNESS = """
define hidden i32 @enter(ptr %cell, ptr %thunk, ptr %code, ptr %ctx, ptr %slots) #0 {
  %setjmp = load ptr, ptr %cell
  %buffer = getelementptr i8, ptr %cell, i64 64
  %again = call i32 %setjmp(ptr %buffer) #9
  %first = icmp eq i32 %again, 0
  br i1 %first, label %go, label %trapped
go:
  call void %thunk(ptr %code, ptr %ctx, ptr %slots)
  ret i32 0
trapped:
  ret i32 %again
}
define hidden i64 @frame_address() #0 {
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %address = ptrtoint ptr %frame to i64
  ret i64 %address
}
define hidden void @trap(ptr %ctx, i32 %code) #0 {
  %store = load ptr, ptr %ctx
  %cell = load ptr, ptr %store
  %longjmp.at = getelementptr i8, ptr %cell, i64 8
  %longjmp = load ptr, ptr %longjmp.at
  %buffer = getelementptr i8, ptr %cell, i64 64
  %value = add i32 %code, 1
  call void %longjmp(ptr %buffer, i32 %value)
  unreachable
}
attributes #9 = { returns_twice }
"""

Value = int | float


def make_env(target: str = "x86-64-v2", **tunables: int) -> CompileEnvironment:
    return CompileEnvironment(
        target=parse_target(target),
        flags=DEFAULT_FLAGS,
        tunables=choose(tunables, address_space_limited=False),
        operator_cost=DEFAULT_COST,
        features=features.DEFAULT,
        identity=bytes(32),
        module_version="",
    )


def make_module(wat: str) -> ValidModule:
    return validate(decode(bytes(wasmtime.wat2wasm(wat)), features.DEFAULT))


def build(module: ValidModule, env: CompileEnvironment, tier: str) -> LinkedImage:
    """Compile in two shards, so that calls across objects are covered, and link."""
    first, end = module.module.imported_funcs, len(module.module.func_typeidxs)
    middle = (first + end + 1) // 2
    baseline = tier == BASELINE
    texts = [
        translate_trampolines(
            module, env, sorted(set(representatives(module.module.types))), first=True
        ),
        translate(module, env, range(first, middle), baseline=baseline).ir,
        translate(module, env, range(middle, end), baseline=baseline).ir,
        module_text(env.target, [HARNESS]),
    ]

    def fragment(text: str) -> Fragment:
        return make_fragment(compile_ir(text, env, tier, verify=True))

    return link(
        [fragment(text) for text in texts],
        lambda names: fragment(runtime_library_ir(names, env.target)),
    )


class Trapped(Exception):
    """The code of a trap."""


def _c_address(name: str) -> int:
    address = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    assert address
    return address


class Machine:
    """One instance of a module, with everything that its context points at."""

    def __init__(
        self,
        wat: str,
        tier: str,
        *,
        target: str = "x86-64-v2",
        hosts: Sequence[Callable[..., list[Value]]] = (),
        **tunables: int,
    ) -> None:
        self.valid = make_module(wat)
        self.module = module = self.valid.module
        self.image = image = build(self.valid, make_env(target, **tunables), tier)
        self._keep: list[object] = []
        self.log: list[tuple[object, ...]] = []
        size = image.rodata_offset + len(image.rodata)
        self._code = mmap.mmap(-1, (size + 0xFFFF) & -0x10000, prot=7)
        self._code[: len(image.text)] = image.text
        self._code[image.rodata_offset : size] = image.rodata
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._code))

        self._cell = self._buffer(64 + 512)
        self._put(self._cell, 0, _c_address("_setjmp"), _c_address("longjmp"))
        results = self._buffer(vmctx.RESULT_SLOTS * vmctx.SLOT_SIZE)
        self.store = self._buffer(vmctx.STORE.size)
        self._put(self.store, vmctx.STORE.thread, self._cell)
        self._put(self.store, vmctx.STORE.results, results)
        self._builtins = self._make_builtins()

        referenced = escapes(self.valid)
        self.layout = layout = instance_layout(module, len(referenced))
        self.context = self._buffer(layout.size)
        self._head(self.context)
        distinct = list(dict.fromkeys(module.types))
        ids = self._buffer(4 * max(len(module.types), 1))
        for i, func_type in enumerate(module.types):
            self._put(ids, 4 * i, 1000 + distinct.index(func_type), form="I")
        self._put(self.context, vmctx.INSTANCE.type_ids, ids)

        self.imports: list[tuple[int, int]] = []
        for i, host in enumerate(hosts):
            typeidx = module.func_typeidxs[i]
            host_context = self._buffer(vmctx.HOST.size)
            self._head(host_context)
            self._hosts[host_context] = (typeidx, host)
            entry = (self.symbol(symbols.host_stub(typeidx)), host_context)
            self.imports.append(entry)
            self._put(self.context, layout.imported_funcs + i * vmctx.IMPORTED_FUNC.size, *entry)
        self.funcrefs: dict[int, int] = {}
        for i, funcidx in enumerate(referenced):
            at = self.context + layout.funcrefs + i * vmctx.FUNCREF.size
            self.funcrefs[funcidx] = at
            code, context = self._code_of(funcidx)
            self._put(at, 0, code, context)
            typeidx = module.func_typeidxs[funcidx]
            self._put(at, vmctx.FUNCREF.type_id, 1000 + distinct.index(module.types[typeidx]))
        self._make_memories()
        self._make_tables()
        for i, item in enumerate(module.globals):
            cell = layout.defined_globals + i * vmctx.GLOBAL_CELL_SIZE
            self._put(self.context, cell, self._evaluate(item.init))

    # Memory of the machine.

    def _buffer(self, size: int) -> int:
        buffer = ctypes.create_string_buffer(size + 16)
        self._keep.append(buffer)
        return (ctypes.addressof(buffer) + 15) & -16

    def _put(self, base: int, offset: int, *values: int, form: str = "Q") -> None:
        packed = struct.pack(f"<{len(values)}{form}", *values)
        ctypes.memmove(base + offset, packed, len(packed))

    def get(self, address: int) -> int:
        return int(struct.unpack("<Q", ctypes.string_at(address, 8))[0])

    def symbol(self, name: str) -> int:
        return self._base + self.image.symbols[name].offset

    def _head(self, context: int) -> None:
        self._put(context, 0, self.store, self._builtins)

    def _evaluate(self, expr: constexpr.ConstExpr) -> int:
        return constexpr.evaluate(expr, lambda index: 0, self.funcrefs.__getitem__)

    def _code_of(self, funcidx: int) -> tuple[int, int]:
        if funcidx < self.module.imported_funcs:
            return self.imports[funcidx]
        return self.symbol(symbols.function(funcidx)), self.context

    def _make_memories(self) -> None:
        self.memories: list[int] = []
        for i, memory_type in enumerate(self.module.memory_types):
            pages = memory_type.limits.min
            reserved = mmap.mmap(-1, (1 << 32) + (64 << 20), flags=mmap.MAP_PRIVATE | 0x4000)
            self._keep.append(reserved)
            base = ctypes.addressof(ctypes.c_char.from_buffer(reserved))
            definition = self._buffer(vmctx.MEMORY.size)
            self._put(definition, vmctx.MEMORY.base, base, pages << memory_type.page_size_log2)
            self._put(self.context, self.layout.memories + 8 * i, definition)
            self.memories.append(definition)
        for i, segment in enumerate(self.module.data_segments):
            data = self._buffer(segment.size)
            ctypes.memmove(data, self.module.data[segment.start :][: segment.size], segment.size)
            at = self.layout.data + i * vmctx.SEGMENT.size
            self._put(self.context, at, data, segment.size)
            if segment.mode is SegmentMode.ACTIVE and segment.offset is not None:
                base = self.get(self.memories[segment.memory] + vmctx.MEMORY.base)
                ctypes.memmove(base + self._evaluate(segment.offset), data, segment.size)

    def _make_tables(self) -> None:
        self.tables: list[int] = []
        for i, table_type in enumerate(self.module.table_types):
            elements = self._buffer(8 * max(table_type.limits.min, 1))
            definition = self._buffer(vmctx.TABLE.size)
            self._put(definition, vmctx.TABLE.base, elements, table_type.limits.min)
            self._put(self.context, self.layout.tables + 8 * i, definition)
            self.tables.append(definition)
        for segment in self.module.elements:
            if segment.mode is SegmentMode.ACTIVE and segment.offset is not None:
                base = self.get(self.tables[segment.table] + vmctx.TABLE.base)
                base += 8 * self._evaluate(segment.offset)
                for i, init in enumerate(segment.inits):
                    value = self.funcrefs[init] if isinstance(init, int) else self._evaluate(init)
                    self._put(base, 8 * i, value)

    # Builtins.

    def _make_builtins(self) -> int:
        self._hosts: dict[int, tuple[int, Callable[..., list[Value]]]] = {}
        c_types = {"ptr": ctypes.c_void_p, "i32": ctypes.c_uint32, "i64": ctypes.c_uint64}
        table = self._buffer(8 * len(BUILTINS))
        for i, (name, result, params) in enumerate(BUILTINS):
            if name == "trap":
                self._put(table, 8 * i, self.symbol("trap"))
                continue
            python = getattr(self, f"_{name}", None) or self._recorder(name)
            prototype = ctypes.CFUNCTYPE(
                None if result == "void" else c_types[result],
                *(c_types[p] for p in params.split(", ")),
            )
            callback = prototype(python)
            self._keep.append(callback)
            address = ctypes.cast(callback, ctypes.c_void_p).value
            assert address
            self._put(table, 8 * i, address)
        return table

    def _recorder(self, name: str) -> Callable[..., int | None]:
        result = next(result for each, result, _ in BUILTINS if each == name)

        def record(*arguments: int) -> int | None:
            self.log.append((name, *arguments))
            return None if result == "void" else 0

        return record

    def _memory_grow(self, definition: int, delta: int) -> int:
        length = self.get(definition + vmctx.MEMORY.length)
        if delta > 16:
            return (1 << 64) - 1
        self._put(definition, vmctx.MEMORY.length, length + (delta << 16))
        return length >> 16

    def _host_call(self, context: int, slots: int) -> None:
        typeidx, host = self._hosts[context]
        func_type = self.module.types[typeidx]
        arguments = [
            self._read(slots + i * vmctx.SLOT_SIZE, t) for i, t in enumerate(func_type.param_types)
        ]
        for i, (t, value) in enumerate(zip(func_type.result_types, host(*arguments), strict=True)):
            self._write(slots + i * vmctx.SLOT_SIZE, t, value)

    # Calls.

    @staticmethod
    def _read(address: int, valtype: object) -> Value:
        form, size = {I32: ("<i", 4), F32: ("<f", 4), F64: ("<d", 8)}.get(valtype, ("<q", 8))
        value: Value = struct.unpack(form, ctypes.string_at(address, size))[0]
        return value

    @staticmethod
    def _write(address: int, valtype: object, value: Value) -> None:
        if valtype in (F32, F64):
            packed = struct.pack("<f" if valtype is F32 else "<d", value)
        else:
            size = 4 if valtype is I32 else 8
            packed = (int(value) & (1 << 8 * size) - 1).to_bytes(size, "little")
        ctypes.memmove(address, packed, len(packed))

    def call(self, name: str, *arguments: Value) -> list[Value]:
        """Call an export; raises Trapped(code)."""
        funcidx = next(e.index for e in self.module.exports if e.name == name)
        func_type = self.module.func_type(funcidx)
        params, results = func_type.param_types, func_type.result_types
        slots = self._buffer(vmctx.SLOT_SIZE * max(len(params), len(results), 1))
        for i, (t, value) in enumerate(zip(params, arguments, strict=True)):
            self._write(slots + i * vmctx.SLOT_SIZE, t, value)
        thunk = self.symbol(symbols.thunk(self.module.func_typeidxs[funcidx]))
        enter = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)(self.symbol("enter"))
        code, context = self._code_of(funcidx)
        status = enter(self._cell, thunk, code, context, slots)
        if status:
            raise Trapped(status - 1)
        return [self._read(slots + i * vmctx.SLOT_SIZE, t) for i, t in enumerate(results)]

    def limit_stack(self, size: int) -> None:
        """Let calls use about `size` bytes of stack below the present frame."""
        frame_address = ctypes.CFUNCTYPE(ctypes.c_uint64)(self.symbol("frame_address"))
        self._put(self.store, vmctx.STORE.stack_limit, frame_address() - size)

    def trap_of(self, name: str, *arguments: Value) -> str:
        """The name of the trap that a call ends with."""
        try:
            self.call(name, *arguments)
        except Trapped as trapped:
            return next(name for code, name, _ in traps.TRAPS if code == trapped.args[0])
        return "returned"


@pytest.fixture(params=["baseline", "optimized"])
def tier(request: pytest.FixtureRequest) -> str:
    """Both tiers."""
    return str(request.param)


@pytest.fixture
def machine(tier: str) -> Callable[..., Machine]:
    """Make a Machine for the text of a module, in each tier."""
    if platform.machine() != "x86_64":
        pytest.skip("the test's harness runs x86-64 code")
    return lambda wat, **options: Machine(wat, tier, **options)


@pytest.fixture
def env() -> Callable[..., CompileEnvironment]:
    """Make a CompileEnvironment for a target."""
    return make_env


@pytest.fixture
def valid_module() -> Callable[[str], ValidModule]:
    """Make a ValidModule from text."""
    return make_module
