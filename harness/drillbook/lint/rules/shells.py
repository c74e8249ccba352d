"""What ShellCheck says of the commands: that they do not parse, and the few of its findings that matter here.

Its remarks on style are left out: a runbook's lines are typed by a human, one at a time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.lint.shellcheck import Remark, remarks_on
from drillbook.model import Level, Step
from drillbook.runbook.command import first_program
from drillbook.runbook.vocabulary import PROGRAMS, SESSION, SHELL, WORDS

NEEDS = ("shellcheck",)
# What goes wrong however carefully the line is typed, with how to mend it.
_MATTERS: Mapping[int, str] = {
    1015: "retype the quotes as plain ones",
    1016: "retype the quotes as plain ones",
    1018: "retype the space",
    1068: "write NAME=value without spaces",
    1100: "retype the dash as a minus",
    1101: "delete the spaces behind the backslash",
    1110: "retype the quotes as plain ones",
    1111: "retype the quotes as plain ones",
    1112: "retype the quotes as plain ones",
    2024: "sudo sh -c '… > FILE', or pipe into sudo tee",
    2037: "NAME=$(command)",
    2069: "> FILE 2>&1",
    2079: "let awk or bc calculate it",
    2088: "put ~ outside of the quotes, or write $HOME",
    2094: "write to another file and move it afterwards",
    2114: "name what is to be deleted in it",
    2115: '"${NAME:?}/", which stops where it is empty',
    2215: "end the line above with a backslash",
    2216: "give it the files as arguments, or use xargs",
    2217: "remove the pipe or the redirection",
    2238: "pipe into the command instead",
    2259: "remove one of the two inputs",
    2260: "remove one of the two outputs",
    2261: "remove one of the two redirections",
    2281: "write NAME=value, without the dollar sign",
    2283: "write NAME=value without spaces",
}
_DASHES = re.compile(r"^[\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{NON-BREAKING HYPHEN}]+[A-Za-z]")
_AWKS = frozenset(("awk", "gawk", "mawk"))
_AWK_PIPE = re.compile(r"\}\s*\|\s*(?:sort|uniq|head|tail|grep|wc|xargs|sed|tr|cut|awk)\b")
_FLAG_ALONE = 2215
# Elsewhere a line of that form is a setting, or a list.
_ONLY_ON = {
    1068: re.compile(r"[A-Z_][A-Z0-9_]*\s"),
    2283: re.compile(r"[A-Z_][A-Z0-9_]*\s"),
    _FLAG_ALONE: re.compile(r"--?[A-Za-z]"),
}
_MOST_IN_A_BLOCK = 2
_SQL = re.compile(r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|ALTER|CREATE|DROP|VACUUM|SHOW|WITH)\s")
_PARSE = range(1000, 2000)
_SAYS_WHY = (1078, 1079, 1073, 1072)


def _unparsed(subject: Subject) -> Iterator[Found]:
    by_step: dict[Step, list[Remark]] = {}
    for remark in _remarks(subject):
        if remark.level == "error" and remark.code in _PARSE and remark.code not in _MATTERS:
            by_step.setdefault(remark.step, []).append(remark)
    blocks = Counter(_block_of(subject, step) for step in by_step)
    for step, remarks in by_step.items():
        if blocks[_block_of(subject, step)] > _MOST_IN_A_BLOCK:
            continue  # the block holds something else, whatever it says
        if _SQL.match(step.command or ""):
            yield Found(
                step.line,
                "this is SQL, and the block is one of shell: pasted into a shell it is refused",
                "mark the block as sql, or give the query to psql -c",
            )
            continue
        why = next((r for code in _SAYS_WHY for r in remarks if r.code == code), remarks[0])
        yield Found(
            why.line,
            f"the shell can't parse this: {_sentence(why.message)} (SC{why.code})",
            "paste it into a shell once, and mend its quotes and brackets",
        )


def _block_of(subject: Subject, step: Step) -> int:
    block = subject.block_at(step.line)
    return block.line if block is not None else step.line


def _mistakes(subject: Subject) -> Iterator[Found]:
    for call in subject.calls:
        for word in call.words[1:] if call.via is None else ():
            if _DASHES.match(word.text):
                yield Found(word.line, f"`{word.text}` begins with a dash that is no minus", _MATTERS[1100])
        if call.program in _AWKS and any(_AWK_PIPE.search(word.text) for word in call.words[1:]):
            yield Found(
                call.line,
                f"{call.program} is given the rest of the pipe as its program: the quote closes too late",
                "close the quote behind the last }",
            )
    told: set[tuple[int, int]] = set()
    for remark in _remarks(subject):
        command = subject.lines[remark.line - 1].strip()
        if remark.code in _ONLY_ON and not _ONLY_ON[remark.code].match(command):
            continue
        if remark.code == _FLAG_ALONE and not _is_carried_on(subject, remark):
            continue
        if remark.code in _MATTERS and (remark.line, remark.code) not in told:
            told.add((remark.line, remark.code))
            yield Found(remark.line, f"{_sentence(remark.message)} (SC{remark.code})", _MATTERS[remark.code])


def _is_carried_on(subject: Subject, remark: Remark) -> bool:
    """Whether the line above is a command, which a flag on a line of its own may belong to."""
    return any(
        step.end_line == remark.line - 1 and first_program(step.command or "") in PROGRAMS | WORDS
        for step in subject.commands
    )


def _remarks(subject: Subject) -> Iterator[Remark]:
    """ShellCheck's remarks on what is shell beyond doubt."""
    for remark in remarks_on(subject.commands):
        language = (remark.step.language or "").lower()
        # A block that does not say what it holds may hold a program in any language, or a usage message.
        bare = not language and first_program(remark.step.command or "") in PROGRAMS
        if language in SHELL | SESSION or bare:
            yield remark


def _sentence(message: str) -> str:
    return " ".join(message.split()).rstrip(".")


RULES = (
    Rule(
        "shell-does-not-parse",
        "Command that does not parse",
        Level.ERROR,
        "The shell refuses the command before it runs anything.",
        _unparsed,
        NEEDS,
    ),
    Rule(
        "shell-mistake",
        "Mistake in a command",
        Level.WARNING,
        "ShellCheck finds in a command what goes wrong however carefully it is typed.",
        _mistakes,
        NEEDS,
    ),
)
