"""The desk, over its real socket, with a real shell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.journals import STATUS, runbook

from drillbook.desk import near
from drillbook.desk.client import DeskClient
from drillbook.desk.hints import Known
from drillbook.desk.record import Record
from drillbook.desk.responder import ORDERS, SOCKET, DeskResponder, Incident
from drillbook.errors import StackError
from drillbook.events import HintTaken, ResponderActed, StepEnded, StepStarted, StepWatched, UpdateSent
from drillbook.journal import Entry, Journal, events, read
from drillbook.model import Effect
from drillbook.responders.shell import OperatorShell

FILLED = STATUS.replace("Service Name - Brief Description", "Orders - no payments")
for asked, value in {
    "Investigating / Identified / Monitoring / Resolved": "Identified",
    "[Description of user impact]": "Nobody can pay",
    "[Time]": "09:30",
    "[What's being done]": "Looking",
    "[Number]": "7",
}.items():
    FILLED = FILLED.replace(asked, value)


TEXT = "# On call\n\ntext\n\n\n\n\n## Locks in the database\nlook\n"


class FileSigns:
    """SLIs that are good once a file is there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._began = time.monotonic()

    def holds(self, window_s: float) -> bool:
        assert window_s > 0
        return self._file.exists()

    def bad_fraction(self, since: float, until: float) -> float:
        assert since < until
        return 0.0 if self._file.exists() else 1.0

    async def wait_until_holds(self, window_s: float, deadline_s: float) -> bool:
        assert deadline_s > 0
        return self.holds(window_s)

    def describe_bad(self) -> str:
        return "write: 5 of 5 looks bad (no answer)"

    def good_since(self) -> float | None:
        return self._began if self._file.exists() else None


def at_the_desk(folder: Path, act: Callable[[DeskClient], Awaitable[None]]) -> list[Entry]:
    """What is on file after `act` has been at a desk in `folder`; it has to end the response."""
    journal = Journal(folder / "journal.jsonl")
    journal.hide("sesame-opens")
    watch, book = FileSigns(folder / "cured"), runbook()
    shell = OperatorShell({"PATH": "/usr/bin:/bin", "URL": "sesame-opens"}, folder)
    known = Known((("Locks in the database", 8),), (), lambda _: False, ("writes time out",), "End it.")
    incident = Incident(
        "SEV1", ("writes time out",), "http://127.0.0.1", book, TEXT,
        known, lambda: {"write-failing": "5 of 5"}, 60.0, 0.2, clock_speed=10,
    )  # fmt: skip
    record = Record(journal, watch, book, (), platform=lambda _: False, findings=list)
    desk = DeskResponder(
        "mcp", incident, shell=shell, record=record, journal=journal, watch=watch, folder=folder
    )

    async def both() -> None:
        async with asyncio.timeout(20):
            response = asyncio.create_task(desk.respond())
            async with await DeskClient.connect(folder, deadline_s=5) as client:
                await act(client)
            await response

    asyncio.run(both())
    journal.close()
    assert not (folder / SOCKET).exists()
    return read(folder / "journal.jsonl")


def orders(folder: Path, given: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Entry]]:
    answers: list[dict[str, Any]] = []

    async def act(client: DeskClient) -> None:
        answers.extend([await client.order(**each) for each in given])

    entries = at_the_desk(folder, act)
    return answers, entries


def test_a_drill_is_acknowledged_worked_on_and_resolved(tmp_path: Path) -> None:
    given = [
        {"order": "ack"},
        {"order": "run", "command": "echo looked; touch cured"},
        {"order": "check"},
        {"order": "resolve"},
    ]
    (acknowledged, ran, checked, resolved), entries = orders(tmp_path, given)
    assert acknowledged["ok"]
    assert "SEV1 15 min, which are 1 min 30 s here" in acknowledged["text"]
    assert (ran["exit_code"], ran["stdout"], ran["line"]) == (0, "looked\n", 0)
    assert checked["good"]
    assert resolved["accepted"]
    assert [act.change for _, act in events(entries, ResponderActed)] == ["ack", "checked", "declared"]
    assert [(step.command, step.state_changing) for _, step in events(entries, StepStarted)] == [
        ("echo looked; touch cured", True)
    ]
    assert [seen.effect for _, seen in events(entries, StepWatched)] == [Effect.CURED]


def test_a_false_all_clear_is_on_file_and_the_drill_goes_on(tmp_path: Path) -> None:
    given = [{"order": "resolve"}, {"order": "run", "command": "touch cured"}, {"order": "resolve"}]
    (early, _, late), entries = orders(tmp_path, given)
    assert (early["ok"], early["accepted"]) == (True, False)
    assert "no answer" in early["text"]
    assert late["accepted"]
    acts = [act.change for _, act in events(entries, ResponderActed)]
    assert acts == ["false-all-clear", "declared"]


def test_a_step_of_the_runbook_is_known_by_what_is_typed(tmp_path: Path) -> None:
    given = [
        {"order": "run", "command": 'railway run  psql $DATABASE_URL  -c "SELECT 1" '},
        {"order": "giveup"},
    ]
    (ran, _), entries = orders(tmp_path, given)
    assert ran["line"] == 12
    ((_, step),) = events(entries, StepStarted)
    assert (step.text, step.section[-1]) == ("Check the connection", "Locks in the database")
    assert [act.change for _, act in events(entries, ResponderActed)] == ["gave-up"]


def test_a_step_that_only_reads_is_never_credited(tmp_path: Path) -> None:
    async def act(client: DeskClient) -> None:
        running = asyncio.create_task(client.order("run", command="sleep 0.5"))
        await asyncio.sleep(0.1)
        (tmp_path / "cured").touch()
        await running
        await client.order("resolve")

    entries = at_the_desk(tmp_path, act)
    assert [seen.effect for _, seen in events(entries, StepWatched)] == [Effect.NONE]


def test_secrets_and_control_characters_stay_out_of_the_journal(tmp_path: Path) -> None:
    command = "echo $URL; PGPASSWORD=hunter22 printf '\\033[2Jx'; : sesame-opens \x1b]0;x\x07"
    given = [{"order": "run", "command": command}, {"order": "giveup"}]
    (ran, _), entries = orders(tmp_path, given)
    assert "sesame-opens" in ran["stdout"], "whoever acts sees what there is"
    text = (tmp_path / "journal.jsonl").read_text()
    for secret in ("sesame-opens", "hunter22", "\\u001b", "\x1b"):
        assert secret not in text
    ((_, ended),) = events(entries, StepEnded)
    assert ended.stdout == "***\nx"


def test_a_command_is_ended_at_its_deadline(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [
        {"order": "run", "command": "sleep 60", "deadline_s": 0.2},
        {"order": "giveup"},
    ]
    (ran, _), entries = orders(tmp_path, given)
    assert ran["timed_out"]
    assert [ended.timed_out for _, ended in events(entries, StepEnded)] == [True]


def test_an_update_is_sent_only_where_nothing_is_open(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [
        {"order": "template"},
        {"order": "update", "update": STATUS},
        {"order": "update", "update": FILLED},
        {"order": "update", "update": STATUS, "anyway": True},
        {"order": "update", "update": "", "anyway": True},
        {"order": "giveup"},
    ]
    (template, as_it_is, filled, anyway, nothing, _), entries = orders(tmp_path, given)
    assert template["template"] == STATUS
    assert (as_it_is["sent"], filled["sent"], anyway["sent"], nothing["sent"]) == (False, True, True, False)
    assert any("Impact" in each for each in as_it_is["unfilled"])
    sent = [update for _, update in events(entries, UpdateSent)]
    assert [bool(update.unfilled) for update in sent] == [False, True]
    assert sent[0].text == FILLED


def test_each_hint_is_on_file_once_and_the_answer_is_the_last(tmp_path: Path) -> None:
    given = [{"order": "hint"}] * 6 + [{"order": "giveup"}]
    answers, entries = orders(tmp_path, given)
    levels = [taken.level for _, taken in events(entries, HintTaken)]
    assert levels == sorted(set(levels))
    assert levels[-1] == 4
    assert "End it." in answers[5]["text"]


def test_what_is_known_of_the_incident_can_be_asked(tmp_path: Path) -> None:
    given = [
        {"order": "status"},
        {"order": "alerts"},
        {"order": "runbook"},
        {"order": "runbook", "section": "locks"},
        {"order": "runbook", "section": "no such"},
        {"order": "check"},
        {"order": "giveup"},
    ]
    (status, alerts, book, section, none, checked, _), _ = orders(tmp_path, given)
    assert (status["alerts"], status["acknowledged"], status["severity"]) == (
        ["write-failing"],
        False,
        "SEV1",
    )
    assert "write-failing" in alerts["text"]
    assert [each["title"] for each in book["sections"]] == ["On call", "Locks in the database"]
    assert section["markdown"] == "## Locks in the database\nlook"
    assert (none["ok"], "no section" in none["text"]) == (False, True)
    assert (checked["good"], "no answer" in checked["text"]) == (False, True)


def test_every_order_is_described_and_an_unknown_one_is_answered(tmp_path: Path) -> None:
    given = [{"order": name} for name in ORDERS if name != "giveup"]
    answers, _ = orders(tmp_path, [*given, {"order": "inject"}, {"order": "giveup"}])
    assert not [answer for answer in answers[:-2] if "there is no order" in answer["text"]]
    assert (answers[-2]["ok"], "there is no order" in answers[-2]["text"]) == (False, True)


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b"\xff\xfe\n", b'{"order": 7}\n'])
def test_what_is_no_order_does_no_harm(tmp_path: Path, line: bytes) -> None:
    async def act(client: DeskClient) -> None:
        reader, writer = await near.connect(tmp_path / SOCKET)
        writer.write(line)
        answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
        assert answer["ok"] is False
        writer.close()
        assert (await client.order("giveup"))["ok"]

    at_the_desk(tmp_path, act)


def test_without_a_desk_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no drill has its desk open"):
        asyncio.run(DeskClient.connect(tmp_path))


def test_an_order_after_the_end_is_not_carried_out(tmp_path: Path) -> None:
    async def act(client: DeskClient) -> None:
        assert (await client.order("giveup"))["ok"]
        late = None
        with contextlib.suppress(StackError):  # it may be closed already
            late = await client.order("resolve")
        assert late is None or (late["ok"], late["text"]) == (False, "the response is over")

    entries = at_the_desk(tmp_path, act)
    assert [act.change for _, act in events(entries, ResponderActed)] == ["gave-up"]
