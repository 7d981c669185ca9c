"""`Module`: compiled code, mapped and ready to be instantiated.

A module is immutable and may be shared by threads and stores; a store keeps the modules of its
instances. On the warm path: what a hit needs is in the artifact, and no wasm is decoded.
"""

import os

from cachewasm.abi.vmctx import FUNCTIONS, InstanceLayout
from cachewasm.artifact.format import (
    ADDRMAP_SECTION,
    ENGINE_SECTION,
    INFO_SECTION,
    MACHINES,
    MODULE,
    NAMES_SECTION,
)
from cachewasm.artifact.info import ModuleInfo
from cachewasm.artifact.reader import Artifact
from cachewasm.engine import compat
from cachewasm.errors import IncompatibleArtifact, UnsupportedModule, WasmtimeError
from cachewasm.loader import image, native
from cachewasm.managed import Closable, Uncopied
from cachewasm.runtime.artifacts import module_artifact
from cachewasm.runtime.engine import Engine, require_open
from cachewasm.runtime.locks import process_lock
from cachewasm.runtime.memory_images import MIN_SECTION, MemoryImage, images_of
from cachewasm.runtime.typeids import entry_of
from cachewasm.wasm.types import FUNC, GLOBAL, MEMORY, TAG, ExportType, ImportType, TagType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

    from cachewasm.artifact.info import ImportedType
    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.runtime.frames import Frame
    from cachewasm.runtime.lazy_tables import LazyElements
    from cachewasm.runtime.store import Store
    from cachewasm.wasm.types import ExternType


def source_of(wasm: "str | bytes | bytearray | memoryview") -> tuple[bytes, bool]:
    """The bytes of what a user gave as a module, and whether they are text.

    A string is text; bytes are, unless they are empty or begin with a zero as a binary does.
    """
    if type(wasm) is bytes and wasm.startswith(b"\0"):
        return wasm, False
    if isinstance(wasm, str):
        # What is no Unicode text is refused by the parser, with its place.
        return wasm.encode("utf-8", "surrogatepass"), True
    if not isinstance(wasm, (bytes, bytearray, memoryview)):
        raise TypeError("expected wasm bytes or wat text")
    source = bytes(wasm)
    if source[:1] in (b"", b"\0"):
        return source, False
    if Engine.detect_precompiled(source) or source.startswith(b"\x7fELF"):
        raise UnsupportedModule(
            "expected a module, found compiled code: use Module.deserialize", offset=0
        )
    return source, True


def binary_of(wasm: "str | bytes | bytearray | memoryview") -> bytes:
    """The binary format of what a user gave as a module. Raises TextError, UnsupportedModule."""
    source, is_text = source_of(wasm)
    if not is_text:
        return source
    from cachewasm.runtime.text import to_binary

    return to_binary(source)


def artifact_of(
    engine: Engine, wasm: "str | bytes | bytearray | memoryview", *, to_run: bool = False
) -> Artifact:
    """The artifact of what a user gave as a module, from the engine's cache or compiled."""
    source, is_text = source_of(wasm)
    if not is_text:
        return module_artifact(engine, source, to_run=to_run)
    from cachewasm.runtime.text import text_artifact

    return text_artifact(engine, source, to_run=to_run)


# Slots that are filled when the first instance needs them.
_FOR_INSTANCES = (
    *("_data_address", "_data_size", "_exports_by_name", "_functions", "_layout", "_lazy"),
    *("_memory_images", "_trampolines", "_type_ids", "_wanted"),
)
_lock = process_lock()


def _functions(info: ModuleInfo, layout: InstanceLayout, text: int) -> native.Block:
    """The module's Functions (abi/vmctx.py). SAFETY: arrays of the mapped module info, whose lengths
    were checked against each other when it was read.
    """
    block = native.Block.make(FUNCTIONS.size)
    words = (
        native.address_of(info.escapes),
        len(info.escapes),
        info.imported_funcs,
        native.address_of(info.code_ranges),
        native.address_of(info.func_typeidx),
        native.address_of(info.func_flags),
        text,
        layout.imported_funcs,
        layout.funcrefs,
    )
    native.write_words(block, words)
    return block


def _may_have_images(engine: Engine, plan: Artifact) -> bool:
    """Whether instances may map data of an artifact instead of copying it."""
    if not engine._environment.tunables.memory_init_cow:
        return False
    return plan.data_range[1] >= MIN_SECTION


class Module(Closable, Uncopied):
    """A compiled module. `Module(engine, wasm)` takes it from the engine's cache, or compiles it.

    `wasm` is in binary or text format.
    """

    __slots__ = (
        "__weakref__",
        "_data_address",
        "_data_size",
        "_exports_by_name",
        "_functions",
        "_image",
        "_info",
        "_layout",
        "_lazy",
        "_memory_images",
        "_prepared",
        "_trampolines",
        "_type_ids",
        "_wanted",
        "engine",
    )

    _exports_by_name: dict[str, tuple[int, int]]

    def __init__(self, engine: Engine, wasm: "str | bytes | bytearray") -> None:
        """Raises MalformedModule, TextError, InvalidModule or UnsupportedModule with the place, or
        CompileError.
        """
        if type(engine) is not Engine:
            require_open(engine)
        if self._image is not None:
            # Instances lay out their context by what a second call would replace.
            raise WasmtimeError("a module cannot be initialized twice")
        self._load(engine, artifact_of(engine, wasm, to_run=True), is_own=True)

    @classmethod
    def from_file(cls, engine: Engine, path: "str | bytes | PathLike[str]") -> "Module":
        """A module from a file of either format. Raises OSError besides what the constructor does."""
        with open(path, "rb") as file:
            return cls(engine, file.read())

    @classmethod
    def deserialize(cls, engine: Engine, encoded: "bytes | bytearray") -> "Module":
        """A module from an artifact (`serialize`, `Engine.precompile_module`).

        Raises IncompatibleArtifact unless the artifact was made for such an engine and this host.
        SAFETY: like any loader of machine code, it runs what it is given: the bytes must come from
        somebody you trust.
        """
        require_open(engine)
        if not isinstance(encoded, (bytes, bytearray)):
            raise TypeError("expected bytes")
        self = cls.__new__(cls)
        artifact = Artifact(bytes(encoded))
        self._load(engine, artifact)
        return self

    @classmethod
    def deserialize_file(cls, engine: Engine, path: "str | PathLike[str]") -> "Module":
        """`deserialize` of a file's content. Raises WasmtimeError if it cannot be read, too."""
        try:
            with open(os.fspath(path), "rb") as file:
                encoded = file.read()
        except OSError as error:
            cause = f"{error.strerror} (os error {error.errno})"
            raise WasmtimeError(f"failed to open file\n\nCaused by:\n    {cause}\n") from error
        return cls.deserialize(engine, encoded)

    @staticmethod
    def validate(engine: Engine, wasm: "bytes | bytearray") -> None:
        """Raises MalformedModule, InvalidModule or UnsupportedModule unless `wasm` is valid."""
        require_open(engine)
        from cachewasm.wasm.decode import decode
        from cachewasm.wasm.validate import validate, validate_bodies

        validate_bodies(validate(decode(binary_of(wasm), engine._environment.features)))

    def serialize(self) -> bytearray:
        """The artifact, for `deserialize` by an engine of the same configuration."""
        return bytearray(self._image.artifact.data)

    @property
    def name(self) -> str | None:
        """The name that the module's producer gave it."""
        return self._info.name

    @property
    def imports(self) -> list[ImportType]:
        """What the module imports, in order."""
        info = self._info
        return [
            ImportType(module, name, self._imported_type(kind, ty))
            for module, name, kind, ty in info.imports
        ]

    @property
    def exports(self) -> list[ExportType]:
        """What the module exports, in order."""
        return [
            ExportType(name, self._type_of(kind, index)) for name, kind, index in self._info.exports
        ]

    def _imported_type(self, kind: int, found: "ImportedType") -> "ExternType":
        if not isinstance(found, int):
            return found
        functype = self._info.types[found]
        return TagType(functype) if kind == TAG else functype

    def _type_of(self, kind: int, index: int) -> "ExternType":
        info = self._info
        if kind == FUNC:
            return info.types[info.func_typeidx[index]]
        if kind == MEMORY:
            return info.memories[index]
        if kind == TAG:
            return TagType(info.types[info.tag_typeidx[index]])
        return info.globals[index] if kind == GLOBAL else info.tables[index]

    # --- For the rest of runtime/

    def _load(self, engine: Engine, plan: Artifact, *, is_own: bool = False) -> None:
        """Load an artifact; one that `is_own` was made for the engine, or judged, when it was found."""
        if is_own:
            compat.check_host(engine._environment)
        else:
            self._check(engine._environment, plan)
        self.engine = engine
        self._image = image.load(plan, keep_file=_may_have_images(engine, plan))
        if engine._environment.tunables.debug_info:
            from cachewasm.runtime import debugger

            debugger.register(self._image)
        self._info = ModuleInfo(plan.part(plan.info_range))
        self._prepared = False

    @staticmethod
    def _check(environment: "CompileEnvironment", plan: Artifact) -> None:
        if plan.kind != MODULE:
            raise IncompatibleArtifact("incompatible object file format")
        compat.check(plan.section(ENGINE_SECTION), environment)
        if plan.machine != MACHINES[environment.target.arch]:
            # The section says one thing, the header of the same file another.
            arch = next(name for name, number in MACHINES.items() if number == plan.machine)
            raise IncompatibleArtifact(f"Module was compiled for architecture '{arch}'")
        from cachewasm.artifact import consistency, digest

        digest.check(plan)
        consistency.check(plan, ModuleInfo(plan.section(INFO_SECTION)))

    def __getattr__(self, name: str) -> object:
        # Called while a slot is empty only: a module that is just loaded needs none of the others.
        if name == "_image":
            return None
        if name not in _FOR_INSTANCES:
            raise AttributeError(f"'Module' object has no attribute {name!r}")
        with _lock:
            if not self._prepared:
                self._prepare()
                self._prepared = True
        return getattr(self, name)

    def _prepare(self) -> None:
        """Decode what instances need. Raises IncompatibleArtifact."""
        artifact, info = self._image.artifact, self._info
        self._exports_by_name = {name: (kind, index) for name, kind, index in info.exports}
        self._data_address = self._data_size = 0
        self._wanted = self.imports
        self._memory_images: tuple[MemoryImage, ...] = ()
        position, size = artifact.data_range
        if size:
            self._data_address = native.address_of(artifact.part(artifact.data_range))
            self._data_size = size
            images = images_of(info, position, self._data_size)
            if images:
                self._image.keep_part(position, self._data_size)
                if self._image.file is not None:
                    self._memory_images = images
        self._layout = InstanceLayout(
            imported_funcs=info.imported_funcs,
            imported_globals=info.imported_globals,
            memories=len(info.memories),
            tables=len(info.tables),
            defined_globals=len(info.globals) - info.imported_globals,
            data=info.data_segment_count,
            elements=len(info.elements),
            funcrefs=len(info.escapes),
            tags=len(info.tag_typeidx),
        )
        self._functions = _functions(info, self._layout, self._image.text)
        self._lazy: LazyElements | None = None
        if self.engine._environment.tunables.table_lazy_init:
            from cachewasm.runtime.lazy_tables import lazy_elements

            self._lazy = lazy_elements(info, self._functions)
        self._type_ids = native.Block.make(4 * len(info.types))
        self._trampolines: dict[int, tuple[int, int]] = {}
        text, offsets = self._image.text, info.trampolines
        for i, func_type in enumerate(info.types):
            number = entry_of(func_type).id
            native.write_u32(self._type_ids + 4 * i, number)
            pair = (text + offsets[2 * i], text + offsets[2 * i + 1])
            self._trampolines.setdefault(number, pair)

    def _funcref_row(self, funcidx: int) -> int:
        """The row of a function that may be referenced among the Funcrefs of an instance."""
        rows = self._info.escapes
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            if rows[middle] < funcidx:
                low = middle + 1
            else:
                high = middle
        return low

    def _register(self, store: "Store") -> None:
        """Make the module's code known to a store that is about to run it."""
        if self in store._modules:
            return
        store._support.publish(self._image)
        if len(self._info.tag_typeidx):
            store._use_exceptions()
        if self.engine._environment.tunables.native_unwind_info:
            store._support.unwind(calls=True)
        store._modules.append(self)
        # The image may outlive the module's other parts, but not the other way round.
        store._objects.append(self._image)
        store._add_trampolines(self._trampolines)

    def _frame_at(self, code_offset: int) -> "Frame | None":
        """The wasm function and place of a code offset; None for trampolines."""
        info = self._info
        ranges = info.code_ranges
        low, high = 0, len(ranges) // 2
        while low < high:
            middle = (low + high) // 2
            if ranges[2 * middle] <= code_offset:
                low = middle + 1
            else:
                high = middle
        if not low or code_offset >= ranges[2 * low - 2] + ranges[2 * low - 1]:
            return None
        funcidx = info.imported_funcs + low - 1
        from cachewasm.artifact import addrmap, names

        artifact = self._image.artifact
        place = None
        if artifact.has_section(ADDRMAP_SECTION):
            place = addrmap.lookup(artifact.section(ADDRMAP_SECTION), code_offset)
        found = names.lookup(artifact.section(NAMES_SECTION), funcidx)
        start = info.body_starts[low - 1]
        from cachewasm.runtime.frames import NO_OFFSET, Frame

        if not artifact.has_section(ADDRMAP_SECTION):
            return Frame(funcidx, found, info.name, NO_OFFSET, NO_OFFSET)
        return Frame(funcidx, found, info.name, place or start, (place or start) - start)
