"""What the host is found to be, and that it is cheap and agrees with other sources."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewasm.engine import compat, environment, host
from cachewasm.engine.config import Config
from cachewasm.engine.identity import PACKAGE
from cachewasm.engine.isa import AARCH64, FEATURES, LEVELS, X86_64
from cachewasm.errors import HostError, IncompatibleArtifact
from tests.unit.engine.option_values import config_with

ROOT = os.path.dirname(PACKAGE)
PAGE = Path(__file__).parents[3] / "docs" / "targets.md"
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
    assert "i8mm" in host.hwcap_features(AARCH64, 0b11 | 1 << 64 + 13)


def test_host_target_needs_nothing_that_the_host_lacks() -> None:
    for target in (host.host_target(), host.native_target()):
        assert target.arch == host.machine()
        assert set(target.features) <= host.host_features()
    assert set(host.host_target().features) == LEVELS[host.machine()][host.host_level()]


def test_native_target_leaves_out_a_feature_whose_implied_one_is_hidden(
    monkeypatch: pytest.MonkeyPatch, host_with: Callable[[frozenset[str]], None]
) -> None:
    # A hypervisor may show AVX2 without SSE4.2: asking LLVM for AVX2 would bring SSE4.2 along.
    lowest = next(iter(LEVELS[X86_64].values()))
    monkeypatch.setattr(host, "machine", lambda: X86_64)
    host_with(lowest | {"avx", "avx2", "lzcnt"})
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


def _cannot_tell() -> frozenset[str]:
    raise HostError("the CPU features of this host cannot be read: /proc is not there")


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not tell what its CPU has."""
    monkeypatch.setattr(host, "_answers", host._Answers())
    monkeypatch.setattr(host, "runnable", set())
    monkeypatch.setattr(host, "probe", _cannot_tell)
    monkeypatch.setattr(host, "machine", lambda: X86_64)


@pytest.mark.usefixtures("untold")
def test_host_features_untold_are_refused_with_the_way_out() -> None:
    with pytest.raises(HostError, match=r"/proc is not there \(Config.detect_host_feature can"):
        host.host_target()
    assert host.has_feature("avx2") is None
    assert not host.is_asking()


@pytest.mark.usefixtures("untold")
def test_host_features_untold_are_those_that_the_function_tells() -> None:
    asked = []

    def detect(name: str) -> bool | None:
        asked.append(name)
        return None if name == "movbe" else name in LEVELS[X86_64]["x86-64-v3"]

    host.ask(detect)
    assert host.host_features() == LEVELS[X86_64]["x86-64-v3"] - {"movbe"}
    assert host.host_level() == "x86-64-v2"
    assert (host.has_feature("avx"), host.has_feature("avx512f")) == (True, False)
    assert host.has_feature("movbe") is None
    # What was answered is not asked for again.
    assert asked.count("avx") == 1
    # No machine lacks what the lowest level has.
    assert LEVELS[X86_64]["x86-64-v1"].isdisjoint(asked)


@pytest.mark.usefixtures("untold")
def test_host_features_of_the_lowest_level_are_there_on_every_machine() -> None:
    assert all(host.has_feature(name) for name in LEVELS[X86_64]["x86-64-v1"])
    compat.check_host(environment.from_config(config_with(target="generic")))
    host.ask(lambda name: False)
    assert host.host_level() == "x86-64-v1"


def test_host_that_tells_of_less_than_the_lowest_level_is_refused_by_its_feature() -> None:
    with pytest.raises(HostError, match=r"every x86_64 CPU should have: cmov, sse2$"):
        host.level_target(X86_64, LEVELS[X86_64]["x86-64-v1"] - {"cmov", "sse2"})


@pytest.mark.usefixtures("untold")
def test_host_features_told_by_the_example_of_the_documentation_make_a_level() -> None:
    paragraphs = PAGE.read_text(encoding="utf-8").split("\n\n")
    setting = "config.detect_host_feature = "
    [example] = [each for each in paragraphs if each.startswith("    ") and setting in each]
    config = Config()
    exec(textwrap.dedent(example), {"config": config})
    assert environment.from_config(config).target.level == "x86-64-v2"


@pytest.mark.usefixtures("untold")
def test_host_features_that_another_function_told_are_asked_for_again() -> None:
    fast = config_with(target="x86-64-v3", detect_host_feature=lambda name: True)
    compat.check_host(environment.from_config(fast))
    slow = config_with(target="x86-64-v3", detect_host_feature=lambda name: name != "avx")
    with pytest.raises(IncompatibleArtifact, match='"avx" is enabled, but not available'):
        compat.check_host(environment.from_config(slow))
    compat.check_host(environment.from_config(fast))
    assert host.has_feature("avx")


def test_host_features_told_are_not_asked_for(
    host_with: Callable[[frozenset[str]], None],
) -> None:
    host_with(frozenset(FEATURES[host.machine()]) - {"avx2", "lse"})
    host.ask(lambda name: name == "amx-tile")
    assert not host.has_feature("avx2" if host.machine() == X86_64 else "lse")
    assert host.has_feature("amx-tile")


@pytest.mark.usefixtures("untold")
def test_host_feature_of_a_function_that_gives_no_truth_value_is_a_type_error() -> None:
    host.ask(lambda name: 1)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="expected a bool or None from detect_host_feature"):
        host.has_feature("avx2")
