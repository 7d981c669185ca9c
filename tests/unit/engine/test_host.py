"""What the host is found to be, and that it is cheap and agrees with other sources."""

import os
import subprocess
import sys

import pytest

from cachewasm.engine import host
from cachewasm.engine.identity import PACKAGE
from cachewasm.engine.isa import AARCH64, FEATURES, LEVELS, X86_64
from cachewasm.errors import HostError

ROOT = os.path.dirname(PACKAGE)
on_x86 = pytest.mark.skipif(host.machine() != X86_64, reason="looks at an x86-64 host")


def run_python(code: str, *arguments: str) -> str:
    """What a clean interpreter with this package prints."""
    setup = f"import sys; sys.path.insert(0, {ROOT!r})\n"
    command = [sys.executable, "-I", "-c", setup + code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_unsupported_reason_here_is_none() -> None:
    assert host.unsupported_reason() is None


@pytest.mark.parametrize(
    ("platform", "arch", "maxsize", "implementation", "free_threaded", "reason"),
    [
        ("linux", X86_64, 2**63 - 1, "cpython", False, None),
        ("linux", AARCH64, 2**63 - 1, "cpython", False, None),
        ("darwin", AARCH64, 2**63 - 1, "cpython", False, "Linux only, this is darwin"),
        ("linux", "riscv64", 2**63 - 1, "cpython", False, "this machine is riscv64"),
        ("linux", X86_64, 2**31 - 1, "cpython", False, "64-bit Python"),
        ("linux", X86_64, 2**63 - 1, "pypy", False, "CPython only, this is pypy"),
        ("linux", X86_64, 2**63 - 1, "cpython", True, "global interpreter lock"),
    ],
)
def test_reason_against_names_what_is_missing(
    platform: str,
    arch: str,
    maxsize: int,
    implementation: str,
    free_threaded: bool,
    reason: str | None,
) -> None:
    found = host.reason_against(
        platform, arch, maxsize, implementation, free_threaded=free_threaded
    )
    assert found is None if reason is None else found is not None and reason in found


@on_x86
def test_host_features_agree_with_the_kernel() -> None:
    with open("/proc/cpuinfo", "rb") as file:
        assert host.host_features() == host.cpuinfo_features(file.read(4096))


@on_x86
def test_host_features_agree_with_llvm() -> None:
    code = "import llvmlite.binding as b; print(*(n for n, on in b.get_host_cpu_features().items() if on))"
    command = [sys.executable, "-I", "-c", code]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    # LLVM does not list what every x86-64 CPU has under all names; compare what both can say.
    assert host.host_features() - {"sse", "sse2"} <= set(listed)
    assert set(listed) & set(FEATURES[X86_64]) <= host.host_features()


def test_cpuid_features_are_read_from_their_bits() -> None:
    table = FEATURES[X86_64]
    for feature in table.values():
        leaf, register, bit = feature.cpuid

        def active_bits(
            asked: int, leaf: int = leaf, register: int = register, bit: int = bit
        ) -> list[int]:
            return [1 << bit if (asked, i) == (leaf, register) else 0 for i in range(4)]

        same_bit = {f.name for f in table.values() if f.cpuid == feature.cpuid}
        assert host.cpuid_features(active_bits) == same_bit


def test_cpuinfo_features_without_a_list_are_refused() -> None:
    with pytest.raises(HostError, match="lists no flags"):
        host.cpuinfo_features(b"processor\t: 0\nmodel name\t: flags\n")


def test_cpuinfo_features_are_those_of_the_first_list() -> None:
    text = b"processor : 0\nflags\t\t: fpu sse sse2 pni abm\n\nflags : avx2\n"
    assert host.cpuinfo_features(text) == {"sse", "sse2", "sse3", "lzcnt"}


def test_hwcap_features_need_all_their_bits() -> None:
    assert host.hwcap_features(AARCH64, 0b11) == {"fp-armv8", "neon"}
    assert host.hwcap_features(AARCH64, 0b11 | 1 << 9) == {"fp-armv8", "neon"}
    assert "fullfp16" in host.hwcap_features(AARCH64, 0b11 | 3 << 9)


def test_host_target_needs_nothing_that_the_host_lacks() -> None:
    for target in (host.host_target(), host.native_target()):
        assert target.arch == host.machine()
        assert set(target.features) <= host.host_features()
    assert set(host.host_target().features) == LEVELS[host.machine()][host.host_level()]


def test_native_target_leaves_out_a_feature_whose_implied_one_is_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A hypervisor may show AVX2 without SSE4.2: asking LLVM for AVX2 would bring SSE4.2 along.
    lowest = next(iter(LEVELS[X86_64].values()))
    monkeypatch.setattr(host, "machine", lambda: X86_64)
    monkeypatch.setattr(host._answers, "features", lowest | {"avx", "avx2", "lzcnt"})
    assert set(host.native_target().features) == lowest | {"lzcnt"}


@pytest.mark.emulator_cannot("a limit of the address space is ignored: it would be the emulator's")
def test_address_space_under_a_low_limit_is_limited() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)\n"
        "from cachewasm.engine import host; print(host.address_space_limited())"
    )
    assert run_python(code, str(2 << 30)) == "True"
    assert run_python(code, str(host.ADDRESS_SPACE_NEEDED)) == "False"
    assert run_python(code, "-1") == "False"
