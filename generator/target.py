"""The package that code is generated for: its name, and where its code finds the façade."""

from __future__ import annotations

from functools import cached_property

from attrs import define

from . import versions

FACADE = "aiodatagouv"

NEEDED: dict[str, set[str]] = {
    "_call": {"answers"},
    "_call.call": {"prepare"},
    "_decoding.declared": {"declare"},
    "_encoding.body": {"Body", "BodyOf"},
    "_renamed": {"renamed", "renamed_constants"},
    "_views.crawled": {"Crawled"},
    "_views.page": {"PageView"},
    "_views.view": {"View"},
    "client": {"Client"},
    "links": {"Link"},
    "operation": {"Operation", "Order", "Parameter"},
    "pagination": {"Paginator"},
    "streams": {"Stream"},
    "types": {"UNSET", "Fields", "File", "Id", "JsonObject", "Unset"},
}
"""The modules of the façade that generated code uses, and the names that it imports from them."""

BASES = {"Crawled": {"extras"}}
"""The base classes that ``x-base`` gives a model of an answer, and the fields that each needs."""

PUBLIC = f"{FACADE}.generated"
"""The module in which other packages find all of these names."""


@define(frozen=True, slots=False)
class Target:
    """A package to generate.

    Attributes:
        package: Its name.
        portal: The root of the API, or of the portal, that its client calls by default; None if
            it has no such portal.
    """

    package: str = FACADE
    portal: str | None = None

    @property
    def is_facade(self) -> bool:
        """Whether the code becomes a part of the façade itself."""
        return self.package == FACADE

    @property
    def root(self) -> str | None:
        """The root of the portal, as clients have it."""
        return self.portal and versions.portal_root(self.portal)

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """The modules that have the façade's names, below its package if the code is its own."""
        if self.is_facade:
            return NEEDED
        return {PUBLIC: {name for names in NEEDED.values() for name in names}}

    @property
    def checked(self) -> dict[str, set[str]]:
        """The same, with a dot before the modules of the package itself."""
        return {f".{one}" if self.is_facade else one: names for one, names in self.imports.items()}

    def source(self, wanted: str, up: str = "..") -> str:
        """Return the module to import one of the façade's names from, as import statements do.

        Args:
            wanted: The name.
            up: The way up to the package from the file that imports it, in dots.
        """
        module = next(module for module, names in self.imports.items() if wanted in names)
        return f"{up}{module}" if self.is_facade else module

    @property
    def command(self) -> str:
        """The command that writes the files, for their headers."""
        return "make generate" if self.is_facade else "python -m generator client"


OWN = Target()
"""The façade itself."""
