"""The part of the API's descriptions that is worth repeating in the documentation."""

from __future__ import annotations

import re

FILLER = {
    *("a", "an", "by", "display", "fetch", "filter", "for", "given", "of", "particular"),
    *("that", "the", "to"),
}
"""Words that say nothing beside the name of a parameter."""

_END_OF_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
_WORD = re.compile(r"\w+")


def ended(text: str) -> str:
    """A text with a full stop at its end, if it has words at all."""
    text = text.strip()
    return f"{text}." if text[-1:].isalnum() or text[-1:] in tuple(")`") else text


def informative(description: str, name: str, function: str) -> str:
    """The sentences of a parameter's description that do not merely restate its name.

    Args:
        description: The API's description.
        name: The name of the parameter.
        function: The name of its function, whose words are known to a reader as well.
    """
    known = FILLER | _words(name) | _words(function)
    sentences = _END_OF_SENTENCE.split(description.strip())
    return " ".join(one for one in sentences if not _words(one) <= known)


def _words(text: str) -> set[str]:
    """The words of a text or of a name; one that is in the plural counts as in the singular."""
    words = _WORD.findall(text.lower().replace("_", " "))
    singular = (re.sub(r"ies$", "y", one) for one in words)
    return {one.removesuffix("s") for one in singular}
