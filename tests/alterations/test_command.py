"""The two commands, as far as they go without a drill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drillbook.cli import main
from drillbook.plan import Plan


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of `drillbook` with `arguments`."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, captured.out, captured.err


def test_mutants_are_listed_and_nothing_is_drilled(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "mutate", str(plan.path), "--list", "--json", "-")
    assert (code, err) == (0, "")
    listed = json.loads(out)["mutants"]
    assert {"drop-7", "threshold-10", "comparison-14"} <= {mutant["name"] for mutant in listed}
    assert all(mutant["id"] and mutant["text"] for mutant in listed)
    assert not (plan.path.parent / "drillbook-results").exists()
    code, out, _ = run(capsys, "mutate", str(plan.path), "--list", "--only", "state", "--only", "drop-7")
    assert code == 0
    assert "state-10" in out
    assert "drop-7" in out
    assert "threshold-10" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mutate", "--list", "--only", "stat"), "did you mean 'state'?"),
        (("mutate", "--list", "--only", "state-99"), "no operator and no mutant 'state-99'"),
        (("run", "--ablate", "--repeat", "2"), "--ablate can't be had with --repeat"),
        (("run", "--ablate", "--responder", "none"), "--ablate can't be had with --responder"),
        (("mutate", "--max", "0"), "0 is not in the range"),
    ],
)
def test_bad_usage_is_one_line(
    plan: Plan, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run(capsys, arguments[0], str(plan.path), *arguments[1:])
    assert (code, err.count("\n")) == (4, 1)
    assert message in err


def test_a_survivor_that_the_plan_accepts_has_to_be_a_mutant(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = plan.path
    survivors = "{idle-past-threshold: {survivors: {state-11: it is rare}}}"
    path.write_text(path.read_text().replace("{idle-past-threshold: {}}", survivors))
    code, _, err = run(capsys, "mutate", str(path))
    assert (code, err.count("\n")) == (4, 1)
    assert "plan.yaml:9: stuck-transactions/idle-past-threshold has no mutant 'state-11'" in err
    assert "did you mean 'state-10'?" in err
