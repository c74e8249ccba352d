"""Reads an argument list as the real CLI's parser does (clap's rules and its style of errors).

It knows no command by itself; `railway_surface` says which there are. Nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names without dashes, what it does, and the name of its value (none for a switch).

    `number` says that the value has to be a whole number, not below nought.
    """

    names: tuple[str, ...]
    about: str
    value: str = ""
    number: bool = False

    def usage(self) -> str:
        """As an error names it, such as `--lines <LINES>`."""
        name = next((_dashed(name) for name in self.names if len(name) > 1), _dashed(self.names[0]))
        return f"{name} <{self.value}>" if self.value else name


@dataclass(frozen=True, slots=True)
class Command:
    """A command or subcommand.

    `least` and `most` bound the number of its arguments (`most` None: no bound); `arguments` is how the
    usage line names them. `verbatim` says that from its first argument on nothing is read as an option.
    `bare` says that a command with subcommands may be called without one. One without `about` is not in the
    help.
    """

    name: str
    about: str
    options: tuple[Option, ...] = ()
    arguments: str = ""
    least: int = 0
    most: int | None = 0
    verbatim: bool = False
    bare: bool = False
    aliases: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()

    def find(self, name: str) -> Command | None:
        """Its subcommand of that name or alias."""
        return next((each for each in self.commands if name in (each.name, *each.aliases)), None)


@dataclass(slots=True)
class Parsed:
    """A valid argument list.

    `path` names the command and its subcommand; `first` is the place in the list of the first argument of a
    verbatim command.
    """

    path: tuple[str, ...] = ()
    values: dict[str, list[str]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    first: int | None = None

    def has(self, name: str) -> bool:
        """Whether the option was given; `name` is the first of its names."""
        return name in self.values

    def last(self, name: str) -> str | None:
        """The last value that the option was given."""
        return self.values[name][-1] if name in self.values else None


class Unparsed(Exception):  # noqa: N818 - help is one of these too, and no error
    """Raised where there is nothing to carry out: help (code 0, for stdout) or an error (2, for stderr)."""

    def __init__(self, text: str, code: int) -> None:
        self.text = text
        self.code = code
        super().__init__(text)


_HELP = Option(("help", "h"), "Print help")
_VERSION = Option(("version", "V"), "Print version")


class Parser:
    """Parses the arguments of one program.

    Args:
        program: its name and commands, as the topmost command.
        version: what `--version` prints.
    """

    def __init__(self, program: Command, version: str) -> None:
        self._program = program
        self._version = version

    def parse(self, argv: Sequence[str]) -> Parsed:
        """Read `argv`, which doesn't hold the program's name.

        Raises:
            Unparsed: help or the version is asked for, or `argv` is not valid.
        """
        parsed = Parsed()
        chain = [self._program]
        if not argv:
            raise Unparsed(help_text(chain), 2)
        words = enumerate(argv)
        for place, word in words:
            command = chain[-1]
            if word == "--" and not command.verbatim:
                parsed.arguments += [rest for _, rest in words]
            elif word == "--":
                parsed.first = place + 1
                parsed.arguments += [rest for _, rest in words]
            elif word.startswith("-") and word != "-":
                self._read_option(chain, word, words, parsed)
            elif command.commands and (inner := command.find(word)) is not None:
                chain.append(inner)
                parsed.path += (inner.name,)
            elif command.commands:
                self._read_unknown(chain, word, [rest for _, rest in words])
            else:
                parsed.arguments.append(word)
                if command.verbatim:
                    parsed.first = place
                    parsed.arguments += [rest for _, rest in words]
        self._check_end(chain, parsed)
        return parsed

    def _read_unknown(self, chain: list[Command], word: str, rest: Sequence[str]) -> None:
        if word != "help":
            raise self._error(chain, f"unrecognized subcommand '{word}'")
        for name in rest:
            inner = chain[-1].find(name)
            if inner is None:
                raise self._error(chain, f"unrecognized subcommand '{name}'")
            chain.append(inner)
        raise Unparsed(help_text(chain), 0)

    def _read_option(
        self, chain: list[Command], word: str, words: Iterator[tuple[int, str]], parsed: Parsed
    ) -> None:
        """Read one word that begins with a dash, and the next one where that is its value."""
        if word.startswith("--"):
            name, has_value, value = word[2:].partition("=")
            self._take(chain, word[: len(name) + 2], value if has_value else None, words, parsed)
            return
        letters = word[1:]
        while letters:
            name, letters = letters[0], letters[1:]
            option = self._known(chain, name)
            if option is not None and option.value and letters:
                self._take(chain, f"-{name}", letters.removeprefix("="), words, parsed)
                return
            self._take(chain, f"-{name}", None, words, parsed)

    def _take(
        self,
        chain: list[Command],
        shown: str,
        value: str | None,
        words: Iterator[tuple[int, str]],
        parsed: Parsed,
    ) -> None:
        option = self._known(chain, shown.lstrip("-"))
        if option is None:
            raise self._error(chain, f"unexpected argument '{shown}' found")
        if option is _HELP:
            raise Unparsed(help_text(chain), 0)
        if option is _VERSION:
            raise Unparsed(f"{self._program.name} {self._version}", 0)
        if not option.value:
            if value is not None:
                raise self._error(
                    chain, f"unexpected value '{value}' for '{option.usage()}' found; no more were expected"
                )
            parsed.values.setdefault(option.names[0], [])
            return
        if value is None:
            value = next((word for _, word in words), None)
        if value is None or (value.startswith("-") and len(value) > 1 and not value[1:].isdigit()):
            raise self._error(chain, f"a value is required for '{option.usage()}' but none was supplied")
        if option.number and not (value.isascii() and value.isdigit()):
            raise self._error(
                chain, f"invalid value '{value}' for '{option.usage()}': invalid digit found in string"
            )
        parsed.values.setdefault(option.names[0], []).append(value)

    def _known(self, chain: list[Command], name: str) -> Option | None:
        options = (*chain[-1].options, _HELP, *((_VERSION,) if len(chain) == 1 else ()))
        return next((option for option in options if name in option.names), None)

    def _check_end(self, chain: list[Command], parsed: Parsed) -> None:
        command = chain[-1]
        if command.commands and not command.bare:
            raise Unparsed(help_text(chain), 2)
        count = len(parsed.arguments)
        if count < command.least:
            missing = f"the following required arguments were not provided:\n  {command.arguments}"
            raise self._error(chain, missing)
        if command.most is not None and count > command.most:
            raise self._error(chain, f"unexpected argument '{parsed.arguments[command.most]}' found")

    def _error(self, chain: Sequence[Command], message: str) -> Unparsed:
        return Unparsed(
            f"error: {message}\n\nUsage: {usage_line(chain)}\n\nFor more information, try '--help'.\n", 2
        )


def usage_line(chain: Sequence[Command]) -> str:
    """How a command is called, on one line."""
    command = chain[-1]
    words = [each.name for each in chain] + ["[OPTIONS]"]
    if command.commands:
        words.append("[COMMAND]" if command.bare else "<COMMAND>")
    if command.arguments:
        words.append(command.arguments)
    return " ".join(words)


def help_text(chain: Sequence[Command]) -> str:
    """The help of the last command of `chain`."""
    command = chain[-1]
    parts = [command.about, "", f"Usage: {usage_line(chain)}"]
    if command.commands:
        shown: Mapping[str, str] = {each.name: each.about for each in command.commands if each.about}
        parts += ["", "Commands:", *_table({**shown, "help": "Print this message or the help of a command"})]
    options = (*command.options, _HELP, *((_VERSION,) if len(chain) == 1 else ()))
    parts += ["", "Options:", *_table({_both(option): option.about for option in options})]
    return "\n".join(parts) + "\n"


def _both(option: Option) -> str:
    names = sorted(option.names[:2], key=len)  # a third is an alias, which help does not show
    value = f" <{option.value}>" if option.value else ""
    return ", ".join(_dashed(name) for name in names) + value


def _table(rows: Mapping[str, str]) -> list[str]:
    width = max(len(name) for name in rows)
    return [f"  {name:<{width}}  {about}".rstrip() for name, about in rows.items()]


def _dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"
