"""Which file system a path is on, by the kernel's table of mounts."""

import os
from pathlib import Path

import pytest

from cachewasm.cache.survey.mounts import mount_in, mount_of

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/me/my\040files rw,noexec master:1 propagate_from:2 - tmpfs tmpfs rw
32 22 0:42 / /mnt rw - ext4 /dev/sdb rw
33 22 0:43 / /mnt ro - fuse.sshfs me@there: rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "place", "type", "is_network"),
    [
        ("/", "/", "ext4", False),
        ("/homes/x", "/", "ext4", False),
        ("/home", "/home", "nfs4", True),
        ("/home/me/cache", "/home", "nfs4", True),
        ("/home/me/my files/x", "/home/me/my files", "tmpfs", False),
        ("/mnt/x", "/mnt", "fuse.sshfs", True),
    ],
)
def test_mount_of_path_is_the_innermost_and_the_latest(
    path: str, place: str, type: str, is_network: bool
) -> None:
    mount = mount_in(MOUNTS, path)
    assert mount is not None
    assert (mount.place, mount.type, mount.is_network) == (place, type, is_network)
    assert mount.is_local is not is_network


def test_mount_of_unreadable_table_is_unknown() -> None:
    assert mount_in("", "/x") is None
    assert mount_in("1 2 3 - \n\\9 - ext4", "/x") is None


@pytest.mark.skipif(not os.path.exists("/proc/self/mountinfo"), reason="no table of mounts")
def test_mount_of_a_directory_that_is_missing_is_that_above(tmp_path: Path) -> None:
    place = os.path.realpath(tmp_path)
    assert mount_of(f"{place}/a/b") == mount_of(place) is not None
    mount = mount_of("/proc/self")
    assert mount is not None and mount.type == "proc"
