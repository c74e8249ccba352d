"""What sentences of a runbook say about its steps: instructions, last resorts, leads and asides.

It judges single texts; which of them become steps is decided in `steps`.
"""

from __future__ import annotations

import re

from drillbook.runbook.vocabulary import ADVERBS, VERBS

_CAUTION = re.compile(
    r"\bcaution\b|\bif (?:it is |it's |absolutely |really |still |strictly )?"
    r"(?:needed|necessary|required|unavoidable)\b"
    r"|\b(?:where|when) (?:needed|necessary)\b|\blast resort\b|\bas a last\b|\bdangerous\b"
    r"|\bdestructive\b|\birreversibl[ey]\b|\bcannot be undone\b|\bdata loss\b|\bwith care\b"
    r"|\bbe (?:very |extremely )?careful\b"
    r"|\bat your own risk\b|\bonly if\b|\bif (?:all else|nothing else|everything else|all of the above"
    r"|the above|that|this) (?:fails?|failed|helps?|works?|does(?:n't| not) (?:help|work))\b"
    r"|\bwarning\s*[:!]|\[!(?:caution|warning)\]|\N{WARNING SIGN}",
    re.IGNORECASE,
)
_GRAVE = re.compile(
    r"\bcaution\b|\blast resort\b|\bdangerous\b|\bdestructive\b|\N{WARNING SIGN}", re.IGNORECASE
)
_CALLOUT = re.compile(r"^\W*(?:!?(?:caution|warning|danger|important)\b|\N{WARNING SIGN})", re.IGNORECASE)
_CONDITION = re.compile(
    r"^(?:if|when|once|after|in case|for|on|from|in|at|to)\b[^,:]{1,120}[,:]\s+", re.IGNORECASE
)
_NO_STEPS = re.compile(
    r"\b(?:causes?|caused by|reasons (?:for|why|are)|possible reasons|symptoms?|because|examples?"
    r"|consists? of|include[sd]?|following variables?|when to|rollback immediately if|important details"
    r"|see also|references?|resources?|links|retention|metrics to)\b",
    re.IGNORECASE,
)
_STEPS = re.compile(
    r"\b(?:steps?|procedures?|actions?|mitigations?|remediations?|resolutions?|resolve|solutions?|fix(?:es)?"
    r"|instructions?|what to do|how to|playbook|triage|diagnosis|investigation|possible checks|to do|tasks?"
    r"|do the following|follow(?:ing)?)\b",
    re.IGNORECASE,
)
_CHECK_LEAD = re.compile(r"^\W*(?:check|verify|confirm|do|run|then|next|ensure)\s*:\s*$", re.IGNORECASE)
_SILENT = re.compile(
    r"\b(?:symptoms?|references?|resources?|links|(?:table of )?contents|glossary|contacts?"
    r"|severity|severities|(?:post-?mortem|incident report|post-incident report) template)\b",
    re.IGNORECASE,
)
_DESCRIBING = re.compile(
    r"\b(?:overview|background|meaning|prerequisites|requirements|required|variables|discussion"
    r"|key metrics)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:do not|don't|never|avoid|instead of|rather than|not|without|no longer|output of|like)"
    r"(?:\s+ever)?(?:\s+(?:run|running|use|using|execute|executing|type|typing|try|call|issue|do))?\s*$",
    re.IGNORECASE,
)
_TRIGGER = re.compile(
    r"(?:^|\b)(?:run|execute|use|with|via|type|try|issue|enter|check|do|by|is|through)\s*:?\s*[\"“(]?\s*$",
    re.IGNORECASE,
)
_STEP_LABEL = re.compile(r"^step\s+\d+\s*[:.)-]", re.IGNORECASE)


def is_caution(text: str | None) -> bool:
    """Whether `text` marks a last resort: "caution", "if needed", "if necessary" and their like."""
    return bool(text and _CAUTION.search(text))


def is_grave(title: str) -> bool:
    """Whether a section's title marks everything in it as a last resort."""
    return bool(_GRAVE.search(title))


def is_callout(text: str) -> bool:
    """Whether a paragraph begins as a warning about what follows it."""
    return bool(_CALLOUT.match(text))


def is_instruction(text: str) -> bool:
    """Whether `text` begins as an instruction does: with a verb, a condition or an adverb before it aside."""
    return _begins_with_verb(text) or _begins_with_verb(_CONDITION.sub("", text, count=1))


def _begins_with_verb(text: str) -> bool:
    words = re.findall(r"[a-z'-]+", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    for word in words[:3]:
        if word in VERBS:
            return not re.match(r"\W*\w+\s*:\s", text)
        if word not in ADVERBS:
            return False
    return False


def leads_to_steps(text: str) -> bool:
    """Whether the prose or heading before a list says that its items are to be done."""
    return bool(_STEPS.search(text) or _CHECK_LEAD.match(text)) and not leads_elsewhere(text)


def leads_elsewhere(text: str) -> bool:
    """Whether the prose before a list says that its items are causes, symptoms or examples."""
    return bool(_NO_STEPS.search(text))


def is_silent(title: str) -> bool:
    """Whether a section of this title never instructs."""
    return bool(_SILENT.search(title))


def is_describing(title: str) -> bool:
    """Whether a section of this title describes rather than instructs, unless it numbers its instructions."""
    return bool(_DESCRIBING.search(title))


def forbids(before: str) -> bool:
    """Whether the words right before a command tell not to run it, or only mention it."""
    return bool(_NEGATION.search(before))


def asks_for(before: str) -> bool:
    """Whether the words right before a command ask for it to be run."""
    return bool(_TRIGGER.search(before)) and not forbids(before)


def is_numbered_step(text: str) -> bool:
    """Whether a paragraph begins with "Step 1:" or its like."""
    return bool(_STEP_LABEL.match(text))
