"""The table of CPU features, the levels, and the targets made of them."""

import itertools
import subprocess
import sys

import pytest

from cachewasm.engine import encoding
from cachewasm.engine.cpus import CPUS
from cachewasm.engine.isa import (
    AARCH64,
    FEATURES,
    LEVELS,
    X86_64,
    closure,
    feature_of_cranelift_flag,
    highest_level,
    without,
)
from cachewasm.engine.suggest import suggestion
from cachewasm.engine.target import (
    Target,
    changed_target,
    check_cpu,
    parse_changes,
    parse_target,
    triple_of,
)
from cachewasm.errors import ConfigError, InternalError

X86_TRIPLE = "x86_64-unknown-linux-gnu"
ARM_TRIPLE = "aarch64-unknown-linux-gnu"


@pytest.mark.parametrize("arch", FEATURES)
def test_isa_every_implied_feature_has_a_row(arch: str) -> None:
    for feature in FEATURES[arch].values():
        assert closure(arch, (feature.name,)) >= {feature.name, *feature.implies}


@pytest.mark.parametrize("arch", FEATURES)
def test_levels_are_closed_and_each_contains_the_one_below(arch: str) -> None:
    below: frozenset[str] = frozenset()
    for features in LEVELS[arch].values():
        assert closure(arch, features) == features
        assert features > below
        below = features


def test_levels_of_x86_are_those_of_the_psabi() -> None:
    levels = list(LEVELS[X86_64].values())
    steps = [" ".join(sorted(high - low)) for low, high in itertools.pairwise(levels)]
    assert steps == [
        "crc32 cx16 popcnt sahf sse3 sse4.1 sse4.2 ssse3",
        "avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave",
        "avx512bw avx512cd avx512dq avx512f avx512vl",
    ]


@pytest.mark.parametrize("label", LEVELS[X86_64])
def test_highest_level_of_exactly_its_features_is_it(label: str) -> None:
    assert highest_level(X86_64, LEVELS[X86_64][label]) == label


def test_highest_level_without_one_feature_is_a_lower_one() -> None:
    assert highest_level(X86_64, LEVELS[X86_64]["x86-64-v3"] - {"movbe"}) == "x86-64-v2"
    assert highest_level(X86_64, LEVELS[X86_64]["x86-64-v1"] - {"sse2"}) is None


@pytest.mark.parametrize("arch", FEATURES)
def test_llvm_knows_every_feature_and_cpu(arch: str) -> None:
    # LLVM ignores a name that it does not know, and says so on stderr only.
    names = ",".join("+" + name for name in FEATURES[arch])
    target = Target(triple_of(arch))
    code = (
        "import llvmlite.binding as b; b.initialize_all_targets(); b.initialize_all_asmprinters()\n"
        f"t = b.Target.from_triple({target.triple!r})\n"
        f"t.create_target_machine(cpu={target.cpu!r}, features={names!r})"
    )
    found = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    assert found.stderr == b""


@pytest.mark.parametrize("arch", CPUS)
def test_llvm_knows_every_cpu_that_code_can_be_tuned_for(arch: str) -> None:
    code = (
        "import llvmlite.binding as b; b.initialize_all_targets(); b.initialize_all_asmprinters()\n"
        f"t = b.Target.from_triple({triple_of(arch)!r})\n"
        f"for cpu in {sorted(CPUS[arch])!r}: t.create_target_machine(cpu=cpu)"
    )
    found = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    assert found.stderr == b""


def test_without_a_feature_what_needs_it_goes_too() -> None:
    v4 = LEVELS[X86_64]["x86-64-v4"]
    assert without(X86_64, v4, ["avx"]) == {
        *(LEVELS[X86_64]["x86-64-v2"]),
        *("bmi", "bmi2", "lzcnt", "movbe", "xsave"),
    }
    assert without(X86_64, v4, ["avx512vl"]) == v4 - {"avx512vl"}
    assert without(X86_64, v4, []) == v4


@pytest.mark.parametrize(
    ("flag", "feature"),
    [
        ("has_avx2", "avx2"),
        ("has_sse41", "sse4.1"),
        ("has_bmi1", "bmi"),
        ("has_cmpxchg16b", "cx16"),
        ("has_avx512vbmi", "avx512vbmi"),
        ("has_fp16", "fullfp16"),
        ("has_lse", "lse"),
        ("avx2", None),
        ("has_avx10", None),
        ("", None),
    ],
)
def test_feature_of_cranelift_flag_is_that_of_the_table(flag: str, feature: str | None) -> None:
    assert feature_of_cranelift_flag(flag) == feature


def test_cranelift_flags_are_distinct() -> None:
    flags = [f.cranelift for table in FEATURES.values() for f in table.values() if f.cranelift]
    assert len(flags) == len(set(flags)) == 24
    assert all(flag.startswith("has_") for flag in flags)


def changed(level: str, changes: str, tune: str | None = None) -> Target:
    return changed_target(parse_target(level), parse_changes(changes), tune)


def test_changed_target_with_a_feature_has_what_it_implies() -> None:
    v2, target = parse_target("x86-64-v2"), changed("x86-64-v2", "+fma")
    assert set(target.features) - set(v2.features) == {"fma", "avx"}
    assert target.level == "x86-64-v2"


def test_changed_target_without_a_feature_lacks_what_needs_it() -> None:
    target = changed("x86-64-v3", " -sse4.2 , +bmi")
    assert set(parse_target("x86-64-v3").features) - set(target.features) == {
        *("sse4.2", "avx", "avx2", "f16c", "fma"),
    }
    assert target.level == "x86-64-v1"
    assert target.isa_label.startswith("x86-64-v1-")


def test_changed_target_to_a_level_is_that_level() -> None:
    gone = LEVELS[X86_64]["x86-64-v3"] - LEVELS[X86_64]["x86-64-v2"]
    assert changed("x86-64-v3", ",".join(f"-{name}" for name in gone)) == parse_target("x86-64-v2")
    assert changed("x86-64-v3", "+avx") == parse_target("x86-64-v3")


def test_changed_target_tuned_has_the_same_features() -> None:
    for cpu in CPUS[X86_64]:
        target = changed_target(parse_target("x86-64-v2"), parse_changes("+avx"), cpu)
        assert target.features == changed("x86-64-v2", "+avx").features
        assert target.tune == cpu


@pytest.mark.parametrize(
    ("level", "changes", "tune", "message"),
    [
        ("x86-64-v3", "-sse2", None, "'sse2' cannot be disabled: it belongs to x86-64-v1"),
        ("armv8-a", "-neon", None, "'neon' cannot be disabled: it belongs to armv8-a"),
        ("x86-64-v2", "+avx512vl,-avx", None, r"'\+avx512vl' and '-avx' .*avx512vl needs avx"),
        ("x86-64-v2", "+lse", None, "'lse' is unknown for x86_64-unknown-linux-gnu"),
        ("armv8-a", "-dotprd", None, "'dotprd' is unknown .did you mean 'dotprod'"),
        ("armv8-a", "+lse", "znver4", "the CPU 'znver4' is unknown for aarch64-unknown"),
        ("x86-64-v2", "+avx", "skylak", "'skylak' is unknown for .*did you mean 'skylake'"),
    ],
)
def test_changed_target_that_cannot_be_is_refused_by_name(
    level: str, changes: str, tune: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(level, changes, tune)


def test_check_cpu_accepts_those_of_every_architecture() -> None:
    check_cpu("znver4")
    check_cpu("neoverse-n1")
    with pytest.raises(ConfigError, match="the CPU 'native' is unknown"):
        check_cpu("native")


def test_suggestion_of_a_very_long_name_is_none() -> None:
    assert suggestion("avx2" * 100_000, ["avx2"]) == ""
    assert suggestion("AVX-2", ["avx2", "avx"]) == " (did you mean 'avx2' or 'avx'?)"
    assert suggestion("", ["avx2"]) == ""


def test_target_of_a_triple_is_its_lowest_level() -> None:
    target = parse_target(X86_TRIPLE)
    assert (target.arch, target.level, target.cpu) == (X86_64, "x86-64-v1", "x86-64")
    assert target.llvm_features() == "+cmov,+cx8,+fxsr,+mmx,+sse,+sse2"
    target = parse_target(ARM_TRIPLE)
    assert (target.arch, target.level, target.cpu) == (AARCH64, "armv8-a", "generic")
    assert target.llvm_features() == "+fp-armv8,+neon"


def test_target_of_a_level_has_its_features() -> None:
    target = parse_target("x86-64-v3")
    assert target.triple == X86_TRIPLE
    assert frozenset(target.features) == LEVELS[X86_64]["x86-64-v3"]
    assert target.isa_label == "x86-64-v3"


@pytest.mark.parametrize(
    "text",
    ["", "x86_64", "x86-64-v5", "x86_64-apple-darwin", "x86_64-unknown-linux-musl", "riscv64gc"],
)
def test_parse_target_unsupported_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match=f"the target '{text}' is not supported"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("riscv64gc-unknown-linux-gnu", "there is no code for the architecture 'riscv64gc'"),
        ("s390x-unknown-linux-gnu", "there is no code for the architecture 's390x'"),
        ("aarch64-apple-darwin", "there is no code for the operating system 'darwin'"),
        ("x86_64-unknown-freebsd", "there is no code for the operating system 'freebsd'"),
        ("x86_64-unknown-linux-musl", "did you mean 'x86_64-unknown-linux-gnu'"),
        ("nativ", "did you mean 'native'"),
        ("x86_64", "did you mean 'x86_64-unknown-linux-gnu'"),
        ("aarch64", "did you mean 'aarch64-unknown-linux-gnu'"),
        ("x86-64-v9", "did you mean 'x86-64-v4'"),
    ],
)
def test_parse_target_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"'{text}' is not supported.*{why}.*supported: x86_64"):
        parse_target(text)


def test_target_unknown_feature_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'avx1024' is unknown"):
        Target(X86_TRIPLE, ["avx1024"])
    with pytest.raises(ConfigError, match="'avx2' is unknown"):
        Target(ARM_TRIPLE, ["avx2"])


def test_target_features_are_closed_sorted_and_order_free() -> None:
    target = Target(X86_TRIPLE, ["gfni", "avx2"])
    assert target == Target(X86_TRIPLE, ["avx", "avx2", "gfni", "gfni"])
    assert target.features == tuple(sorted(target.features))
    assert "sse4.2" in target.features
    assert target.level == "x86-64-v1"


def test_target_isa_label_with_extra_features_or_tuning_is_distinct() -> None:
    v3 = LEVELS[X86_64]["x86-64-v3"]
    plain, extra, tuned = (
        Target(X86_TRIPLE, v3),
        Target(X86_TRIPLE, [*v3, "gfni"]),
        Target(X86_TRIPLE, v3, "znver4"),
    )
    assert plain.isa_label == "x86-64-v3"
    assert len({t.isa_digest for t in (plain, extra, tuned)}) == 3
    for target in (extra, tuned):
        assert target.isa_label == f"x86-64-v3-{target.isa_digest.hex()[:8]}"


@pytest.mark.parametrize(
    "target",
    [
        parse_target("x86-64-v4"),
        parse_target(ARM_TRIPLE),
        Target(X86_TRIPLE, ["gfni"], "znver4"),
    ],
)
def test_target_round_trips(target: Target) -> None:
    reader = encoding.Reader(target.to_bytes(), InternalError)
    assert Target.read(reader) == target
    reader.finish()


def test_target_read_not_closed_is_refused() -> None:
    data = (
        encoding.field("target", encoding.text(X86_TRIPLE))
        + encoding.field("cpu", encoding.text("x86-64"))
        + encoding.field("isa_flags", encoding.texts(["avx2"]))
        + encoding.field("tune", encoding.text(""))
    )
    with pytest.raises(InternalError, match="not the canonical form"):
        Target.read(encoding.Reader(data, InternalError))
