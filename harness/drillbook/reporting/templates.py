"""How the templates in reports/ are rendered: their filters, and what they escape.

Whatever came from outside is escaped; what a report says is made elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.reporting import text as words

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


def environment(templates: Path, *, html: bool) -> jinja2.Environment:
    """The environment of the templates in the folder `templates`; `html` says what they make."""
    import jinja2  # noqa: PLC0415  slow to import, and only reports need it
    from markupsafe import Markup, escape  # noqa: PLC0415  it comes with jinja2

    def rich(text: words.Text | str) -> Markup:
        parts = (text,) if isinstance(text, str) else text
        code, plain = Markup("<code>{}</code>"), Markup("{}")
        return Markup("").join(
            (code if isinstance(part, words.Code) else plain).format(escape(str(part))) for part in parts
        )

    # In Markdown every filter escapes by Markdown's rules; HTML's would show through in code.
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=html,  # noqa: S701  off for Markdown only
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        rich=rich,
        svg=Markup,
        md=words.md,
        md_code=words.md_code,
        md_block=words.md_block,
        seconds=words.seconds,
        clock=words.clock,
        sentence=words.sentence,
    )
    return made
