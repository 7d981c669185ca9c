"""Figures: limits, sums over parts, and the groups that the page promises."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import FIGURES, inputs, kernels, modules
from benchmarks.figures.figure import Figure, Setting, Skipped, mean, worst
from benchmarks.package import Package
from benchmarks.processes import DEFAULT

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "benchmarks.md"
Make = Callable[..., Figure]


@pytest.fixture
def setting(package_name: str, tmp_path: Path) -> Callable[..., Setting]:
    """Makes a setting in which the package under test is measured against itself."""

    def make(**facts: Any) -> Setting:
        package = Package(package_name)
        return Setting(package, package, DEFAULT, tmp_path, **facts)

    return make


@pytest.mark.parametrize(
    ("ratio", "limit", "is_over"),
    [(2.0, None, False), (2.0, 2.0, False), (2.1, 2.0, True), (0.5, 0.6, False)],
)
def test_figure_is_over_only_beyond_its_limit(
    make_figure: Make, ratio: float, limit: float | None, is_over: bool
) -> None:
    assert make_figure("x", ratio, limit).is_over is is_over


def test_mean_is_geometric_and_has_the_limit(make_figure: Make) -> None:
    found = mean("all", [make_figure("a", 2.0), make_figure("b", 8.0)], 3.0)
    assert found.ratio == pytest.approx(4.0)
    assert found.pairs.ours == pytest.approx((4.0,))
    assert found.is_over
    assert not found.part


def test_worst_is_the_highest_ratio_by_name(make_figure: Make) -> None:
    parts = [make_figure("a", 1.2, part=True), make_figure("b", 1.4, part=True)]
    found = worst("worst", parts, 1.3)
    assert (found.name, found.ratio, found.is_over, found.part) == ("worst: b", 1.4, True, False)


def test_setting_quick_takes_fewer_pairs(setting: Callable[..., Setting]) -> None:
    usual = setting().pairs(lambda: 1e-6, lambda: 1e-6, 50)
    quick = setting(quick=True).pairs(lambda: 1e-6, lambda: 1e-6, 50)
    slow = setting(quick=True).pairs(lambda: 1000.0, lambda: 1.0, 50)
    assert [len(pairs.ours) for pairs in (usual, quick, slow)] == [50, 10, 1]


def test_setting_wants_all_or_what_is_named(setting: Callable[..., Setting]) -> None:
    assert setting().wants("fib")
    assert setting(inputs=frozenset({"fib"})).wants("fib")
    assert not setting(inputs=frozenset({"fib"})).wants("sieve")


@pytest.mark.parametrize("name", ["hit", "cold", "warm", "compile-baseline", "peak"])
def test_group_without_its_modules_says_why(
    setting: Callable[..., Setting],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    monkeypatch.setattr(inputs, "MODULES", tmp_path)
    items = list(FIGURES[name](setting()))
    assert items
    assert all(isinstance(item, Skipped) for item in items)
    assert "python -m benchmarks.fetch" in str(items[0])


def test_group_of_misses_refused_module_is_skipped_with_the_reason(
    setting: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "icepll.wasm").write_bytes(b"\0asm\1\0\0\0\xff")
    monkeypatch.setattr(inputs, "MODULES", tmp_path)
    items = list(modules.misses("baseline")(setting(inputs=frozenset({"icepll"}))))
    refused, total = items
    assert isinstance(refused, Skipped)
    assert refused.name == "Module(icepll), miss, baseline"
    assert refused.reason
    assert isinstance(total, Skipped)


def test_group_of_kernels_wrong_checksum_is_an_error(
    setting: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernels.KERNELS[0]
    wrong = type(kernel)(kernel.name, kernel.size, kernel.quick, 1, 1)
    monkeypatch.setattr(kernels, "KERNELS", (wrong,))
    with pytest.raises(AssertionError, match=kernel.name):
        list(FIGURES["run-baseline"](setting(quick=True)))


def test_page_lists_every_group_in_the_order_of_measuring() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(FIGURES)


def test_page_has_every_limit_of_a_mean_or_worst() -> None:
    page = PAGE.read_text(encoding="utf-8")
    limits = [
        *modules.MISS_LIMITS.values(),
        *kernels.MEAN_LIMITS.values(),
        kernels.WORST_LIMITS["optimized"],
    ]
    assert all(f"| {limit:g} |" in page for limit in limits)
