"""How far a command reaches: what carries it on, and what of it is a comment."""

from __future__ import annotations

import pytest
from tests.runbook.look import classes, commands, fenced, notices, parse, typed

WHOLE = {
    "a backslash": "curl -s \\\n  -H 'A: b' \\\n  http://localhost/",
    "a pipe": "ps aux |\n  grep postgres |\n  # only the number\n  wc -l",
    "an and": "make build &&\n  make deploy",
    "an or": "make build ||\n  exit 1",
    "a quotation": 'psql -c "\n  SELECT 1;\n\n  SELECT 2;\n"',
    "a single quotation": "sh -c '\n  set -e\n  # inside\n  make x\n'",
    "a substitution": "echo $(\n  date\n)",
    "a loop": "for pod in a b; do\n  # this one\n  kubectl delete pod $pod\ndone",
    "a condition": "if pg_isready; then\n  echo up\nelse\n  echo down\nfi",
    "a case": 'case "$1" in\n  a) echo a ;;\n  *) echo b ;;\nesac',
    "a subshell": "(\n  cd /srv\n  make deploy\n)",
    "a here-document": "cat <<EOF > x\n# no comment\nls -l\n\nkey: 'value\nEOF",
    "a quoted here-document": "cat <<'END-OF_IT'\n$x\nEND-OF_IT",
    "a here-document in tabs": "psql <<-SQL\n\tSELECT 1;\n\tSQL",
    "a here-document in a pipe": "cat <<EOF | kubectl apply -f -\nkind: Pod\nEOF",
    "a here-document behind substitutions": "cat $(dirname $(which x)) <<EOF\na\nEOF",
    "two here-documents": "diff <(cat) - <<A <<B\none\nA\ntwo\nB",
    "a here-document in a substitution": 'git commit -m "$(cat <<EOF\nit\'s (so\nEOF\n)"',
    "a here-document in a loop": "while read -r x; do\n  cat <<EOF\n$x done\nEOF\ndone",
}


@pytest.mark.parametrize("code", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("language", ["bash", "console"])
def test_a_command_of_several_lines_is_one_step(code: str, language: str) -> None:
    prompt = "$ " if language == "console" else ""
    runbook = fenced(f"{prompt}uptime\n{prompt}{code}\n{prompt}echo next", language)
    assert typed(runbook) == ["uptime", code, "echo next"]
    count = code.count("\n") + 1
    step = commands(runbook)[1]
    assert (step.line, step.end_line) == (5, 4 + count)
    assert classes(runbook) == ["command"] * (count + 2)
    assert not runbook.notices


@pytest.mark.parametrize(
    "code",
    [
        "echo $((1 << 2))",
        "cat <<< word",
        "echo 'a << b'",
        "kubectl logs <<pod-name>>",
        "echo \\<<x",
        "ls # << x",
    ],
)
def test_what_only_looks_like_a_here_document_takes_no_further_line(code: str) -> None:
    assert len(typed(fenced(f"{code}\nuptime", "bash"))) == 2


def test_a_here_document_without_an_end_lasts_to_the_end_of_the_block_and_is_said() -> None:
    runbook = fenced("psql <<EOF\nSELECT 1;\nls -l", "bash")
    assert typed(runbook) == ["psql <<EOF\nSELECT 1;\nls -l"]
    assert notices(runbook) == [(4, "does not parse as shell; taken for a command as it stands")]


def test_a_here_document_is_one_command_however_long() -> None:
    code = "cat <<EOF\n" + "ls -l\n" * 1000 + "EOF"
    assert typed(fenced(f"{code}\nuptime", "bash")) == [code, "uptime"]


def test_the_second_prompt_is_taken_off_each_line_that_carries_on() -> None:
    runbook = fenced(
        "$ cat <<EOF > x\n> one\n>\n>   two\n> EOF\n$ kubectl get pods \\\n>   -w\nNAME", "console"
    )
    assert typed(runbook) == ["cat <<EOF > x\none\n\n  two\nEOF", "kubectl get pods \\\n  -w"]
    assert classes(runbook) == ["command"] * 7 + ["output"]


def test_the_indentation_of_the_first_line_is_taken_off_the_others() -> None:
    runbook = fenced("  cat <<EOF\n  a\n    b\n  EOF\n  ls \\\n    -l", "bash")
    assert typed(runbook) == ["cat <<EOF\na\n  b\nEOF", "ls \\\n  -l"]


def test_a_fence_in_a_list_gives_a_here_document_that_ends() -> None:
    runbook = parse("1. Apply:\n\n   ```bash\n   cat <<EOF\n   a\n   EOF\n   uptime\n   ```\n")
    assert [(s.line, s.end_line, s.command) for s in commands(runbook)] == [
        (4, 6, "cat <<EOF\na\nEOF"),
        (7, 7, "uptime"),
    ]
