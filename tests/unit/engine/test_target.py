"""The table of CPU features, the levels, and the targets made of them."""

import itertools
import subprocess
import sys

import pytest

from cachewasm.engine import encoding
from cachewasm.engine.isa import AARCH64, FEATURES, LEVELS, X86_64, closure, highest_level
from cachewasm.engine.target import Target, parse_target, triple_of
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
