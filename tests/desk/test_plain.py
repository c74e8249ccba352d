from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.desk.plain import plain, redacted, shown


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("a\x1b]52;c;aGk=\x1b\\b", "ab"),
        ("bell\x07", "bell<07>"),
        ("c1 \x9b2J", "c1 "),
        ("del\x7f", "del<7f>"),
        ("turned \u202e", "turned <202e>"),
        ("two\r\nlines\t.", "two\nlines\t."),
        ("grün — ✓", "grün — ✓"),
    ],
)
def test_no_terminal_acts_on_what_is_kept(typed: str, kept: str) -> None:
    assert plain(typed) == kept


@given(st.text())
def test_whatever_is_typed_no_control_character_is_kept(typed: str) -> None:
    kept = plain(typed)
    assert not any(ord(char) < 32 and char not in "\n\t" for char in kept)
    assert not any(0x7F <= ord(char) <= 0x9F for char in kept)


def test_a_line_that_was_written_over_is_gone() -> None:
    assert shown("10 %\r50 %\rdone\r\nnext") == "done\nnext"


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("psql postgresql://me:s3cret@db/x", "psql postgresql://me:***@db/x"),
        ("PGPASSWORD=hunter22 psql", "PGPASSWORD=*** psql"),
        ("curl -H 'Authorization: Bearer abcdefghij'", "curl -H 'Authorization: Bearer ***'"),
        ("redis-cli -a hunter22 PING", "redis-cli -a *** PING"),
        ("ALTER ROLE app PASSWORD 'hunter22'", "ALTER ROLE app PASSWORD '***'"),
        ("redis-cli -u $REDIS_URL PING", "redis-cli -u $REDIS_URL PING"),
        ("PGPASSWORD=$SECRET psql", "PGPASSWORD=$SECRET psql"),
        ("railway variables set DB_POOL_SIZE=20", "railway variables set DB_POOL_SIZE=20"),
        ("railway logs -n 100", "railway logs -n 100"),
    ],
)
def test_what_looks_secret_is_masked_and_nothing_else(command: str, kept: str) -> None:
    assert redacted(command) == kept
