"""Which calls a command has: their words as the program gets them, their lines, and what runs them."""

from __future__ import annotations

import pytest
from tests.lint.look import shell, subject

from drillbook.lint.call import Call


def calls(*commands: str) -> tuple[Call, ...]:
    return subject(shell(*commands)).calls


def argvs(*commands: str) -> list[tuple[str, ...]]:
    return [call.argv for call in calls(*commands)]


def test_words_are_as_the_program_gets_them() -> None:
    (call,) = calls(r"""psql "a \"b\" $X" 'c $Y' d\ e ${Z:-f}g $'h' <id> -c=i""")
    assert call.argv == ("psql", 'a "b" $X', "c $Y", "d e", "${Z:-f}g", "h", "<id>", "-c=i")
    assert [word.variables for word in call.words] == [(), ("X",), (), (), ("Z",), (), (), ()]
    assert [word.quoted for word in call.words] == [False, True, True, False, False, True, False, False]


def test_a_command_over_several_lines_has_each_word_on_its_line() -> None:
    (call,) = calls("psql \\", "  -c \\", '  "SELECT 1"')
    assert [(word.text, word.line) for word in call.words] == [("psql", 6), ("-c", 7), ("SELECT 1", 8)]


def test_letters_beyond_ascii_move_nothing() -> None:
    assert argvs('echo "Überlast: <id>" && uptime <größe>x "é"')[0] == ("echo", "Überlast: <id>")


def test_pipes_lists_and_substitutions_are_calls_each() -> None:
    found = calls("a $(b) | c && d || e; F=1 g > h 2>&1")
    assert [(call.program, call.pipe, call.place, call.or_else) for call in found] == [
        ("a", ("a", "c"), 0, None),
        ("b", (), 0, None),
        ("c", ("a", "c"), 1, None),
        ("d", (), 0, "e"),
        ("e", (), 0, None),
        ("g", (), 0, None),
    ]
    assert [call.substituted for call in found] == [False, True, False, False, False, False]
    assert [(name, word.text) for name, word in found[-1].assignments] == [("F", "1")]
    assert [(r.operator, r.target.text) for r in found[-1].redirects] == [(">", "h"), ("2>&", "1")]


@pytest.mark.parametrize(
    ("command", "inner"),
    [
        ("railway run psql -c x", ("psql", "-c", "x")),
        ("railway run --service db psql", ("psql",)),
        ("sudo -u postgres psql", ("psql",)),
        ("env A=1 timeout -k 5 10 psql", ("psql",)),
        ("docker exec -it -e A=1 db psql -l", ("psql", "-l")),
        ("kubectl -n x exec pod/db -c pg -- psql -l", ("psql", "-l")),
        ("ssh -p 22 host 'psql -l'", ("psql", "-l")),
        ("ssh host -p 22 psql -l", ("psql", "-l")),
        ("bash -lc 'psql -l'", ("psql", "-l")),
        ("railway run sh -c 'psql -l'", ("psql", "-l")),
    ],
)
def test_what_a_call_runs_is_a_call_too(command: str, inner: tuple[str, ...]) -> None:
    last = calls(command)[-1]
    assert last.argv == inner
    assert last.via is not None
    assert last.wrappers[-1].argv[0] == command.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    "command", ["railway logs run", "docker ps", "ssh host", "bash script.sh", "sudo -i"]
)
def test_a_call_that_runs_nothing_stands_alone(command: str) -> None:
    assert len(calls(command)) == 1


def test_a_here_document_belongs_to_its_call() -> None:
    (call,) = calls("psql <<'SQL'", "SELECT 1;", "SQL")
    assert call.document is not None
    assert call.document.strip() == "SELECT 1;"


def test_what_does_not_parse_has_no_calls() -> None:
    assert calls("echo 'open") == ()
