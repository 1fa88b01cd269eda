"""Whom notification frames are published to."""

from live.groups import Group

KIND = "user"
EVERYONE = Group("everyone", "all")


def user_group(user_pk: int) -> Group:
    """All sockets of one user. By primary key: it stays when the user is renamed."""
    return Group(KIND, str(user_pk))
