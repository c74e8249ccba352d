"""The shell in the CI workflows that a runbook shows as YAML: a job's commands, and their lines.

They are no steps of the runbook, and nobody types them; but a command that the CLI does not have fails there
as well. Only the forms of GitHub (`run`) and GitLab (`script`) are known. YAML that does not parse has no
commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from drillbook.model import Step, StepKind
from drillbook.runbook.document import Code, Document

_YAML = ("yaml", "yml")
_EXPRESSION = re.compile(r"\$\{\{[^\n]*?\}\}")
_SCRIPTS = ("before_script", "script", "after_script")
_LITERAL = ("|", ">")


def shown_steps(document: Document) -> Iterator[Step]:
    """The commands of the workflows in the code blocks of `document`, as if they were steps of it."""
    for code in document.elements:
        if isinstance(code, Code) and (code.language or "").lower() in _YAML:
            yield from _commands(code)


def _commands(code: Code) -> Iterator[Step]:
    try:
        top = yaml.compose("\n".join(code.lines), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return
    for scalar in _scripts(top):
        # A block scalar begins below its indicator, and the line breaks of a folded one are gone.
        line = code.first + scalar.start_mark.line + (1 if scalar.style in _LITERAL else 0)
        command = _EXPRESSION.sub(_as_word, str(scalar.value))
        section = code.section.path if code.section is not None else ()
        end_line = line + command.rstrip("\n").count("\n")
        yield Step(line, section, StepKind.COMMAND, command, command, code.language, end_line=end_line)


def _as_word(match: re.Match[str]) -> str:
    """An expression that the CI fills in, as a word of the same length: to a shell it is no expansion."""
    return "X" * len(match[0])


def _scripts(top: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The scalars that a CI hands to a shell."""
    for key, value in _pairs(top):
        if key == "jobs":
            for _, job in _pairs(value):
                yield from _runs(job)
        elif key == "runs":  # a composite action
            yield from _runs(value)
        elif key in _SCRIPTS:
            yield from _texts(value)
        else:
            for name, script in _pairs(value):
                if name in _SCRIPTS:
                    yield from _texts(script)


def _runs(job: yaml.Node) -> Iterator[yaml.ScalarNode]:
    for key, steps in _pairs(job):
        if key == "steps" and isinstance(steps, yaml.SequenceNode):
            for step in steps.value:
                yield from (text for name, run in _pairs(step) if name == "run" for text in _texts(run))


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def _texts(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """The texts of a list, or `node` where it is one itself."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(item, yaml.ScalarNode) and item.tag.endswith(":str"):
            yield item
