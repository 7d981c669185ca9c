"""The rule of trust by ownership, on made-up status results: no test needs to be root."""

import os
import stat

import pytest

from cachewasm.cache import trust
from cachewasm.cache.secret import Secret
from cachewasm.cache.trust import Rules

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


FRIEND = STRANGER + 1
OWNERS = Rules((FRIEND,))
GROUP = Rules((FRIEND,), file_mode=0o660)


def test_file_of_a_trusted_owner_is_trusted() -> None:
    assert trust.file_problem(_status(stat.S_IFREG | 0o600, uid=FRIEND), OWNERS) is None
    problem = trust.file_problem(_status(stat.S_IFREG | 0o600, uid=STRANGER), OWNERS)
    assert problem is not None and "nor to a trusted owner" in problem


def test_directories_of_a_trusted_owner_are_trusted() -> None:
    status = _status(stat.S_IFDIR | 0o755, uid=FRIEND)
    assert trust.directory_problem(status, OWNERS) is None
    assert trust.parent_problem(status, OWNERS) is None


@pytest.mark.parametrize("rules", [OWNERS, Rules(file_mode=0o660)], ids=["owners", "mode"])
def test_group_that_owners_or_mode_alone_ask_for_is_not_trusted(rules: Rules) -> None:
    assert trust.file_problem(_status(stat.S_IFREG | 0o660), rules) is not None
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o2770), rules) is not None


def test_group_of_a_directory_that_hands_it_on_is_trusted_with_owners_and_mode() -> None:
    assert trust.file_problem(_status(stat.S_IFREG | 0o660, uid=FRIEND), GROUP) is None
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o2770), GROUP) is None
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o770), GROUP) is not None


@pytest.mark.parametrize("permissions", [0o662, 0o606])
def test_others_are_never_trusted_with_a_group(permissions: int) -> None:
    assert trust.file_problem(_status(stat.S_IFREG | permissions), GROUP) is not None
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o2000 | permissions), GROUP) is not None


def test_parent_that_a_group_writes_is_not_trusted_with_owners_and_mode() -> None:
    assert trust.parent_problem(_status(stat.S_IFDIR | 0o2775), GROUP) is not None


def test_secret_leaves_only_the_kind_to_be_asked_for() -> None:
    rules = Rules(secret=Secret(bytes(32)))
    assert trust.file_problem(_status(stat.S_IFREG | 0o666, uid=STRANGER), rules) is None
    assert trust.directory_problem(_status(stat.S_IFDIR | 0o777, uid=STRANGER), rules) is None
    assert trust.parent_problem(_status(stat.S_IFDIR | 0o777, uid=STRANGER), rules) is None
    assert trust.file_problem(_status(stat.S_IFIFO | 0o600), rules) == "it is not a regular file"
    assert trust.directory_problem(_status(stat.S_IFREG | 0o600), rules) is not None
    assert trust.parent_problem(_status(stat.S_IFREG | 0o600), rules) is not None


@pytest.mark.parametrize(
    ("file_mode", "directory_mode"),
    [(0o600, 0o700), (0o640, 0o750), (0o644, 0o755), (0o660, 0o770), (0o664, 0o775)],
)
def test_directory_mode_lets_search_who_may_read(file_mode: int, directory_mode: int) -> None:
    assert Rules(file_mode=file_mode).directory_mode == directory_mode
