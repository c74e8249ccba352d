"""The deployments of a service, in order, and which of them a rollback brings back. It runs nothing."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drillbook.errors import StackError
from drillbook.platforms.log import DeploymentLog
from drillbook.platforms.replica_set import ReplicaSet
from drillbook.platforms.service import Release
from drillbook.protocols import Deployment

_NAMESPACE = uuid.UUID("4be2dcb8-6b2f-5d0c-9d7c-0a52b0c6f1de")
# How far apart the deployments are that the history begins with.
_EARLIER = timedelta(hours=26, minutes=17)
# How long the last of them has served when the drill begins.
_SERVED = timedelta(hours=9, minutes=41)


class Record:
    """A deployment and what belongs to it. `failure` says why it is FAILED."""

    def __init__(self, deployment: Deployment, release: Release, log_path: Path | None) -> None:
        self.deployment = deployment
        self.release = release
        self.replicas: ReplicaSet | None = None
        self.log: DeploymentLog | None = None
        self.failure = ""
        self._log_path = log_path

    @property
    def label(self) -> str:
        """What the journal calls it."""
        return f"{self.release.name} as {self.deployment.id}"

    @property
    def running(self) -> ReplicaSet:
        """Its replicas.

        Raises:
            StackError: it is from before the drill and never had any.
        """
        if self.replicas is None:
            raise StackError(f"deployment {self.deployment.id} was never run here")
        return self.replicas

    def set_status(self, status: str) -> None:
        """Give it another status."""
        self.deployment = dataclasses.replace(self.deployment, status=status)

    def fail(self, reason: str) -> None:
        """It is FAILED, for `reason`."""
        self.failure = reason
        self.set_status("FAILED")

    def open_log(self) -> DeploymentLog:
        """Its log, opened at first use."""
        if self.log is None:
            if self._log_path is None:
                raise StackError(f"deployment {self.deployment.id} has no log")
            self.log = DeploymentLog(self._log_path)
        return self.log

    def close_log(self) -> None:
        """Close the log's file; its latest lines stay at hand."""
        if self.log is not None:
            self.log.close()


class History:
    """Every deployment of a service. Ids are the same in each drill, so that drills can be compared.

    Args:
        service: the service's name.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._records: list[Record] = []

    def __iter__(self) -> Iterator[Record]:
        """The records, newest first."""
        return iter(reversed(self._records))

    def begin(self, releases: Sequence[Release], variables: Mapping[str, str]) -> None:
        """Add the deployments from before the drill: of all `releases` but the last."""
        now = datetime.now(UTC)
        for number, release in enumerate(releases[:-1]):
            created = now - _SERVED - _EARLIER * (len(releases) - 1 - number)
            self._append(release, variables, "REMOVED", created, None)

    def add(
        self, release: Release, variables: Mapping[str, str], logs: Path, *, first: bool = False
    ) -> Record:
        """A new deployment, with its log in `logs`; the `first` has served for hours when a drill begins."""
        path = logs / f"{self._service}-{len(self._records) + 1}-{_file_name(release.name)}.log"
        created = datetime.now(UTC) - (_SERVED if first else timedelta())
        return self._append(release, variables, "DEPLOYING", created, path)

    def find(self, deployment_id: str) -> Record:
        """The record of a deployment.

        Raises:
            StackError: there is none.
        """
        for record in self._records:
            if record.deployment.id == deployment_id:
                return record
        raise StackError(
            f"there is no deployment {deployment_id!r}", hint="list the deployments for their ids"
        )

    def rollback_target(self, current_id: str, deployment_id: str | None) -> Record:
        """The deployment to bring back: the one asked for, else the newest but the current that once served.

        Raises:
            StackError: there is none.
        """
        if deployment_id is not None:
            return self.find(deployment_id)
        for record in self:
            if record.deployment.id != current_id and record.deployment.status in ("SUCCESS", "REMOVED"):
                return record
        raise StackError("there is no earlier deployment to roll back to")

    def _append(
        self, release: Release, variables: Mapping[str, str], status: str, created: datetime, log: Path | None
    ) -> Record:
        name = f"{self._service}/{len(self._records) + 1}"
        deployment = Deployment(
            str(uuid.uuid5(_NAMESPACE, name)),
            release.name,
            status,
            created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            dict(variables),
        )
        record = Record(deployment, release, log)
        self._records.append(record)
        return record


def _file_name(text: str) -> str:
    """`text` with nothing in it that a file's name can't hold."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in text)[:80]
