"""Commands that destroy, without a look at what is there before them or a way back after them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drillbook.lint import redis
from drillbook.lint.call import Call
from drillbook.lint.rule import Found, Rule, Subject
from drillbook.lint.sql import queries_of
from drillbook.model import Level, Step
from drillbook.runbook.vocabulary import words


@dataclass(frozen=True, slots=True)
class Destroyer:
    """A way to destroy: what `does` says of a call (nothing where it is none), and what makes it bearable.

    `look` is what a step before it holds that looks at what will be lost or keeps a copy of it, and
    `back` what a step after it holds that brings it back.
    """

    does: Callable[[Call], str]
    look: str
    back: str
    fix: str


_COPY = r"back-?\s?up|snapshot|\bcopy of\b|\bdump\b"
_SCRATCH = re.compile(
    r"^(?:/tmp/|/var/tmp/|\./?(?:tmp|build|dist|target)\b|(?:tmp|build|dist|target|node_modules|\.cache|__pycache__)\b"
    r"|.*/(?:cache|tmp|node_modules)(?:/|$))"
)
_DROPS = re.compile(r"\b(DROP\s+(?:TABLE|DATABASE|SCHEMA)|TRUNCATE)\b", re.IGNORECASE)
_KEPT_KINDS = words("""
    ns namespace namespaces pv persistentvolume persistentvolumes pvc persistentvolumeclaim
    persistentvolumeclaims sts statefulset statefulsets crd crds customresourcedefinition secret
    secrets cm configmap configmaps deploy deployment deployments
""")


def _redis(call: Call) -> str:
    match redis.command_of(call)[:1]:
        case ("flushdb",):
            return "FLUSHDB deletes every key"
        case ("flushall",):
            return "FLUSHALL deletes every key of every database"
        case _:
            return ""


def _database(call: Call) -> str:
    if call.program == "dropdb":
        return "dropdb deletes the whole database"
    if call.program == "heroku" and "pg:reset" in call.argv:
        return "pg:reset deletes the whole database"
    if call.program == "pg_restore" and {"-c", "--clean"} & set(call.argv):
        return "pg_restore --clean drops what is there before it restores"
    for query in queries_of(call):
        match = _DROPS.search(query.text)
        if match is not None:
            return f"{' '.join(match[1].upper().split())} deletes for good"
    return ""


def _files(call: Call) -> str:
    if call.program == "rm" and _has(call, "r", "R", "--recursive"):
        paths = [word.text for word in call.words[1:] if not word.text.startswith("-")]
        grave = [p for p in paths if p.startswith(("/", "~", "$", "*")) or "*" in p]
        grave = [p for p in grave if not _SCRATCH.match(p)]
        return f"rm -r deletes {grave[0]} for good" if grave else ""
    if call.program.startswith("mkfs"):
        return f"{call.program} deletes the whole file system"
    return ""


def _git(call: Call) -> str:
    if call.program == "git" and "push" in call.argv and _has(call, "f", "--force"):
        return "a forced push overwrites the branch for everybody"
    return ""


def _cluster(call: Call) -> str:
    argv = call.argv
    if call.program in ("kubectl", "oc") and "delete" in argv:
        kinds = {part for word in argv for part in word.split("/")[0].split(",")}
        gentle = any(word.startswith(("--dry-run", "--cascade=orphan", "--cascade=false")) for word in argv)
        named = sorted(kinds & _KEPT_KINDS)
        return f"kubectl delete removes the {named[0]} and what belongs to it" if named and not gentle else ""
    if call.program == "helm" and {"uninstall", "delete"} & set(argv[1:2]):
        return "helm uninstall removes all that the release made"
    if call.program in ("terraform", "tofu") and argv[1:2] == ("destroy",):
        return "destroy removes the infrastructure"
    return ""


def _containers(call: Call) -> str:
    argv = call.argv
    compose = call.program == "docker-compose" or argv[:2] == ("docker", "compose")
    if compose and "down" in argv and _has(call, "v", "--volumes"):
        return "down -v deletes the volumes with the data"
    if argv[:2] == ("docker", "volume") and {"rm", "remove", "prune"} & set(argv[2:3]):
        return f"docker volume {argv[2]} deletes the data"
    if argv[:3] == ("docker", "system", "prune") and "--volumes" in argv:
        return "docker system prune --volumes deletes the data of stopped services"
    return ""


def _has(call: Call, *names: str) -> bool:
    """Whether an option is given: a letter stands for itself within a group too."""
    for word in call.argv[1:]:
        if any(name == word for name in names):
            return True
        if re.match(r"^-[A-Za-z]+$", word) and any(len(name) == 1 and name in word for name in names):
            return True
    return False


_DESTROYERS: Sequence[Destroyer] = (
    Destroyer(
        _redis,
        rf"\bdbsize\b|\bscan\b|\bkeyspace\b|\bbgsave\b|\bsave\b|--rdb|--(?:big|mem)keys|\brandomkey\b|{_COPY}",
        r"\brestor|\.rdb\b|\bwarm|\brepopulat|\brebuild|\brefill|\bfills? (?:up )?again",
        "look first (INFO keyspace), keep a copy (redis-cli --rdb FILE), and say how the keys come back",
    ),
    Destroyer(
        _database,
        rf"\bpg_dump|\bselect\b.*\bcount|\bbegin\b|{_COPY}",
        r"\brestor|\bpg_restore|\brollback\b|\bseed|\bmigrat",
        "count or dump what will be lost first, and say how it is restored",
    ),
    Destroyer(
        _files,
        rf"(?:^|[\s|;&])(?:ls|du|find|tree|tar|cp|mv|rsync)\s|{_COPY}",
        r"\brestor|\btar\s+-?\w*x|\brsync\b|\brecreat|\bre-create",
        "list what will be lost first (ls, du), or move it aside instead",
    ),
    Destroyer(
        _git,
        r"\bgit\s+(?:tag|branch)\s+[^-\s]|\bgit\s+(?:rev-parse|log|fetch|bundle|reflog)\b|--force-with-lease",
        r"\breflog\b|\bORIG_HEAD\b",
        "note the old head first (git rev-parse), and push with --force-with-lease, or revert instead",
    ),
    Destroyer(
        _cluster,
        rf"\b(?:kubectl|oc)\b.*\b(?:get|describe|diff)\b|\bhelm\s+(?:list|ls|get|status)\b"
        rf"|\b(?:terraform|tofu)\s+(?:plan|state)\b|{_COPY}",
        r"\b(?:kubectl|oc)\b.*\b(?:apply|create|replace)\b|\bhelm\s+(?:install|upgrade|rollback)\b|\brestor|\brevert"
        r"|\b(?:terraform|tofu)\s+apply\b|\broll\s?back",
        "look first (get -o yaml > FILE keeps a copy), and say how it is made again",
    ),
    Destroyer(
        _containers,
        rf"\bdocker\s+(?:volume|system|container)\s+(?:ls|list|inspect|df)\b|{_COPY}",
        r"\brestor|\bseed",
        "look first (docker volume ls), keep a copy, and say how the data comes back",
    ),
)


def _unguarded(subject: Subject) -> Iterator[Found]:
    for call in subject.calls:
        for destroyer in _DESTROYERS:
            does = destroyer.does(call)
            if does and not _is_guarded(subject, call, destroyer):
                yield Found(
                    call.line,
                    f"{does}; no step before looks at what will be lost, and none after brings it back",
                    destroyer.fix,
                )


def _is_guarded(subject: Subject, call: Call, destroyer: Destroyer) -> bool:
    look = re.compile(destroyer.look, re.IGNORECASE)
    back = re.compile(destroyer.back, re.IGNORECASE)
    near = [step for step in subject.runbook.steps if step.section[:2] == call.step.section[:2]]
    before = (_text(step) for step in near if step.line < call.step.line)
    after = (_text(step) for step in near if step.line > call.step.line)
    itself = (call.step.comment or "", _rest(call))
    return any(look.search(text) for text in (*before, *itself)) or any(
        back.search(text) for text in (*after, *itself)
    )


def _text(step: Step) -> str:
    return "\n".join(part for part in (step.text, step.comment, step.command) if part)


def _rest(call: Call) -> str:
    """What else the step of `call` runs, such as a copy before it or a restore after it."""
    return (call.step.command or "").replace(" ".join(call.argv), "")


RULES = (
    Rule(
        "unguarded-destruction",
        "Destruction without a look or a way back",
        Level.WARNING,
        "A command destroys, and no step looks first at what will be lost, or brings it back afterwards.",
        _unguarded,
    ),
)
