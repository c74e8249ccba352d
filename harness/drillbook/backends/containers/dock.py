"""The dock: one drill's way to the engine, and the labels that everything it makes there carries.

Calls to the engine block, so each is made in a thread of the dock's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from drillbook.errors import StackError

if TYPE_CHECKING:
    from docker import DockerClient

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Each running container keeps two, for its log and for its end.
_MOST_THREADS = 160


class Dock:
    """The engine as one drill uses it.

    Args:
        client: the engine's client.
        labels: what is on every container and network.
        name: what their names begin with.
    """

    def __init__(self, client: DockerClient, labels: Mapping[str, str], name: str) -> None:
        self.client = client
        self.labels = dict(labels)
        self.name = name
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="dock")

    async def call(self, what: str, blocking: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What `blocking` gives, which is made in a thread.

        Raises:
            StackError: the engine refused; the message says `what` was asked of it, and why.
        """
        from docker.errors import DockerException  # noqa: PLC0415  an extra, and slow to import
        from requests.exceptions import RequestException  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: blocking(*args, **kwargs))
        except (DockerException, RequestException) as error:
            reason = getattr(error, "explanation", None) or str(error)
            raise StackError(f"the engine can't {what}: {reason}") from error

    def close(self) -> None:
        """Make no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)
