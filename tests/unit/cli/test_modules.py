"""Which files a command takes that is given files and folders."""

import os
from pathlib import Path

import pytest
from cachewasm_cli.failure import Failure
from cachewasm_cli.modules import modules


def test_modules_of_a_folder_are_sorted_and_found_below_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z.wat", "a.wasm", "b/c.wasm", "notes.txt", "b/d.wasm.bak"):
        (tmp_path / name).write_text("")
    found = [os.path.relpath(path, tmp_path) for path in modules([str(tmp_path)])]
    assert found == ["a.wasm", "z.wat", "b/c.wasm"]


def test_modules_takes_a_file_whatever_its_name_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_text("")
    assert modules(["x/../y", "y", str(tmp_path), f"{tmp_path}/a.wasm"]) == [
        "y",
        f"{tmp_path}/a.wasm",
    ]


def test_modules_ends_where_links_go_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_text("")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone.wasm").symlink_to("nowhere")
    assert modules([str(tmp_path)]) == [f"{tmp_path}/a.wasm"]


def test_modules_folder_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there is no module"):
        modules([str(tmp_path)])
