"""The rule of trust by ownership, on made-up status results: no test needs to be root."""

import os
import stat

import pytest

from cachewasm.cache import trust

ME = os.geteuid()
STRANGER = ME + 1000


def _status(mode: int, *, uid: int = ME, gid: int = 4242) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize("uid", [ME, 0])
@pytest.mark.parametrize("permissions", [0o600, 0o400, 0o644, 0o444, 0o755])
def test_file_of_mine_or_root_that_only_the_owner_writes_is_trusted(
    uid: int, permissions: int
) -> None:
    assert trust.file_problem(_status(stat.S_IFREG | permissions, uid=uid)) is None


@pytest.mark.parametrize("permissions", [0o620, 0o602, 0o666, 0o664])
def test_file_that_others_write_is_not_trusted(permissions: int) -> None:
    problem = trust.file_problem(_status(stat.S_IFREG | permissions))
    assert problem is not None and "others can write" in problem


def test_file_of_a_stranger_is_not_trusted() -> None:
    problem = trust.file_problem(_status(stat.S_IFREG | 0o600, uid=STRANGER))
    assert problem is not None and f"user {STRANGER}" in problem


@pytest.mark.parametrize("kind", [stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR])
def test_file_of_another_kind_is_not_trusted(kind: int) -> None:
    assert trust.file_problem(_status(kind | 0o600)) == "it is not a regular file"


@pytest.mark.parametrize("permissions", [0o700, 0o755, 0o555])
def test_directory_that_only_the_owner_writes_is_trusted(permissions: int) -> None:
    assert trust.directory_problem(_status(stat.S_IFDIR | permissions)) is None


@pytest.mark.parametrize("permissions", [0o770, 0o707, 0o1777])
def test_directory_that_others_write_is_not_trusted_even_if_sticky(permissions: int) -> None:
    assert trust.directory_problem(_status(stat.S_IFDIR | permissions)) is not None


def test_directory_of_a_stranger_is_not_trusted() -> None:
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o700, uid=STRANGER)) is not None


def test_directory_that_is_a_file_is_not_trusted() -> None:
    problem = trust.directory_problem(_status(stat.S_IFREG | 0o700))
    assert problem == "it is not a directory"


@pytest.mark.parametrize("permissions", [0o755, 0o1777, 0o1775])
def test_parent_that_is_exclusive_or_sticky_is_trusted(permissions: int) -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | permissions, uid=0)) is None


@pytest.mark.parametrize("permissions", [0o777, 0o775, 0o757])
def test_parent_that_others_write_is_not_trusted(permissions: int) -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | permissions)) is not None


def test_parent_that_the_owners_own_group_writes_is_trusted() -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | 0o775, gid=ME)) is None


def test_parent_that_everybody_writes_is_not_trusted_for_its_group() -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | 0o777, gid=ME)) is not None


@pytest.mark.parametrize("permissions", [0o755, 0o1777])
def test_parent_of_a_stranger_is_not_trusted(permissions: int) -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | permissions, uid=STRANGER)) is not None


def test_parent_that_is_a_symbolic_link_is_not_trusted() -> None:
    assert trust.parent_problem(_status(stat.S_IFLNK | 0o777)) == "it is not a directory"
