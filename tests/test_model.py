"""Values as JSON, and errors as one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import InputError
from drillbook.journal import build
from drillbook.model import ExitCode, Runbook, Step, StepKind, to_json

TEXT = st.text(max_size=20)
STEPS = st.builds(
    Step,
    line=st.integers(1, 999),
    section=st.lists(TEXT, max_size=3).map(tuple),
    kind=st.sampled_from(StepKind),
    text=TEXT,
    command=st.none() | TEXT,
    placeholders=st.lists(TEXT, max_size=2).map(tuple),
    caution=st.booleans(),
)


@given(st.lists(STEPS, max_size=4))
def test_a_runbook_survives_its_json_form(steps: list[Step]) -> None:
    runbook = Runbook(path="a.md", sha256="0", title="A", steps=tuple(steps))
    data = to_json(runbook)
    assert isinstance(data, dict)
    assert build(Runbook, data) == runbook


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON form for object"):
        to_json({"a": [object()]})


def test_an_error_is_one_line_with_its_place_and_its_way_out() -> None:
    error = InputError("there is\nno such key", path=Path("plan.yaml"), line=3, hint="did you mean drills?")
    assert error.render() == "plan.yaml:3: there is no such key (did you mean drills?)"
    assert error.exit_code is ExitCode.USAGE
