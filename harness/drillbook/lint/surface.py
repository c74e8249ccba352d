"""The surface of a CLI: which commands and flags a version of it has, and what of a call it does not have.

It judges words and runs nothing. What is not certain (an expansion where a subcommand belongs, what may be a
plugin, a command whose flags are not listed) is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from drillbook.lint.call import Word
from drillbook.runbook.placeholder import placeholders
from drillbook.suggest import suggestion

_COMMAND = re.compile(r"[a-z0-9][a-z0-9_:-]*")
_LONG = re.compile(r"--[A-Za-z0-9][\w.-]*")
_SHORT = re.compile(r"-[A-Za-z0-9#:]+")
_ASKING = ("-h", "--help", "-V", "--version")
_MOST_LISTED = 12
_SHORTEST_MISTYPED = 4


class Wrong(StrEnum):
    """What can be wrong with a call; the ids of the rules."""

    COMMAND = "unknown-command"
    SUBCOMMAND = "unknown-subcommand"
    FLAG = "unknown-flag"
    BARE = "needs-subcommand"


class Value(StrEnum):
    """Whether a flag takes a value: no, yes, behind `=` only, or the next word unless that is a flag."""

    NONE = ""
    NEEDED = "="
    ATTACHED = "[=]"
    OPTIONAL = "=?"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag by one of its names, with its dashes; behind one that `ends` nothing is for judging."""

    name: str
    value: Value = Value.NONE
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or the program itself.

    `flags` are None where they are not listed. `inherited` are flags that its subcommands take too. With
    `arguments` a command with subcommands takes other words as well. `needs_command` says that it does
    nothing without a subcommand. `verbatim` says that behind its first argument nothing is a flag of its own.
    """

    flags: Mapping[str, Flag] | None = None
    inherited: Mapping[str, Flag] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    arguments: bool = False
    needs_command: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a CLI reads its words, where that is not as most do.

    `exact`: a flag is a word by itself, never combined and never with its value. `equals` False: no
    `--flag=value`. `prefixes`: a long flag may be cut short. `anywhere`: a subcommand's flags may come before
    it. `any_case`: commands are read in any case. `separator` stands between a command and its subcommand.
    """

    exact: bool = False
    equals: bool = True
    prefixes: bool = False
    anywhere: bool = False
    any_case: bool = False
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Surface:
    """What a version of a CLI takes.

    `names` are the programs that have it, the CLI's own first. `source` says where it was taken from.
    `plugins` says that others can add commands, so that one is unknown only where a known one is mistyped.
    `says` holds what the CLI answers, by what is wrong (`command`, `subcommand`, `flag`, `short-flag`,
    `bare`), with `{word}`, `{letter}` and `{path}` in it; `instead` what to do in place of a command that it
    lacks, by its name. `help` shows what there is.
    """

    names: tuple[str, ...]
    version: str
    source: str
    root: Command
    grammar: Grammar = Grammar()
    plugins: bool = False
    says: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    help: str = "{path} --help"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a call: `place` is that of the word in question."""

    wrong: Wrong
    place: int
    message: str
    fix: str


def problems_of(surface: Surface, words: Sequence[Word]) -> tuple[Problem, ...]:
    """What in a call the CLI does not have; `words[0]` is the program."""
    return tuple(_Reading(surface, words).problems())


class _Reading:
    """Reads one call from left to right, going down from command to subcommand."""

    def __init__(self, surface: Surface, words: Sequence[Word]) -> None:
        self._surface = surface
        self._grammar = surface.grammar
        self._words = words
        self._command = surface.root
        self._inherited = dict(surface.root.inherited)
        self._path = [surface.names[0]]
        self._awaits = bool(surface.root.commands)
        self._ended = False

    def problems(self) -> Iterator[Problem]:
        place = 1
        while place < len(self._words) and not self._ended:
            text = self._words[place].text
            if text.startswith("-") and text != "-":
                skip, problem = self._read_flag(place)
            else:
                skip, problem = 1, self._read_word(place)
            if problem is not None:
                yield problem
            place += skip
        if not self._ended and self._awaits and self._command.needs_command:
            yield self._bare()

    # Words

    def _read_word(self, place: int) -> Problem | None:
        word = self._words[place]
        if not self._awaits:
            self._ended = self._command.verbatim
            return None
        if not self._is_name(word):
            self._ended = True
            return None
        separator = self._grammar.separator
        names = word.text.split(separator) if separator else [word.text]
        for number, name in enumerate(names):
            child = self._command.commands.get(name.lower() if self._grammar.any_case else name)
            if child is not None:
                self._go_down(child, name)
                continue
            if name == "help":
                self._ended = True
                return None
            if (self._command.arguments or not self._awaits) and number == 0:
                self._awaits = False
                self._ended = self._command.verbatim
                return None
            self._ended = True
            return self._unknown(place, name)
        return None

    def _go_down(self, child: Command, name: str) -> None:
        self._command = child
        self._inherited |= child.inherited
        self._path.append(name)
        self._awaits = bool(child.commands)

    def _is_name(self, word: Word) -> bool:
        """Whether a word can only be a command: no expansion, placeholder or pattern."""
        text = word.text.lower() if self._grammar.any_case else word.text
        return _COMMAND.fullmatch(text) is not None and not placeholders(word.text)

    def _unknown(self, place: int, name: str) -> Problem | None:
        known = self._command.commands
        if self._surface.plugins and not any(_is_mistyped(name, other) for other in known):
            return None
        top = len(self._path) == 1
        wrong = Wrong.COMMAND if top else Wrong.SUBCOMMAND
        owner = f"{self._path[0]} {self._surface.version}" if top else f"`{self._shown()}`"
        kind = "command" if top else "subcommand"
        message = f"{owner} has no {kind} `{name}`{self._says(kind, name)}"
        instead = self._surface.instead.get(" ".join([*self._path[1:], name]).lower())
        return Problem(wrong, place, message, instead or self._hint(name))

    def _bare(self) -> Problem:
        message = f"`{self._shown()}` needs a subcommand{self._says('bare', self._path[-1])}"
        fix = f"`{self._shown()} list` lists them" if "list" in self._command.commands else self._hint("")
        return Problem(Wrong.BARE, len(self._path) - 1, message, fix)

    # Flags

    def _read_flag(self, place: int) -> tuple[int, Problem | None]:
        """Read the flag, or the flags, in one word; give how many words they take."""
        text = self._words[place].text
        flags = self._flags()
        if text == "--" or flags is None:
            # Without its flags there is no telling which of the words that follow are values.
            self._ended = self._awaits or text == "--"
            return 1, None
        if text.startswith("--") or self._grammar.exact:
            return self._read_long(place, text, flags)
        return self._read_short(place, text, flags)

    def _flags(self) -> Mapping[str, Flag] | None:
        flags = self._command.flags
        if flags is None:
            return None
        if self._awaits and self._grammar.anywhere:
            return {**_all_flags(self._command), **flags, **self._inherited}
        return {**flags, **self._inherited}

    def _read_long(self, place: int, text: str, flags: Mapping[str, Flag]) -> tuple[int, Problem | None]:
        name, equals, _ = text.partition("=") if self._grammar.equals else (text, "", "")
        flag = _find(name, flags)
        if flag is not None:
            return self._take(place, flag, attached=bool(equals)), None
        bare = name.partition("=")[0]
        if self._grammar.prefixes and name == bare and any(other.startswith(name) for other in flags):
            return 1, None
        if not (_LONG.fullmatch(bare) or (self._grammar.exact and _SHORT.fullmatch(bare))):
            return 1, None
        return 1, self._unknown_flag(place, name, flags, _apart(name, flags))

    def _read_short(self, place: int, text: str, flags: Mapping[str, Flag]) -> tuple[int, Problem | None]:
        for number, letter in enumerate(text[1:], start=1):
            flag = flags.get(f"-{letter}")
            if flag is None:
                judged = _SHORT.fullmatch(text[: number + 1]) is not None
                return 1, self._unknown_flag(place, f"-{letter}", flags) if judged else None
            if flag.value is not Value.NONE:
                return self._take(place, flag, attached=number + 1 < len(text)), None
            self._pass(flag)
        return 1, None

    def _pass(self, flag: Flag) -> None:
        """Judge nothing any more behind a flag that ends the call, such as one that asks for help."""
        asks = flag.name in _ASKING and flag.value is not Value.NEEDED
        self._ended = self._ended or flag.ends or asks

    def _take(self, place: int, flag: Flag, *, attached: bool) -> int:
        """Take a flag that there is; give how many words it takes with its value."""
        self._pass(flag)
        if attached or flag.value in (Value.NONE, Value.ATTACHED):
            return 1
        if flag.value is Value.OPTIONAL:
            following = self._words[place + 1].text if place + 1 < len(self._words) else "-"
            return 1 if following.startswith("-") else 2
        return 2

    def _unknown_flag(
        self, place: int, name: str, flags: Mapping[str, Flag], fix: str | None = None
    ) -> Problem:
        # What follows may be the value that it was thought to take.
        self._ended = self._awaits
        long = name.startswith("--")
        says = self._says("flag" if long or self._grammar.exact else "short-flag", name)
        message = f"`{self._shown()}` has no flag `{name}`{says}"
        if long:
            known = {other[2:]: other for other in flags if other.startswith("--") and other not in _ASKING}
        else:
            known = {other[1:]: other for other in flags if other.casefold() == name.casefold()}
        own = [other for other in self._command.flags or () if other in known.values()]
        fix = fix or _meant(name.lstrip("-"), known) or _listed(own) or f"see `{self._shown()} --help`"
        return Problem(Wrong.FLAG, place, message, fix)

    # What is said

    def _shown(self) -> str:
        return " ".join([self._path[0], (self._grammar.separator or " ").join(self._path[1:])]).strip()

    def _says(self, kind: str, word: str) -> str:
        text = self._surface.says.get(kind)
        if text is None:
            return ""
        for mark, value in (("{word}", word), ("{path}", self._shown()), ("{letter}", word.lstrip("-"))):
            text = text.replace(mark, value)
        return f" ({text})"

    def _hint(self, name: str) -> str:
        """What may have been meant by a subcommand, or what there is."""
        names = {each: each for each in self._command.commands}
        more = self._surface.help.replace("{path}", self._shown())
        return _meant(name, names) or _listed(names) or f"see `{more}`"


def _meant(name: str, known: Mapping[str, str]) -> str | None:
    """The one of `known` that is much like `name`, as it is shown; None if there is none."""
    hint = suggestion(name, known)
    shown = next((known[each] for each in known if hint == f"did you mean {each!r}?"), None)
    return f"did you mean `{shown}`?" if shown is not None else None


def _listed(names: Collection[str]) -> str | None:
    """All of them; None where there are none, or too many to read."""
    return f"there is {', '.join(sorted(names))}" if 0 < len(names) <= _MOST_LISTED else None


def _find(name: str, flags: Mapping[str, Flag]) -> Flag | None:
    """The flag of that name, or the one whose name is a pattern that fits."""
    flag = flags.get(name)
    if flag is not None:
        return flag
    return next((flag for other, flag in flags.items() if "*" in other and fnmatchcase(name, other)), None)


def _apart(name: str, flags: Mapping[str, Flag]) -> str | None:
    """How to write a flag and its value, where what is wrong is that they are one word."""
    long, _, value = name.partition("=")
    if value and _find(long, flags) is not None:
        return f"write {long} {value}"
    short = flags.get(name[:2])
    return f"write {name[:2]} {name[2:]}" if short is not None and short.value is not Value.NONE else None


def _all_flags(command: Command) -> dict[str, Flag]:
    found: dict[str, Flag] = {}
    for child in command.commands.values():
        found |= _all_flags(child) | dict(child.flags or {})
    return found


def _is_mistyped(word: str, known: str) -> bool:
    """Whether `word` is `known` but for one letter: another, one more, one less, or two swapped."""
    if word == known or len(known) < _SHORTEST_MISTYPED:
        return False
    if len(word) == len(known):
        wrong = [place for place in range(len(word)) if word[place] != known[place]]
        swapped = (
            len(wrong) == 2  # noqa: PLR2004 - two letters
            and wrong[1] == wrong[0] + 1
            and word[wrong[0]] == known[wrong[1]]
            and word[wrong[1]] == known[wrong[0]]
        )
        return len(wrong) == 1 or swapped
    longer, shorter = (word, known) if len(word) > len(known) else (known, word)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
