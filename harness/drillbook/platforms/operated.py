"""What the CLI's stand-in needs of a platform, so that each backend's platform can have the same CLI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from drillbook.platforms.log import LogLine
from drillbook.platforms.replica_set import ReplicaState
from drillbook.platforms.service import Release, Service
from drillbook.protocols import Deployment, Limits


class Operated(Protocol):
    """What a platform has to offer to be operated by the CLI; see `LocalPlatform` for each."""

    service: Service
    edge_port: int

    def current(self) -> Deployment:
        """The deployment that serves."""

    def deployments(self) -> Sequence[Deployment]:
        """Every deployment, newest first."""

    def describe(self, deployment_id: str) -> Release:
        """A deployment's release."""

    def variables(self) -> Mapping[str, str]:
        """The service's variables."""

    def replicas(self) -> Sequence[ReplicaState]:
        """The replicas of the current deployment."""

    def limits(self) -> Limits:
        """What each replica may use."""

    def logs(self, deployment_id: str, lines: int) -> Sequence[LogLine]:
        """The latest lines of a deployment's log."""

    async def redeploy(self) -> Deployment:
        """Deploy the current release again."""

    async def rollback(self, deployment_id: str | None = None) -> Deployment:
        """Bring an earlier deployment back."""

    async def restart(self) -> Deployment:
        """Start the replicas anew."""

    async def scale(self, replicas: int) -> None:
        """Change the number of replicas."""

    async def set_variables(self, values: Mapping[str, str], *, redeploy: bool = True) -> Deployment:
        """Set variables."""

    async def set_limits(self, limits: Limits, *, redeploy: bool = True) -> Deployment:
        """Give each replica other limits."""

    async def delete_variable(self, name: str) -> Deployment:
        """Delete a variable."""
