"""What a process maps: code is never writable, in every way of loading it."""

from typing import Any

import pytest

MODULE = """
(module (memory 1) (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0))))
"""


@pytest.mark.emulator_cannot("/proc/self/maps never shows code as executable")
@pytest.mark.parametrize(
    "before",
    [
        "",
        "del os.memfd_create",
        "def refuse(*a): raise OSError(38, 'no')\nos.memfd_create = refuse",
    ],
    ids=["sealed memfd", "missing memfd_create", "refused memfd_create"],
)
def test_process_never_maps_writable_code(run_python: Any, before: str) -> None:
    done = run_python(
        f"""
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
    # The support image, and the module's where there is a memfd.
    assert int(done.stdout) == (1 if before else 2)
