"""Rules that compute queries for a parameter and the results that they must have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Any

from attrs import field, frozen

from .asker import FEED, FEED_SIZE, Asker, View, identities, identity, values_at


def as_set(items: list[Any]) -> set[Any]:
    return set(identities(items))


@frozen
class Probe:
    """A query and its expected result.

    Attributes:
        query: The query, which includes the parameter under test.
        expected: The expected result.
        view: Extracts the result from the items of the response.
        baseline: The query without the parameter. The probe proves nothing if its result is the
            expected one too.
        aspect: A group of probes, of which at least one must prove something.
    """

    query: dict[str, Any]
    expected: Any
    view: View = as_set
    baseline: dict[str, Any] = field(factory=dict)
    aspect: str = ""


Rule = Callable[[Asker], Awaitable[list[Probe]]]
"""Computes the probes of a parameter from responses to other queries."""

Groups = dict[Any, set[Any]]
"""Value -> the identities of the items that have it."""


def matching(groups: Callable[[Asker], Awaitable[Groups]], *, declared: bool = True) -> Rule:
    """Expect only the items with the value; try two values of the items and all declared ones."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        found = await groups(ask)
        every = as_set(population)
        splitting = [value for value in found if found[value] & every not in (set(), every)]
        # The values with the fewest items, because small responses are fast.
        chosen = sorted(splitting, key=lambda value: (len(found[value] & every), str(value)))[:2]
        return [
            Probe(
                {ask.parameter: value},
                as_set(ask.shown([one for one in population if identity(one) in having])),
            )
            for value in dict.fromkeys([*chosen, *(ask.enum() if declared else [])])
            for having in [found.get(value, set())]
        ]

    return probes


def by(*paths: str, but: str = "", strangers: str = "", declared: bool = True) -> Rule:
    """Expect the items that have the value at one of the paths.

    Args:
        paths: The dotted paths of the value.
        but: A value that is not tried.
        strangers: An operation that lists possible values, one of which no item has. The result
            for that value must be empty.
        declared: Whether to try all declared values, too.
    """

    async def groups(ask: Asker) -> Groups:
        found = group(await ask.population(), *paths)
        found.pop(but, None)
        return found

    async def probes(ask: Asker) -> list[Probe]:
        found = await matching(groups, declared=declared)(ask)
        named = {*group(await ask.population(), *paths), *ask.path}
        others = await ask.to(strangers)() if strangers else []
        strange = [identity(one) for one in others if identity(one) not in named]
        return found + [Probe({ask.parameter: one}, set()) for one in strange[-1:]]

    return probes


def group(items: list[Any], *paths: str) -> Groups:
    found: Groups = {}
    for item in items:
        for value in [value for path in paths for value in values_at(item, path)]:
            found.setdefault(value, set()).add(identity(item))
    return found


def through(path: str, keys: Callable[[Asker], Awaitable[Groups]]) -> Rule:
    """Expect the items that refer to an object which has the value.

    Args:
        path: The dotted path of the reference.
        keys: Computes value -> the ids of the objects that have it.
    """

    async def groups(ask: Asker) -> Groups:
        named = group(await ask.population(), path)
        return {
            value: {one for key in wanted for one in named.get(key, set())}
            for value, wanted in (await keys(ask)).items()
        }

    return matching(groups)


def first_of(path: str) -> Rule:
    """For a repeated parameter, expect the items that have the first value."""
    return repeated(path, lambda first, second: first, alone=True)


def all_of(path: str) -> Rule:
    """For a repeated parameter, expect the items that have both values."""
    return repeated(path, set.intersection)


def any_of(path: str) -> Rule:
    """For a repeated parameter, expect the items that have either value."""
    return repeated(path, set.union)


def repeated(
    path: str, join: Callable[[set[Any], set[Any]], set[Any]], *, alone: bool = False
) -> Rule:
    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        found = group(population, path)
        pairs = {
            pair: join(found[pair[0]], found[pair[1]]) for pair in combinations(sorted(found), 2)
        }
        # Only pairs whose result differs from that of no value and of either single value, except
        # that with `alone` it must equal that of the first value.
        telling = {
            pair: result
            for pair, result in pairs.items()
            if result and result not in (found[pair[1]], as_set(population))
            if (result == found[pair[0]]) is alone
        }
        return [
            Probe({ask.parameter: pair}, as_set(ask.shown(having)))
            for pair, result in sorted(telling.items(), key=lambda one: (len(one[1]), one[0]))[:1]
            for having in [[one for one in population if identity(one) in result]]
        ]

    return probes


def flag(*paths: str) -> Rule:
    """Expect the items with a value at one of the paths for ``True``, the others for ``False``."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        return [
            Probe(
                {ask.parameter: wanted},
                as_set(ask.shown([one for one in population if is_set(one) is wanted])),
            )
            for wanted in (True, False)
        ]

    def is_set(item: Any) -> bool:
        return any(value for path in paths for value in values_at(item, path))

    return probes


def text(*paths: str, words: int = 2) -> Rule:
    """Expect the items whose texts contain every word of the query, regardless of case.

    The words are the longest ones of an item's first text, which need not be adjacent.
    """

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        texts = {
            identity(item): " ".join(
                str(value) for path in paths for value in values_at(item, path)
            ).casefold()
            for item in population
        }
        results: dict[str, set[Any]] = {}
        for one in population:
            title = " ".join(str(value) for value in values_at(one, paths[0]))
            spoken = sorted({word.upper() for word in title.split() if word.isalnum()}, key=len)
            query = " ".join(spoken[-words:])
            if len(spoken) >= words:
                results[query] = {
                    key
                    for key, value in texts.items()
                    if all(word.casefold() in value for word in query.split())
                }
        telling = [query for query in results if len(results[query]) < len(population)]
        return [
            Probe(
                {ask.parameter: query},
                as_set(ask.shown([one for one in population if identity(one) in results[query]])),
            )
            for query in telling[:2]
        ]

    return probes


SPECIAL = {*r".?*+()[]{}|^$\\"}

PARTS = [slice(1, 6), slice(-3, None)]


def part(*paths: str, text_: str = "") -> Rule:
    """Expect the items with a text that contains the query, which is a part of a first text."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        names = [str(values_at(one, paths[0])[0]) for one in population]
        parts = [name[part] for name in names for part in PARTS]
        # The in-memory database does not escape the special characters of regular expressions.
        tried = [text_] if text_ else [one for one in parts if not SPECIAL & {*one}]
        results = {
            letters: as_set([one for one in population if has(one, letters)]) for letters in tried
        }
        telling = [letters for letters in results if 0 < len(results[letters]) < len(population)]
        return [Probe({ask.parameter: letters}, results[letters]) for letters in telling[:2]]

    def has(item: Any, letters: str) -> bool:
        values = [value for path in paths for value in values_at(item, path)]
        return any(letters.casefold() in str(value).casefold() for value in values)

    return probes


def sorts(**paths: str | None) -> Rule:
    """Expect the order of the values at the path of each sort key, ascending and descending.

    A sort key without a path sorts by a value that the items do not contain; only the number of
    items is checked.

    Null sorts first. For several values the in-memory database compares the first ones, whereas
    MongoDB compares the smallest when ascending and the greatest when descending.
    """

    async def probes(ask: Asker) -> list[Probe]:
        found: list[Probe] = []
        population = await ask.population()
        few = {"page_size": 10}
        for value in ask.enum() or [sign + name for name in paths for sign in ("", "-")]:
            name, down = value.lstrip("-"), value.startswith("-")
            path = paths[name.replace(".", "_")]
            if path is None:
                found.append(Probe({ask.parameter: value}, len(population), len, {}, "created"))
                continue

            def key(item: Any, path: str = path) -> list[Any]:
                return values_at(item, path)

            def keys(items: list[Any], key: Callable[[Any], Any] = key) -> list[Any]:
                return [key(item) for item in items]

            expected = sorted(keys(population), reverse=down)
            found.append(Probe({ask.parameter: value, **few}, expected[:10], keys, few, name))
        return found

    return probes


async def newest_updates(ask: Asker) -> list[Probe]:
    """Expect the entries of a feed to be the datasets with the latest ``last_update``."""
    assert ask.operation.id == FEED
    population = await ask.population()
    ordered = sorted(population, key=lambda one: one.last_update, reverse=True)
    # Compared by date, because several datasets may have the same one.
    newest = [one.last_update for one in ordered[:FEED_SIZE]]

    def dates(items: list[Any]) -> list[Any]:
        return sorted((one.last_update for one in items), reverse=True)

    return [Probe({ask.parameter: one}, newest, dates) for one in ("last_update", "-last_update")]


async def page(ask: Asker) -> list[Probe]:
    """Expect the second page to continue after the first."""
    if len(await ask.population()) < 3:
        return []
    short, long = [identities(await ask(page_size=size)) for size in (2, 4)]
    rest = {one for one in long if one not in short}
    return [Probe({"page": 2, "page_size": 2}, rest, baseline={"page": 1, "page_size": 2})]


async def page_size(ask: Asker) -> list[Probe]:
    """Expect a shorter page to be a prefix of a longer one; check only the size if unordered."""
    if len(await ask.population()) < 3:
        return []
    if ask.operation.kind == "page":
        return [Probe({"page_size": 2}, identities(await ask())[:2], identities)]
    return [Probe({"page_size": 2}, 2, len)]


def by_release(**rules: Rule) -> Rule:
    """Apply a different rule on each release: ``of_17=..., of_14=...``."""
    return lambda ask: rules[f"of_{ask.portal.release.partition('.')[0]}"](ask)


def anything_else(*values: Any) -> Rule:
    """Query values of a parameter that the release ignores, so any expectation will do."""

    async def probes(ask: Asker) -> list[Probe]:
        return [Probe({ask.parameter: value}, "anything else", repr) for value in values]

    return probes


def size(**query: Any) -> Rule:
    """Expect as many items as the query asks for."""

    async def probes(ask: Asker) -> list[Probe]:
        return [Probe({ask.parameter: wanted, **query}, wanted, len, query) for wanted in (1, 2)]

    return probes
