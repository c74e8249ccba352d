"""What may be broken, and by which words."""

from __future__ import annotations

import pytest

from drillbook.errors import InputError
from drillbook.external import Target, is_near, permit, suspicion
from drillbook.model import ExitCode

OWN = Target("drillbook", "the compose project", ("127.0.0.1",), known=True)
FOREIGN = Target("shop", "the compose project", ("127.0.0.1",))


def refusal(
    target: Target, *, allowed: bool = False, named: str | None = None, typed: str | None = None
) -> str:
    """The line with which `target` is refused."""
    with pytest.raises(InputError) as raised:
        permit(target, allowed=allowed, named=named, ask=None if typed is None else lambda _: typed)
    assert raised.value.exit_code == ExitCode.USAGE
    assert "\n" not in raised.value.render()
    return raised.value.render()


@pytest.mark.parametrize(
    "name",
    [
        "prod",
        "Production",
        "orders-prod",
        "prod2",
        "eu.live.db",
        "ordersProd",
        "shop_prd",
        "non-prod",
        "LIVE",
    ],
)
def test_a_name_with_a_word_for_production_is_suspicious(name: str) -> None:
    assert suspicion(Target(name, "the compose project")) is not None
    assert suspicion(Target("shop", "the database", (f"{name}.test",))) is not None


@pytest.mark.parametrize(
    "name", ["products", "product-test", "reproduction", "alive", "livestock", "drillbook"]
)
def test_a_name_that_only_contains_such_letters_is_not(name: str) -> None:
    assert suspicion(Target(name, "the compose project", ("127.0.0.1",))) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "db.localhost", "db.test."]
)
def test_the_loopback_and_reserved_names_are_near(host: str) -> None:
    assert is_near(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "0.0.0.0", "db", "db.example.com", "localhost.example.com", "atest"]
)
def test_every_other_host_is_not(host: str) -> None:
    assert not is_near(host)
    assert suspicion(Target("shop", "the database", (host,))) is not None


def test_the_stack_of_our_own_compose_file_takes_its_name_and_no_plan() -> None:
    permit(OWN, allowed=False, named="drillbook")
    permit(OWN, allowed=False, named=None, ask=lambda _: "drillbook")


def test_the_question_names_what_is_broken() -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        return "drillbook"

    permit(OWN, allowed=False, named=None, ask=ask)
    assert "the compose project 'drillbook'" in asked[0]


def test_without_a_terminal_and_without_the_flag_nothing_is_broken() -> None:
    assert "--yes-break drillbook" in refusal(OWN)


def test_another_word_than_the_name_breaks_nothing() -> None:
    assert "not the name" in refusal(OWN, typed="yes")
    assert "--yes-break names 'yes'" in refusal(OWN, named="yes")
    assert "--yes-break names 'drillbook'" in refusal(FOREIGN, allowed=True, named="drillbook")


def test_what_is_not_ours_takes_the_plans_word_and_its_name() -> None:
    assert "allow_external: true" in refusal(FOREIGN, named="shop")
    assert "allow_external: true" in refusal(FOREIGN, typed="shop")
    assert "--yes-break shop" in refusal(FOREIGN, allowed=True)
    permit(FOREIGN, allowed=True, named="shop")
    permit(FOREIGN, allowed=True, named=None, ask=lambda _: "shop")


@pytest.mark.parametrize(
    "target",
    [
        Target("orders-prod", "the compose project", ("127.0.0.1",), known=True),
        Target("shop", "the compose project", ("db.example.com",)),
    ],
)
def test_what_looks_like_production_takes_both_and_no_typing_will_do(target: Target) -> None:
    assert "allow_external: true" in refusal(target, named=target.name)
    assert f"--yes-break {target.name}" in refusal(target, allowed=True, typed=target.name)
    permit(target, allowed=True, named=target.name)
