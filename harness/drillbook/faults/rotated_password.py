"""A Redis password that was rotated, and nobody told the service."""

from __future__ import annotations

from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import client, owner
from drillbook.protocols import Stack

_VARIABLE = "REDIS_URL"
_USER = "default"  # whose password `requirepass` is


def new_url(stack: Stack) -> str:
    """The service's URL of Redis with the password that it is rotated to."""
    parts = urlsplit(stack.cache.url())
    place = f"{parts.username}:{stack.cache.spare_password}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=place).geturl()


class RotatedPassword:
    """Gives the service's user another password and cuts its connections off, as a rotation does.

    Args:
        name: the fault's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    async def inject(self, stack: Stack) -> None:
        """Set the new password, and cut off whoever came in with the old one."""
        async with owner(stack) as redis:
            await redis.config_set("requirepass", stack.cache.spare_password)
            for client_of_it in await redis.client_list():
                if client_of_it["user"] == _USER:
                    await redis.client_kill_filter(_id=client_of_it["id"])

    async def confirm(self, stack: Stack) -> str:
        """The service's password is refused, and the new one is taken."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("the service's password is still taken")
        async with client(new_url(stack)) as redis:
            await redis.ping()
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """What Redis says to the password that the service has now, for as long as it refuses it."""
        try:
            async with client(stack.platform.variables()[_VARIABLE]) as redis:
                await redis.ping()
        except AuthenticationError as error:
            return f"the password in the service's {_VARIABLE} is refused: {error}"
        return None

    async def heal(self, stack: Stack) -> None:
        """Set the password that the service has."""
        password = urlsplit(stack.platform.variables()[_VARIABLE]).password
        async with owner(stack) as redis:
            await redis.config_set("requirepass", password or "")
