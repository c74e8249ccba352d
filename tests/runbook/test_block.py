"""Every line of a code block is part of one command, or is classed; what can't be is said."""

from __future__ import annotations

import pytest
from tests.runbook.look import classes, commands, fenced, notices, parse, typed


def test_a_comment_titles_the_command_below_it() -> None:
    runbook = fenced("# 1. Look\nplatform status\n\n# 2. Read\nplatform logs -n 5", "bash")
    assert [(s.line, s.text, s.comment, s.command) for s in commands(runbook)] == [
        (5, "1. Look", "1. Look", "platform status"),
        (8, "2. Read", "2. Read", "platform logs -n 5"),
    ]
    assert classes(runbook) == ["comment", "command", "blank", "comment", "command"]


def test_a_comment_covers_the_commands_up_to_the_next_blank_line_and_titles_the_first() -> None:
    runbook = fenced("# Back up\ncd /srv\nmake backup\n\nmake clean", "sh")
    assert [(s.text, s.comment) for s in commands(runbook)] == [
        ("Back up", "Back up"),
        ("make backup", "Back up"),
        ("make clean", None),
    ]


def test_a_comment_behind_a_command_is_its_own_and_joins_the_one_above() -> None:
    runbook = fenced("# Link it (if needed)\nplatform link  # to the project\nplatform up # and go", "bash")
    assert [(s.command, s.text, s.comment, s.caution) for s in commands(runbook)] == [
        ("platform link", "Link it (if needed)", "Link it (if needed)\nto the project", True),
        ("platform up", "and go", "Link it (if needed)\nand go", True),
    ]


def test_a_sharp_within_a_word_or_quotes_begins_no_comment() -> None:
    runbook = fenced("curl http://localhost/#top\necho 'a # b' \"c # d\"", "bash")
    assert typed(runbook) == ["curl http://localhost/#top", "echo 'a # b' \"c # d\""]
    assert [s.comment for s in commands(runbook)] == [None, None]


def test_a_comment_of_several_lines_that_stands_alone_is_a_note_and_titles_nothing() -> None:
    runbook = fenced("# Ask the lead\n# before you go on\n\nplatform up", "bash")
    assert [(s.text, s.comment) for s in commands(runbook)] == [("platform up", None)]
    assert classes(runbook) == ["comment", "comment", "blank", "command"]


@pytest.mark.parametrize("language", ["bash", "sh", "shell", "zsh", "BASH", "{.bash .numbers}", "bash{1,3}"])
def test_a_shell_block_needs_no_prompt(language: str) -> None:
    assert typed(fenced("obscure-tool", language)) == ["obscure-tool"]


def test_a_block_without_a_language_yields_what_is_plainly_a_command() -> None:
    runbook = fenced("kubectl get pods\n./deploy.sh --fast\nPGUSER=app psql -c 'SELECT 1'")
    assert typed(runbook) == ["kubectl get pods", "./deploy.sh --fast", "PGUSER=app psql -c 'SELECT 1'"]


def test_what_can_not_be_classed_is_unknown_and_said_once() -> None:
    runbook = fenced("what is this even\nand that")
    assert classes(runbook) == ["unknown", "unknown"]
    assert notices(runbook) == [(4, "can't tell whether this is a command, output or configuration")]
    assert not runbook.steps


@pytest.mark.parametrize(
    ("prompt", "command"),
    [
        ("$ ", "platform status"),
        ("deploy@web-1:~$ ", "uptime"),
        ("root@db-1:/srv# ", "systemctl restart app"),
        ("[root@db-1 ~]# ", "df -h"),
        ("% ", "git status"),
    ],
)
@pytest.mark.parametrize("language", ["", "console", "bash"])
def test_a_prompt_is_taken_off_and_what_lies_below_is_output(
    prompt: str, command: str, language: str
) -> None:
    runbook = fenced(f"{prompt}{command}\nall is well\n  42\n\n{prompt}echo two\ntwo", language)
    assert typed(runbook) == [command, "echo two"]
    assert classes(runbook) == ["command", "output", "output", "blank", "command", "output"]


@pytest.mark.parametrize("language", ["", "console"])
def test_a_sharp_is_a_prompt_where_output_follows_it(language: str) -> None:
    runbook = fenced(
        "# systemctl status app\n● app.service - the app\n   Active: active (running)\n# reboot", language
    )
    assert typed(runbook) == ["systemctl status app", "reboot"]
    assert classes(runbook) == ["command", "output", "output", "command"]


def test_a_sharp_is_a_comment_where_commands_follow_it() -> None:
    runbook = fenced("# kubectl get pods\nkubectl get pods -w")
    assert classes(runbook) == ["comment", "command"]


def test_a_comment_at_a_prompt_is_a_comment() -> None:
    runbook = fenced("$ # look first\n$ uptime", "console")
    assert classes(runbook) == ["comment", "command"]
    assert commands(runbook)[0].text == "look first"


@pytest.mark.parametrize(
    "line", ["> config get maxmemory", "app=# SELECT 1;", "127.0.0.1:6379> PING", ">>> 1"]
)
def test_what_is_typed_at_another_prompt_is_no_step_and_is_said(line: str) -> None:
    runbook = fenced(line)
    assert classes(runbook) == ["unknown"]
    assert not runbook.steps
    assert "prompt of another program" in notices(runbook)[0][1]


@pytest.mark.parametrize(
    "output",
    [
        "PONG",
        "UPDATE 3",
        '{"status": "ok"}',
        "HTTP/1.1 200 OK",
        "NAME    READY   STATUS",
        "app-1   1/1     Running",
        "(1 row)",
        '1) "a"',
        "ERROR: no such thing",
        "2026-01-01 12:00:00 started",
        "deployment.apps/app restarted",
        'pod "app-1" deleted',
        "...",
    ],
)
@pytest.mark.parametrize("language", ["", "bash"])
def test_output_below_a_command_without_a_prompt_is_not_run(output: str, language: str) -> None:
    runbook = fenced(f"kubectl get pods\n{output}\nkubectl get nodes", language)
    assert typed(runbook) == ["kubectl get pods", "kubectl get nodes"]
    assert classes(runbook) == ["command", "output", "command"]


@pytest.mark.parametrize("language", ["yaml", "json", "ini", "env", "diff", "dockerfile", "crontab"])
def test_a_block_of_configuration_is_classed_and_needs_no_notice(language: str) -> None:
    runbook = fenced("run: kubectl get pods\n\nls -l", language)
    assert classes(runbook) == ["configuration", "blank", "configuration"]
    assert not runbook.steps
    assert not runbook.notices


@pytest.mark.parametrize("language", ["sql", "python", "powershell", "redis"])
def test_a_block_of_another_language_is_no_step_and_is_said(language: str) -> None:
    runbook = fenced("ls", language)
    assert not runbook.steps
    assert notices(runbook) == [(3, f"a block of {language}, which is not shell: no step comes of it")]


def test_settings_alone_are_configuration_and_before_a_command_are_part_of_what_is_run() -> None:
    assert classes(fenced("PGHOST=localhost\nPGPORT=5432", "bash")) == ["configuration", "configuration"]
    assert typed(fenced("psql -l\nPGPORT=5432\npsql -l", "bash")) == ["psql -l", "PGPORT=5432", "psql -l"]


def test_prose_before_a_block_says_that_it_is_output_or_configuration() -> None:
    assert classes(parse("It prints:\n\n```\none fine thing\n```\n")) == ["output"]
    assert classes(parse("In the file:\n\n```\none fine thing\n```\n")) == ["configuration"]


def test_a_crontab_line_and_a_bare_address_in_a_shell_block_are_not_run() -> None:
    runbook = fenced("ls -l\n0 2 * * * /srv/backup.sh\npostgresql://user@host/db", "bash")
    assert classes(runbook) == ["command", "configuration", "configuration"]


def test_a_block_of_comments_and_an_empty_block_say_that_no_step_comes_of_them() -> None:
    assert notices(fenced("# by hand", "bash")) == [
        (3, "this block holds only comments: no step comes of it")
    ]
    for empty in ("```bash\n```\n", "```\n\n\n```\n"):
        assert notices(parse(empty)) == [(1, "this block is empty: no step comes of it")]


def test_a_script_is_one_command_titled_by_the_comment_that_it_begins_with() -> None:
    code = "#!/bin/bash\n# Roll it all back\nset -e\n\n# first\nplatform down\nplatform up"
    (step,) = commands(fenced(code, "bash"))
    assert (step.line, step.end_line, step.text, step.command) == (4, 10, "Roll it all back", code)


def test_a_block_that_defines_a_function_is_one_command() -> None:
    code = 'again() {\n  systemctl restart "$1"\n}\nagain app'
    assert typed(fenced(code, "bash")) == [code]


def test_what_does_not_parse_as_shell_is_kept_as_written_and_said() -> None:
    runbook = fenced("echo it's\nuptime", "bash")
    assert typed(runbook) == ["echo it's", "uptime"]
    assert notices(runbook) == [(4, "does not parse as shell; taken for a command as it stands")]
