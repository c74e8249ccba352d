"""Which shell variables the runbook sets somewhere, going by all of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Subject
from drillbook.runbook.document import Code
from drillbook.runbook.vocabulary import words

_SET = re.compile(
    r"(?:^|[\s;&|(`\"'$-])(?:(?P<assigned>[A-Za-z_]\w*)\+?=(?!=)"
    r"|(?:for|select)\s+(?P<loop>[A-Za-z_]\w*)(?=\s+in\b|\s*;|\s*$)"
    r"|(?:read|mapfile|readarray|getopts\s+\S+)(?P<read>(?:\s+-\w+(?:\s+\d+)?|\s+\"[^\"]*\"|\s+'[^']*'|\s+[A-Za-z_]\w*)+)"
    r"|printf\s+-v\s+(?P<printed>\w+))"
)
_NAME = re.compile(r"(?<![-\w\"])[A-Za-z_]\w*")

# What any shell has.
SHELLS_OWN = words("""
    HOME USER LOGNAME PATH PWD OLDPWD SHELL HOSTNAME HOST TMPDIR EDITOR PAGER LANG TERM UID EUID
    PPID RANDOM SECONDS LINENO IFS BASH BASH_SOURCE BASHPID OPTARG OPTIND REPLY
""")


def _code(subject: Subject) -> Iterator[str]:
    for element in subject.document.elements:
        if isinstance(element, Code):
            yield from element.lines
    for step in subject.commands:
        yield from (step.command or "").split("\n")


def set_in(subject: Subject) -> frozenset[str]:
    """The variables that some line of the runbook sets, whether a step, an example or a script."""
    names: set[str] = set()
    for line in _code(subject):
        for match in _SET.finditer(line):
            if match["read"]:
                names.update(_NAME.findall(re.sub(r"\"[^\"]*\"|'[^']*'|-\w+", " ", match["read"])))
            else:
                names.add(match["assigned"] or match["loop"] or match["printed"])
    return frozenset(names)
