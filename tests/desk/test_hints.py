from __future__ import annotations

from drillbook.desk.hints import ANSWER, Known, hint
from drillbook.model import Step, StepKind
from drillbook.protocols import PlannedStep


def planned(line: int, text: str, command: str) -> PlannedStep:
    return PlannedStep(Step(line, ("Database",), StepKind.COMMAND, text, command), command)


STEPS = (
    planned(10, "Does it answer?", "look one"),
    planned(12, "Who waits?", "look two"),
    planned(14, "End it", "kill it"),
)


def known(gap: str = "") -> Known:
    return Known(
        sections=[("Database", 8)],
        steps=STEPS,
        changes=lambda command: command.startswith("kill"),
        symptoms=("orders time out",),
        cure="End the session that holds the lock.",
        gap=gap,
    )


def levels(*done: int) -> list[int]:
    """The levels of all hints that are given while the lines `done` have been carried out."""
    taken: list[int] = []
    while ANSWER not in taken:
        taken.append(hint(known(), frozenset(done), taken[-1] if taken else 0)[0])
    return taken


def test_the_four_go_from_where_to_look_to_the_answer() -> None:
    texts = [hint(known(), frozenset(), after)[1] for after in range(4)]
    assert "“Database” (line 8)" in texts[0]
    assert "line 10" in texts[1]
    assert "line 12" in texts[1]
    assert "line 14, “End it”" in texts[2]
    assert texts[3] == "The answer: End the session that holds the lock."
    assert all("End the session" not in text for text in texts[:3])


def test_what_was_done_makes_hints_needless() -> None:
    assert levels() == [1, 2, 3, 4]
    assert levels(10) == [2, 3, 4]
    assert levels(10, 12) == [3, 4]
    assert levels(14) == [3, 4]
    assert levels(99) == [1, 2, 3, 4]


def test_once_everything_was_carried_out_it_points_beyond_the_steps() -> None:
    level, text = hint(known(), frozenset({10, 12, 14}), 0)
    assert level == 3
    assert "line 14" not in text
    assert "not enough" in text


def test_a_known_gap_is_told_in_place_of_a_step_that_will_not_help() -> None:
    level, text = hint(known("the query spares young sessions."), frozenset({10, 12}), 0)
    assert level == 3
    assert "the query spares young sessions" in text
    assert "line 14" not in text


def test_beyond_the_answer_it_is_the_answer_again() -> None:
    assert hint(known(), frozenset(), ANSWER) == hint(known(), frozenset(), 3)
