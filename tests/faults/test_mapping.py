"""What a process maps: code is never writable, in every way of loading it."""

from typing import Any

import pytest

MODULE = """
(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0))))
"""


@pytest.mark.emulator_cannot("/proc/self/maps never shows code as executable")
@pytest.mark.parametrize(
    ("before", "files"),
    [
        ("", 1),
        ("arena.slice_with = lambda *a: None", 2),
        ("arena.slice_with = lambda *a: None\ndel os.memfd_create", 1),
        (
            "arena.slice_with = lambda *a: None\n"
            "def refuse(*a): raise OSError(38, 'no')\nos.memfd_create = refuse",
            1,
        ),
    ],
    ids=["slice", "sealed memfd", "missing memfd_create", "refused memfd_create"],
)
def test_process_never_maps_writable_code(run_python: Any, before: str, files: int) -> None:
    done = run_python(
        f"""
from cachewasm.loader import arena
store = Store()
{before}
function = instantiate(store, "module")["f"]
assert function(store, 65535) == 0
try:
    function(store, 65536)
except Trap:
    permissions = [line.split()[1] for line in mappings()]
    assert not [p for p in permissions if "w" in p and "x" in p], permissions
    print(sum("memfd:cachewasm" in line and "r-xp" in line for line in mappings()))
""",
        module=MODULE,
    )
    # The support image, and the module's if it lies in one.
    assert int(done.stdout) == files
