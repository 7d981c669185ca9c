"""Have something compiled, wherever that happens, and say what the cache should know of it.

Usually the compile server of this process does it. Where LLVM runs in this process, the result is
kept out of the cache if somebody else had loaded LLVM here, since LLVM's options are global.
"""

import time

from cachewasm.compiler.processes import local
from cachewasm.engine import identity, ingredients
from cachewasm.engine.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cachewasm.compiler.processes.server_process import Progress
    from cachewasm.engine.environment import CompileEnvironment

    Facts = dict[str, str | int]

# What is imported here delays every first compile; dataclasses and enum are not.

# A manifest has room for 64 KiB in all, and a module may have a longer name than that.
_MAX_NAME = 1024


class CompileResult:
    """An artifact and what the cache should know of it; `storable` says whether to keep it.

    `support` is the support image, if it was asked for and came along.
    """

    __slots__ = ("artifact", "manifest", "storable", "support", "tier")

    def __init__(
        self,
        artifact: bytes,
        tier: str,
        manifest: dict[str, str | int],
        *,
        storable: bool,
        support: "CompileResult | None" = None,
    ) -> None:
        self.artifact = artifact
        self.tier = tier
        self.manifest = manifest
        self.storable = storable
        self.support = support


def start() -> None:
    """Begin to start the compiler, which takes a while, for a request that is about to come."""
    local.start()


def compile_module(
    environment: "CompileEnvironment",
    strategy: str,
    wasm: bytes,
    *,
    jobs: int = 0,
    executor: "Executor | None" = None,
    progress: "Progress | None" = None,
    support: "CompileEnvironment | None" = None,
    verify: bool = False,
) -> CompileResult:
    """Compile a module. Raises ModuleError's leaves, CompileError, InternalError.

    At most `jobs` processes do it, 0 for one per processor; with an `executor`, jobs of that do most
    of it.
    `progress` is called in this thread with the number of functions done, and of all; what it raises
    ends the compile. `support` asks for the support image of that environment besides, which this
    machine's processors then share, too; it may or may not come along. With `verify`, LLVM's verifier
    looks at the code, and CompileError says what it finds.
    """
    begun = time.monotonic()
    start()
    clean = local.is_clean()
    image = b""
    if executor is not None:
        from cachewasm.compiler.processes import remote

        artifact, tier, name = remote.compile_module(
            executor, environment, strategy, wasm, progress, verify=verify
        )
    else:
        request = [b"module", environment.to_bytes(), strategy.encode(), wasm]
        request.append(b"%d" % jobs)
        request.append(b"" if support is None else support.to_bytes())
        if verify:
            request.insert(0, b"verify")
        artifact, tier, name, image = local.ask(request, progress)
    milliseconds = round(1000 * (time.monotonic() - begun))
    facts: Facts = {
        "strategy": strategy,
        "wasm_size": len(wasm),
        "module_name": name[:_MAX_NAME].decode("utf-8", "replace"),
    }
    result = _result(environment, artifact, tier.decode(), facts, milliseconds, clean=clean)
    if support is not None and image:
        result.support = _support(support, image, milliseconds, clean=clean)
    return result


def compile_support(environment: "CompileEnvironment") -> CompileResult:
    """Compile the support image."""
    begun = time.monotonic()
    clean = local.is_clean()
    (image,) = local.ask([b"support", environment.to_bytes()])
    milliseconds = round(1000 * (time.monotonic() - begun))
    return _support(environment, image, milliseconds, clean=clean)


def _support(
    environment: "CompileEnvironment", image: bytes, milliseconds: int, *, clean: bool
) -> CompileResult:
    # It has one tier, and the cache's key for it another word in that place.
    return _result(environment, image, "optimized", {"module_name": ""}, milliseconds, clean=clean)


def _result(
    environment: "CompileEnvironment",
    artifact: bytes,
    tier: str,
    facts: "Facts",
    milliseconds: int,
    *,
    clean: bool,
) -> CompileResult:
    manifest: Facts = {
        **ingredients.of_environment(environment),
        "cachewasm": VERSION,
        **facts,
        "artifact_size": len(artifact),
        "compile_ms": milliseconds,
        "created": int(time.time()),
    }
    storable = clean and not identity.sources_changed()
    return CompileResult(artifact, tier, manifest, storable=storable)
