"""The SQL of a runbook, by PostgreSQL's own parser: what psql is given, and blocks that are marked as SQL.

It says what a statement names and compares, and judges nothing. It needs `pglast`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from drillbook.lint.call import Call, Word, argument_of
from drillbook.lint.rule import Subject
from drillbook.model import Json
from drillbook.runbook.placeholder import mask

NEEDS = ("pglast",)
_LANGUAGES = frozenset(("sql", "psql", "pgsql", "postgresql", "postgres"))
_OTHER_DATABASES = re.compile(
    r"\b(?:mysql\w*|mariadb\w*|sqlite3?|sqlcmd|mssql|sql server|oracle|clickhouse\S*|cockroach\w*|bigquery|bq"
    r"|snowflake|cassandra|cqlsh|athena|presto|trino|redshift)\b",
    re.IGNORECASE,
)
_POSTGRES = re.compile(r"\bpostgres\w*|\bpsql\b|\bpg_\w+", re.IGNORECASE)
_PROMPT = re.compile(r"^\s*[\w.-]*(?:=|-)[#>]\s+")
_OUTPUT = re.compile(r"^\s*(?:\(\d+ rows?\)|-+(?:\+-+)*|[^'\"]*\s\|\s[^'\"]*|[A-Z]+ \d+)\s*$")
_EXPANSION = re.compile(r"\$\{?\w+[^}\s]*\}?|\$\(.*?\)", re.DOTALL)
_VARIABLE = re.compile(r":(?P<quote>['\"])(?P<name>\w+)(?P=quote)|(?<![:\w]):(?P<bare>[A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column, how it is compared (`=`, `<>`, `~~`, `in` …), and the texts that it is compared with."""

    column: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement: what it is (`SelectStmt` …), and the names in it, in small letters.

    `ordered` are the columns that are compared by `<`, `>` and their like, or that `age` is taken of;
    `filters` are the columns in its own WHERE, and it is None where there is no WHERE.
    """

    line: int
    kind: str
    relations: frozenset[str]
    functions: frozenset[str]
    columns: frozenset[str]
    comparisons: tuple[Comparison, ...]
    ordered: frozenset[str]
    filters: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Script:
    """SQL text in the runbook: its first line, its statements, and why it does not parse, if it does not.

    `open` says that a shell or a human fills in a part of it.
    """

    line: int
    text: str
    statements: tuple[Statement, ...]
    error: str
    open: bool


def scripts_of(subject: Subject) -> tuple[Script, ...]:
    """All SQL for PostgreSQL in the runbook, by line."""
    found = [script for call in subject.calls for script in _of_call(call)]
    found += _of_blocks(subject)
    return tuple(sorted(found, key=lambda script: script.line))


def statements_of(subject: Subject) -> Iterator[Statement]:
    """The statements of all SQL for PostgreSQL in the runbook."""
    for script in scripts_of(subject):
        yield from script.statements


def queries_of(call: Call) -> tuple[Word, ...]:
    """What a call of psql is given by `-c`."""
    if call.program not in ("psql", "gitlab-psql"):
        return ()
    attached = [w for w in call.words[1:] if re.match(r"^-[A-Za-z]*c$", w.text) and w.text != "-c"]
    names = ("-c", "--command", *(word.text for word in attached))
    return tuple(argument_of(call.words, *names))


def _of_call(call: Call) -> Iterator[Script]:
    for word in queries_of(call):
        if not word.text.lstrip().startswith("\\"):
            yield read_script(word.text, word.line, expands=bool(word.variables or word.substitutes))
    if call.program == "psql" and call.document:
        text = "\n".join("" if line.lstrip().startswith("\\") else line for line in call.document.split("\n"))
        yield read_script(text, call.line + 1, expands="$" in text)


def _of_blocks(subject: Subject) -> Iterator[Script]:
    whole = "\n".join(subject.lines)
    if not _POSTGRES.search(whole):
        return
    for block in subject.runbook.blocks:
        lines = subject.lines[block.line : block.end_line - 1]
        if (block.language or "").lower() not in _LANGUAGES or _OTHER_DATABASES.search("\n".join(lines)):
            continue
        if _OTHER_DATABASES.search(whole) and (block.language or "").lower() == "sql":
            continue  # whose dialect this is can't be told
        kept = [_PROMPT.sub("", line) for line in lines]
        text = "\n".join(
            "" if line.lstrip().startswith("\\") or _OUTPUT.match(line) else line for line in kept
        )
        if text.strip() and not any(mark in text for mark in ("...", "…")):
            yield read_script(text, block.line + 1, expands="$" in text)


@lru_cache(maxsize=512)
def read_script(text: str, line: int, *, expands: bool = False) -> Script:
    """The SQL `text`, which begins on `line`; `expands` says that a shell has put something into it."""
    from pglast.parser import ParseError, parse_sql_json  # noqa: PLC0415 - of an extra, and not small

    masked = mask(text)
    bare = _VARIABLE.sub(_named, _EXPANSION.sub(lambda match: "_" * len(match[0]), masked))
    fills = expands or bare != text
    try:
        data = cast("dict[str, Json]", json.loads(parse_sql_json(bare)))
    except ParseError as error:
        return Script(line, text, (), str(error.args[0]), fills)
    statements = []
    source = bare.encode()  # places in it are in bytes
    for raw in cast("list[dict[str, Json]]", data.get("stmts", [])):
        head = source[: cast("int", raw.get("stmt_location", 0))].decode()
        rest = bare[len(head) :]
        blank = rest[: len(rest) - len(rest.lstrip())]
        before = head.count("\n") + blank.count("\n")
        statements.append(_read(line + before, cast("dict[str, Json]", raw["stmt"])))
    return Script(line, text, tuple(statements), "", fills)


def _named(match: re.Match[str]) -> str:
    """A variable of psql, as a name or text of the same length."""
    if match["bare"]:
        return "_" + match["bare"]
    return match["quote"] + "_" * (len(match[0]) - 2) + match["quote"]


def _read(line: int, tree: dict[str, Json]) -> Statement:
    (kind,) = tree
    nodes = list(_nodes(tree))
    expressions = [node for name, node in nodes if name == "A_Expr"]
    aged = [arg for name, node in nodes if name == "FuncCall" and _name(node.get("funcname")) == "age"
            for arg in _columns(node.get("args"))]  # fmt: skip
    compared = [
        column
        for e in expressions
        if _name(e.get("name")) in ("<", ">", "<=", ">=")
        for column in _columns(e)
    ]
    body = cast("dict[str, Json]", tree[kind])
    return Statement(
        line=line,
        kind=kind,
        relations=frozenset(str(node.get("relname", "")).lower() for _, node in nodes if "relname" in node),
        functions=frozenset(_name(node.get("funcname")) for name, node in nodes if name == "FuncCall"),
        columns=frozenset(_columns(tree)),
        comparisons=tuple(c for e in expressions if (c := _comparison(e)) is not None),
        ordered=frozenset([*compared, *aged]),
        filters=frozenset(_columns(body["whereClause"])) if "whereClause" in body else None,
    )


def _nodes(value: Json, name: str = "") -> Iterator[tuple[str, dict[str, Json]]]:
    """All objects in `value`, each with the key that it stands under."""
    if isinstance(value, dict):
        yield name, value
        for key, inner in value.items():
            yield from _nodes(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner, name)


def _name(parts: Json) -> str:
    """The last part of a qualified name."""
    texts = [str(node["sval"]) for name, node in _nodes(parts) if name == "String" and "sval" in node]
    return texts[-1].lower() if texts else ""


def _columns(value: Json) -> list[str]:
    return [_name(node.get("fields")) for name, node in _nodes(value) if name == "ColumnRef"]


def _comparison(expression: dict[str, Json]) -> Comparison | None:
    left, right = expression.get("lexpr"), expression.get("rexpr")
    for one, other in ((left, right), (right, left)):
        if isinstance(one, dict) and set(one) == {"ColumnRef"}:
            kind = str(expression.get("kind", ""))
            operator = "in" if kind == "AEXPR_IN" and _name(expression.get("name")) == "=" else ""
            values = [
                str(cast("dict[str, Json]", node["sval"]).get("sval", ""))
                for name, node in _nodes(other)
                if name == "A_Const" and isinstance(node.get("sval"), dict)
            ]
            return Comparison(_columns(one)[0], operator or _name(expression.get("name")), tuple(values))
    return None


def values_of(statement: Statement, column: str, operators: Sequence[str]) -> tuple[str, ...]:
    """The texts that `column` is compared with by one of `operators`."""
    found = (c for c in statement.comparisons if c.column == column and c.operator in operators)
    return tuple(value for comparison in found for value in comparison.values)
