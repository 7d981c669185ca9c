"""Compile in a child process: start it, keep it warm, turn its answers into values and errors.

The child is our own (`python -I -c`, the parent's sys.path sent in) and not one of multiprocessing:
that would run the application's main module again, or fork a process that has threads. Where
sys.executable is no Python (frozen or embedded), compiling happens in this process, and its result
is kept out of the cache if somebody else had loaded LLVM here, since LLVM's options are global.
"""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from io import BufferedWriter
from typing import BinaryIO, cast

from cachewasm import errors
from cachewasm.compiler import frames
from cachewasm.engine import identity
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.engine.version import VERSION
from cachewasm.errors import CompileError, InternalError, ModuleError, WasmtimeError
from cachewasm.wasm.features import features_in

_BOOTSTRAP = """\
import sys
sys.path[:] = {path!r}
from cachewasm.compiler.worker import main
main()
"""
_STDERR_TAIL = 2000
_ERRORS: dict[str, type[WasmtimeError]] = {
    each.__name__: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, WasmtimeError)
}


@dataclass(frozen=True, slots=True)
class CompileResult:
    """An artifact and what the cache should know of it; `storable` says whether to keep it."""

    artifact: bytes
    tier: str
    manifest: dict[str, str | int]
    storable: bool


def compile_module(environment: CompileEnvironment, strategy: str, wasm: bytes) -> CompileResult:
    """Compile a module. Raises ModuleError's leaves, CompileError, InternalError."""
    request = [b"module", environment.to_bytes(), strategy.encode(), wasm]
    return _request(environment, request, {"strategy": strategy, "wasm_size": len(wasm)})


def compile_support(environment: CompileEnvironment) -> CompileResult:
    """Compile the support image."""
    return _request(environment, [b"support", environment.to_bytes()], {})


def _request(
    environment: CompileEnvironment, request: list[bytes], facts: dict[str, str | int]
) -> CompileResult:
    start = time.monotonic()
    clean = True
    if _can_spawn():
        answer = _worker.ask(request)
    else:
        from cachewasm.compiler.worker import answer as answer_here

        clean = "llvmlite.binding" not in sys.modules
        answer = answer_here(request)
    milliseconds = round(1000 * (time.monotonic() - start))
    if answer[0] != b"ok":
        raise _error(answer)
    _, artifact, tier, name = answer
    manifest: dict[str, str | int] = {
        "cachewasm": VERSION,
        "target": environment.target.triple,
        "isa_features": environment.target.llvm_features(),
        "tune": environment.target.tune or "",
        "shared_flags": environment.flags.to_bytes().hex(),
        "features": " ".join(f.name for f in features_in(environment.features)),
        "module_version": environment.module_version,
        "compiler": environment.identity.hex(),
        **{
            f"tunable.{tunable}": int(getattr(environment.tunables, tunable))
            for tunable in environment.tunables.__slots__
        },
        **facts,
        "module_name": name.decode("utf-8", "replace"),
        "artifact_size": len(artifact),
        "compile_ms": milliseconds,
        "created": int(time.time()),
    }
    storable = clean and not identity.sources_changed()
    return CompileResult(artifact, tier.decode(), manifest, storable)


def _error(answer: list[bytes]) -> WasmtimeError:
    _, name, message, place = answer
    kind = _ERRORS.get(name.decode(), InternalError)
    text = message.decode("utf-8", "replace")
    if issubclass(kind, ModuleError):
        return kind(text, offset=int(place) if place else None)
    return kind(text)


def _can_spawn() -> bool:
    """Whether sys.executable is a Python that can run the worker."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class _Worker:
    """The one worker of this process; it serves one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = -1

    def ask(self, request: list[bytes]) -> list[bytes]:
        """The answer to a request. Raises CompileError if the worker dies."""
        with self._lock:
            process = self._running()
            try:
                frames.write(cast(BinaryIO, process.stdin), request)
                answer = frames.read(cast(BinaryIO, process.stdout))
            except (OSError, EOFError):
                answer = None
            except BaseException:
                # Ctrl-C, for one: the answer to this request must not meet the next one.
                self._end()
                raise
            if answer is None:
                raise CompileError(self._obituary())
            return answer

    def close(self) -> None:
        """End the worker, if this process started one."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """In a forked child: the worker is the parent's; leave it alone."""
        self._lock = threading.Lock()
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    # Not the buffer: what it may hold is the parent's to write.
                    cast(BufferedWriter, stream).raw.close()
            # The parent reaps it; here it only must not be waited for.
            self._process.returncode = 0
            self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        path = [entry or os.getcwd() for entry in sys.path]
        self._stderr = os.memfd_create("cachewasm-worker-stderr")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOTSTRAP.format(path=path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            )
        except OSError as error:
            raise CompileError(f"cannot start the compile worker: {error}") from error
        return self._process

    def _obituary(self) -> str:
        """Say why the worker died, and clear it away."""
        assert self._process is not None
        code = self._process.wait()
        size = os.fstat(self._stderr).st_size
        tail = os.pread(self._stderr, _STDERR_TAIL, max(0, size - _STDERR_TAIL))
        self._end()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        said = tail.decode("utf-8", "replace").strip()
        return f"the compile worker {how}" + (f": {said}" if said else "")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            # It holds nothing that is worth an orderly end, which LLVM makes last.
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1


_worker = _Worker()
atexit.register(_worker.close)
os.register_at_fork(after_in_child=_worker.forget)
