"""Whether a line is a shell command, going by the line alone.

Three strengths, for three places: `looks_like_output` doubts a line of a shell block, `is_command` picks
lines out of a block without a language, `is_surely_command` picks them out of prose.
"""

from __future__ import annotations

import re

from drillbook.runbook.placeholder import mask
from drillbook.runbook.vocabulary import KEYWORDS, PROGRAMS, PROSE_WORDS, SUBCOMMANDS, WORDS

_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|`[^`]*`|\$\([^()]*\)")
_ENVIRONMENT = re.compile(
    r"^(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|\$\((?:[^()]|\([^()]*\))*\)|[^\s\"';|&]*)\s+)+(?=[^\s=])"
)
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*\+?=\S?")
_STATIC_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=(?:\"[^\"`]*\"|'[^']*'|[^\s\"'`();|&]*)\s*(?:#.*)?$")
_PROGRAM_PATH = re.compile(r"^(?:\.{1,2}|~|\$\w+|\$\{\w+\}|[\w.-]+|_+)?(?:/[\w.@+-]+)+$")
_BINARY_PATH = re.compile(r"(?:^|/)s?bin/[\w.+-]+$|\.(?:sh|bash|py|rb|pl)$")
_PROGRAM_NAME = re.compile(r"^[a-z][a-z0-9_.+:-]*[a-z0-9_]$|^[a-z]$")
_FLAG = re.compile(r"(?:^|\s)--?[A-Za-z0-9][\w-]*")
_MARK = re.compile(
    r"(?:^|\s)(?:--?[A-Za-z0-9][\w.-]*|\$[\w({]|~?/[\w.@-]|\./|[\w.+-]+=|[\w.+-]+://|@\d|\w+@[\w.-]+\.)"
    r"|\s(?:\||\|\||&&|>>?|<|2>)\s*\S|\$\w|\$\(|_{4,}|;\s"
    r"|\w+\.(?:sql|sh|ya?ml|json|conf|cfg|log|py|rb|js|gz|zip)\b"
)
_SENTENCE_END = re.compile(r"[\w)\"'][.:,?!]$")
_URL_ONLY = re.compile(r"^[a-z][a-z0-9+.-]*://\S+$")
_CRON = re.compile(
    r"^(?:@(?:daily|hourly|weekly|monthly|yearly|reboot)|(?:[\d*][\d*/,-]*\s+){4}[\d*][\d*/,-]*)\s+\S"
)
_OUTPUT = re.compile(
    r"""^\s*(?:
        [{\[]\s*(?:"|\{|$) | [}\]],?;?$ | HTTP/\d | [|+][-=+|\s] | [-=─━]{3,} | \.\.\.|…|\(\.\.\.\)|\[\.\.\.\]
      | \d+\)\s | \(\w+\)\s | => | [✓✔✗✘●○►▶→└├│┌✅❌⚠] | \d{4}-\d\d-\d\d | \d{2}:\d{2}
      | \S+:(?:\s|$) | \d[\d.,]*(?:\s|%|$) | \S+,\s | [A-Z][a-z]+\s+[a-z(]+(?:\s|$) | \(\d+\srows?\)
      | [A-Z][A-Z_-]+(?:\s{2,}[A-Z][A-Z_()-]+)+ | <\w+> | \S+\s{3,}\S+\s{3,}\S+ | [A-Z]\w+!$
      | (?:OK|PONG|SUCCESS|PASS(?:ED)?|DONE|(?:SELECT|UPDATE|DELETE|INSERT\s0)\s\d+)$
      | [\w.-]+(?:/[\w.-]+|\s"[^"]+")\s(?:created|configured|unchanged|restarted|scaled|patched|deleted
        |labeled|annotated|(?:un)?cordoned|drained|evicted|rolled\sback|image\supdated|successfully\srolled\sout)
        (?:\s\(.*\))?$
    )""",
    re.VERBOSE,
)


def looks_like_output(line: str) -> bool:
    """Whether `line` can hardly be a command, because it looks like what one prints."""
    text = line.strip()
    if _OUTPUT.match(mask(line)) and not _ENVIRONMENT.match(text):
        first = text.split()[0]
        return not (first in PROGRAMS or first in WORDS or first in KEYWORDS or first == ":")
    return False


def is_setting(line: str) -> bool:
    """Whether `line` is a bare URL, a crontab entry or an assignment of a constant."""
    text = line.strip()
    return bool(_URL_ONLY.match(text) or _CRON.match(text) or _STATIC_ASSIGNMENT.match(text))


def is_assignment(line: str) -> bool:
    """Whether `line` only assigns a constant to a variable."""
    return bool(_STATIC_ASSIGNMENT.match(line.strip()))


def is_command(line: str) -> bool:
    """Whether `line`, from a block that does not say what it holds, is plainly a command."""
    text = mask(line.strip())
    if not text or is_setting(line):
        return False
    rest = _ENVIRONMENT.sub("", text)
    first = rest.split()[0]
    if rest != text and _PROGRAM_NAME.match(first) and not looks_like_output(rest):
        return True
    if _ASSIGNMENT.match(text):
        return "$(" in text or "`" in text
    return _begins_as_command(first, rest)


def _begins_as_command(first: str, rest: str) -> bool:
    """Whether `rest`, whose first word is `first`, is a command, going by what kind of word that is."""
    prose = reads_like_prose(rest)
    marks = bool(_MARK.search(rest[len(first) :]))
    if first in PROGRAMS:
        return marks or not prose
    if first in KEYWORDS:
        return first not in PROSE_WORDS or bool(re.search(r"[;$\[]|\bthen$|\bdo$", rest))
    if prose and not _BINARY_PATH.search(first):
        return False
    if _PROGRAM_PATH.match(first) and "/" in first:
        return marks or bool(_BINARY_PATH.search(first))
    if first in WORDS:
        return marks or len(rest.split()) > 1 or first in {"exit", "wait", "whoami", "sync"}
    return bool(_PROGRAM_NAME.match(first)) and bool(_FLAG.search(rest))


def is_surely_command(line: str, *, marked: bool = False) -> bool:
    """Whether `line`, from prose, is a command beyond doubt; `marked` says that it was set as code."""
    text = mask(line.strip())
    if not is_command(line) or reads_like_prose(text):
        return False
    rest = _ENVIRONMENT.sub("", text)
    words = rest.split()
    first = words[0].rpartition("/")[2]
    if _ASSIGNMENT.match(rest):
        return True
    if len(words) == 1:
        return "/" in words[0] and bool(_BINARY_PATH.search(words[0])) and (not marked or first in PROGRAMS)
    marks = bool(_MARK.search(rest[len(words[0]) :]))
    if marked:
        return marks or first in PROGRAMS or first in WORDS
    if first not in PROGRAMS | WORDS and not _BINARY_PATH.search(words[0]):
        return False
    return marks or words[1] in SUBCOMMANDS or (first in PROGRAMS and words[1] in PROGRAMS)


def first_program(line: str) -> str:
    """The program that `line` runs: its first word, without its path and the variables set before it."""
    words = _ENVIRONMENT.sub("", mask(line.strip())).split()
    return words[0].rpartition("/")[2] if words else ""


def reads_like_prose(text: str) -> bool:
    """Whether `text`, its quoted parts aside, has the words or the ending of a sentence."""
    bare = _QUOTED.sub("Q", text)
    words = re.split(r"\s+", bare)[1:]
    if any(word in PROSE_WORDS and word not in {"up", "all", "on"} for word in words[:12]):
        return not _FLAG.search(bare) or sum(word in PROSE_WORDS for word in words) > 2  # noqa: PLR2004
    return bool(_SENTENCE_END.search(bare)) and not bare.endswith(" .")
