"""What a measurement was made on: without it a number means nothing a month later."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("cachewasm", "wasmtime", "llvmlite", "blake3", "zstandard")


def _first(lines: Iterable[str], key: str) -> str | None:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def describe() -> dict[str, object]:
    """The machine, its load, and the versions, as JSON takes them."""
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "cpu": _first(Path("/proc/cpuinfo").read_text().splitlines(), "model name"),
        "memory": _first(Path("/proc/meminfo").read_text().splitlines(), "MemTotal"),
        "processors": len(os.sched_getaffinity(0)),
        "load": os.getloadavg(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": _versions(),
    }
