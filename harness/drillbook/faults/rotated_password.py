"""A Redis password that was rotated, and nobody told the service."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from redis.exceptions import AuthenticationError

from drillbook.errors import FaultNotTaken, NotApplicable
from drillbook.faults.redis_client import client, owner
from drillbook.protocols import Stack

_USER = "default"  # whose password `requirepass` is
_NO_WORD = 8  # what is shorter may stand in a variable for something else


def new_url(stack: Stack) -> str:
    """The service's URL of Redis with the password that it is rotated to."""
    return _with_password(stack.cache.url(), stack.cache.spare_password)


def _with_password(url: str, password: str) -> str:
    """`url` with another password, and with the user whose it is where that has no name."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or _USER}:{password}@{place}").geturl()


def service_url(stack: Stack) -> tuple[str, str]:
    """The service's variable that has a URL of Redis, and that URL.

    Raises:
        NotApplicable: none of its variables has one.
    """
    for name, value in stack.platform.variables().items():
        if urlsplit(value).scheme in ("redis", "rediss"):
            return name, value
    raise NotApplicable("None of the app's variables has a URL of Redis, so its password can't be rotated")


def new_variables(stack: Stack) -> dict[str, str]:
    """The service's variables that have the password of Redis, with that to which it is rotated."""
    old, new = unquote(urlsplit(stack.cache.url()).password or ""), stack.cache.spare_password
    found = {}
    for name, value in stack.platform.variables().items():
        if urlsplit(value).scheme in ("redis", "rediss"):
            found[name] = _with_password(value, new)
        elif old and (value == old or (len(old) >= _NO_WORD and old in value)):
            found[name] = value.replace(old, new)
    return found


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
        name, url = service_url(stack)
        # The service may know it by another name than this process does.
        theirs, ours = urlsplit(url).netloc.rpartition("@"), urlsplit(stack.cache.url())
        place = ours.netloc.rpartition("@")[2]
        try:
            async with client(ours._replace(netloc=f"{theirs[0]}{theirs[1]}{place}").geturl()) as redis:
                await redis.ping()
        except AuthenticationError as error:
            return f"the password in the service's {name} is refused: {error}"
        return None

    async def heal(self, stack: Stack) -> None:
        """Set the password that the service has."""
        password = unquote(urlsplit(service_url(stack)[1]).password or "")
        async with owner(stack) as redis:
            await redis.config_set("requirepass", password)
