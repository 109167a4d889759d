"""What shows that a parameter is understood: probes, with what must come of them."""

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
    """One query, and what must come of it.

    Attributes:
        query: Has the parameter to prove.
        expected: What must be seen.
        view: What is seen of an answer.
        baseline: The query without the parameter. If what is expected comes of this one as well,
            the probe proves nothing.
        aspect: Of the probes of one aspect at least one must prove something.
    """

    query: dict[str, Any]
    expected: Any
    view: View = as_set
    baseline: dict[str, Any] = field(factory=dict)
    aspect: str = ""


Rule = Callable[[Asker], Awaitable[list[Probe]]]
"""Finds out from other answers what must come of a parameter."""

Groups = dict[Any, set[Any]]
"""Value -> the identities of what has it."""


def matching(groups: Callable[[Asker], Awaitable[Groups]], *, declared: bool = True) -> Rule:
    """Only what has the value comes: for all declared values, or for two that split the list."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        found = await groups(ask)
        every = as_set(population)
        splitting = [value for value in found if found[value] & every not in (set(), every)]
        # Small answers are fast.
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
    """Filters by what the items have below one of the paths.

    Args:
        paths: Where the items have the value.
        but: A value that is not to be tried.
        strangers: An operation whose objects, but for those that the items name, have none of them.
        declared: Whether every declared value is tried, or only what the items have.
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
    """Filters by something else that the items have to do with.

    Args:
        path: Where the items name it.
        keys: Value -> what the items may name there.
    """

    async def groups(ask: Asker) -> Groups:
        named = group(await ask.population(), path)
        return {
            value: {one for key in wanted for one in named.get(key, set())}
            for value, wanted in (await keys(ask)).items()
        }

    return matching(groups)


def first_of(path: str) -> Rule:
    """Given twice, only the first one of the values counts."""
    return repeated(path, lambda first, second: first, alone=True)


def all_of(path: str) -> Rule:
    """Given twice, what has both values comes."""
    return repeated(path, set.intersection)


def any_of(path: str) -> Rule:
    """Given twice, what has one of the values comes."""
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
        # Neither value alone (unless the first one is to), nor none of them, has the same result.
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
    """``True``: only what has something there; ``False``: only what has not."""

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
    """Only what has every word in one of these texts comes, whatever the case.

    The words are some of one of the texts, apart from each other.
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
    """Only what has this within one of these texts comes: some letters of a first one."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        names = [str(values_at(one, paths[0])[0]) for one in population]
        parts = [name[part] for name in names for part in PARTS]
        # What is special in a regular expression is so for the database in memory.
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
    """Every declared sort, one way and the other, orders by what is below its path.

    One without a path is by what no item shows: it is taken, and nothing is lost.

    Null comes before anything else. Of several values the first ones count in memory, where MongoDB
    takes the smallest one upwards and the greatest one downwards.
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
    """A feed has its newest entries, by another date."""
    assert ask.operation.id == FEED
    population = await ask.population()
    ordered = sorted(population, key=lambda one: one.last_update, reverse=True)
    # By their dates, for several datasets may have one.
    newest = [one.last_update for one in ordered[:FEED_SIZE]]

    def dates(items: list[Any]) -> list[Any]:
        return sorted((one.last_update for one in items), reverse=True)

    return [Probe({ask.parameter: one}, newest, dates) for one in ("last_update", "-last_update")]


async def page(ask: Asker) -> list[Probe]:
    """The second page goes on where the first one ends."""
    if len(await ask.population()) < 3:
        return []
    short, long = [identities(await ask(page_size=size)) for size in (2, 4)]
    rest = {one for one in long if one not in short}
    return [Probe({"page": 2, "page_size": 2}, rest, baseline={"page": 1, "page_size": 2})]


async def page_size(ask: Asker) -> list[Probe]:
    """A short page has the beginning of a long one; of a catalogue, which has no order, a part."""
    if len(await ask.population()) < 3:
        return []
    if ask.operation.kind == "page":
        return [Probe({"page_size": 2}, identities(await ask())[:2], identities)]
    return [Probe({"page_size": 2}, 2, len)]


def by_release(**rules: Rule) -> Rule:
    """Another rule for each release: ``of_17=..., of_14=...``."""
    return lambda ask: rules[f"of_{ask.portal.release.partition('.')[0]}"](ask)


def anything_else(*values: Any) -> Rule:
    """Something else comes, if only that were so: for what is ignored."""

    async def probes(ask: Asker) -> list[Probe]:
        return [Probe({ask.parameter: value}, "anything else", repr) for value in values]

    return probes


def size(**query: Any) -> Rule:
    """At most so many come."""

    async def probes(ask: Asker) -> list[Probe]:
        return [Probe({ask.parameter: wanted, **query}, wanted, len, query) for wanted in (1, 2)]

    return probes
