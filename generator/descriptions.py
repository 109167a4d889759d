"""Filters for the API's descriptions, which drop text that adds nothing to a docstring."""

from __future__ import annotations

import re

FILLER = {
    *("a", "an", "by", "display", "fetch", "filter", "for", "given", "of", "particular"),
    *("that", "the", "to"),
}
"""Words that add no information to the name of a parameter."""

_END_OF_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
_WORD = re.compile(r"\w+")


def ended(text: str) -> str:
    """Add a full stop to a text that ends in a word, a parenthesis or a backtick."""
    text = text.strip()
    return f"{text}." if text[-1:].isalnum() or text[-1:] in tuple(")`") else text


def informative(description: str, name: str, function: str) -> str:
    """Return the sentences of a parameter's description that do more than restate its name.

    Args:
        description: The API's description.
        name: The name of the parameter.
        function: The name of its function; repeating its words adds nothing either.
    """
    known = FILLER | _words(name) | _words(function)
    sentences = _END_OF_SENTENCE.split(description.strip())
    return " ".join(one for one in sentences if not _words(one) <= known)


def _words(text: str) -> set[str]:
    """Return the lower-case words of a text or a name, plurals as singulars."""
    words = _WORD.findall(text.lower().replace("_", " "))
    singular = (re.sub(r"ies$", "y", one) for one in words)
    return {one.removesuffix("s") for one in singular}
