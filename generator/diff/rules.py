"""The kinds of changes, and the class of each for a caller of the generated functions."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

from attrs import field, frozen


class Status(IntEnum):
    """The class of a change, or of all of them; also the exit status of the command."""

    SAME = 0
    DOCUMENTATION = 10
    COMPATIBLE = 11
    BREAKING = 12


class How(StrEnum):
    """How code that was right before notices a breaking change."""

    SILENTLY = "silently"
    CALLED = "when called"
    TYPES = "at type checking"


@frozen
class Rule:
    """One kind of change.

    Attributes:
        label: The change in words, after the name of its subject.
        status: Its class.
        how: How callers notice it; None unless it is breaking.
        plural: The label for several names, each of which it precedes; empty if there is only one.
    """

    label: str
    status: Status
    how: How | None = None
    plural: str = ""


@frozen
class Change:
    """One difference between two releases of the API.

    Attributes:
        rule: The key of its rule in ``RULES``.
        owner: The function, model or enum that it belongs to.
        name: The parameter, field or value; empty if it concerns the owner itself.
        before: The text that it replaces; empty for none.
        after: The text that replaces it; empty for none.
        reached: The functions whose answers or bodies contain the owner; of an operation, none.
        alias: The old and the new name of a renamed function.
    """

    rule: str
    owner: str
    name: str = ""
    before: str = ""
    after: str = ""
    reached: tuple[str, ...] = ()
    alias: tuple[str, str] | None = field(default=None)

    @property
    def status(self) -> Status:
        """The class of the change."""
        return RULES[self.rule].status

    @property
    def how(self) -> How | None:
        """How callers notice it; None unless it is breaking."""
        return RULES[self.rule].how


def status_of(changes: Iterable[Change]) -> Status:
    """Return the class of several changes: that of the worst, ``SAME`` for none."""
    return max((one.status for one in changes), default=Status.SAME)


def _breaking(label: str, how: How, plural: str = "") -> Rule:
    return Rule(label, Status.BREAKING, how, plural)


def _compatible(label: str, plural: str = "") -> Rule:
    return Rule(label, Status.COMPATIBLE, None, plural)


def _documented(label: str, plural: str = "") -> Rule:
    return Rule(label, Status.DOCUMENTATION, None, plural)


RULES: dict[str, Rule] = {
    # ---- Operations
    "operation-removed": _breaking("operation removed", How.TYPES),
    "operation-renamed": _breaking("operation renamed", How.TYPES),
    "alias-removed": _breaking("alias of an operation removed", How.TYPES),
    "operation-replaced": _breaking("name of another operation now", How.SILENTLY),
    "operation-moved": _breaking("operation moved to another module", How.TYPES),
    "operation-dropped": _breaking("operation no longer served by newer portals", How.CALLED),
    "operation-id": _breaking("id of the operation changed, but not its function", How.CALLED),
    "method-changed": _breaking("method changed", How.CALLED),
    "path-changed": _breaking("path changed", How.CALLED),
    "operation-added": _compatible("operation added"),
    "operation-aliased": _compatible("operation renamed, with an alias"),
    "operation-restored": _compatible("operation served again by newer portals"),
    "operation-deprecated": _compatible("operation deprecated by the API"),
    "operation-undeprecated": _compatible("operation no longer deprecated by the API"),
    "lock-declared": _compatible("refused in read-only mode, or no longer"),
    "key-required": _breaking("API key needed", How.CALLED),
    "key-optional": _compatible("API key no longer needed"),
    "key-undeclared": _breaking("API key no longer declared", How.CALLED),
    "key-declared": _compatible("API key declared"),
    # ---- What a function returns
    "kind-changed": _breaking("kind of answer changed", How.TYPES),
    "answer-retyped": _breaking("answer retyped", How.TYPES),
    "answer-untyped": _breaking("answer no longer typed", How.CALLED),
    "answer-narrowed": _compatible("answer narrowed"),
    "media-type-changed": _breaking("media type of the stream changed", How.SILENTLY),
    "mask-removed": _breaking("`fields` and `into` no longer accepted", How.TYPES),
    "mask-added": _compatible("`fields` and `into` accepted"),
    "default-mask-narrowed": _breaking("fields left out unless asked for", How.CALLED),
    "default-mask-widened": _compatible("fields answered without being asked for"),
    "order-removed": _breaking("sort order of complete walks removed", How.CALLED),
    "order-changed": _compatible("sort order of complete walks added or changed"),
    "update-refused": _breaking("updates without some fields refused", How.CALLED),
    "update-allowed": _compatible("updates without some fields allowed"),
    # ---- Parameters
    "parameter-removed": _breaking("parameter removed", How.TYPES, "parameters removed"),
    "parameter-renamed": _breaking("parameter renamed", How.TYPES),
    "parameter-added-required": _breaking("required parameter added", How.TYPES),
    "parameter-required": _breaking("parameter made required", How.TYPES),
    "parameter-retyped": _breaking("parameter retyped or narrowed", How.TYPES),
    "parameter-default": _breaking("default of the parameter changed", How.SILENTLY),
    "parameters-reordered": _breaking("parameters of the path reordered", How.SILENTLY),
    "parameter-added": _compatible("optional parameter added", "optional parameters added"),
    "parameter-optional": _compatible("parameter made optional"),
    "parameter-widened": _compatible("parameter widened"),
    "parameter-key": _compatible("key of the parameter in the API changed"),
    "parameter-limited": _breaking(
        "values of the parameter limited", How.CALLED, "values of parameters limited"
    ),
    "parameter-unlimited": _compatible("values of the parameter less limited"),
    # ---- Bodies
    "body-added": _breaking("body added", How.TYPES),
    "body-removed": _breaking("body removed", How.TYPES),
    "body-retyped": _breaking("body retyped or narrowed", How.TYPES),
    "body-widened": _compatible("body widened"),
    "body-encoded": _compatible("body encoded differently"),
    # ---- Models
    "model-removed": _breaking("model removed", How.TYPES),
    "model-renamed": _breaking("model renamed", How.TYPES),
    "model-rebased": _breaking("base class of the model changed", How.TYPES),
    "model-extended": _compatible("model has more than its fields"),
    "model-added": _compatible("model added"),
    # ---- Fields of answers
    "field-removed": _breaking("field removed", How.TYPES, "fields removed"),
    "field-renamed": _breaking("field renamed", How.TYPES),
    "field-retyped": _breaking("field retyped", How.TYPES),
    "field-nullable": _breaking("field may be null", How.TYPES),
    "field-untyped": _breaking("field no longer typed", How.CALLED),
    "field-older": _breaking("field no longer answered by newer portals", How.CALLED),
    "field-absent": _breaking("field may be missing", How.CALLED, "fields may be missing"),
    "field-whole": _breaking("field without a mask inside", How.CALLED),
    "field-added": _compatible("field added", "fields added"),
    "field-narrowed": _compatible("field narrowed"),
    "field-always": _compatible("field never missing, or with a mask inside"),
    "field-key": _compatible("key of the field in the API changed"),
    "field-secret": _compatible("field printed, or no longer printed"),
    # ---- Fields of bodies
    "body-field-removed": _breaking("field removed", How.TYPES, "fields removed"),
    "body-field-older": _breaking("field no longer taken by newer portals", How.SILENTLY),
    "body-field-renamed": _breaking("field renamed", How.TYPES),
    "body-field-added-required": _breaking("required field added", How.TYPES),
    "body-field-added-demanded": _breaking("field added that creations require", How.CALLED),
    "body-field-required": _breaking("field made required", How.TYPES),
    "body-field-demanded": _breaking("field required by creations", How.CALLED),
    "body-field-retyped": _breaking("field retyped or narrowed", How.TYPES),
    "body-field-default": _breaking("default changed", How.SILENTLY),
    "body-field-added": _compatible("optional field added", "optional fields added"),
    "body-field-optional": _compatible("field made optional"),
    "body-field-widened": _compatible("field widened"),
    "body-field-encoded": _compatible("field sent back differently"),
    "body-field-limited": _breaking(
        "values of the field limited", How.CALLED, "values of fields limited"
    ),
    "body-field-unlimited": _compatible("values of the field less limited"),
    # ---- Objects without a class
    "object-changed": _breaking("fields of an object without a class changed", How.SILENTLY),
    # ---- Enums
    "enum-value-removed": _breaking("value removed, also from bodies or parameters", How.TYPES),
    "enum-answer-removed": _breaking("value removed from answers", How.SILENTLY),
    "enum-removed": _breaking("enum removed", How.TYPES),
    "enum-renamed": _breaking("enum renamed", How.TYPES),
    "enum-value-added": _compatible("value added", "values added"),
    "enum-split": _compatible("enum has another name at some places"),
    "enum-added": _compatible("enum added"),
    # ---- Corrections
    "correction-outdated": _breaking("changed below a correction, which hides it", How.SILENTLY),
    # ---- Documentation
    "operation-described": _documented("description of the operation"),
    "responses-described": _documented("declared statuses"),
    "parameter-described": _documented("description of the parameter"),
    "parameter-format": _documented("format of the parameter"),
    "answer-limits": _documented("limits of the values in the answer"),
    "model-described": _documented("description of the model"),
    "field-described": _documented("description of the field"),
    "field-limits": _documented("limits of the values of the field"),
    "body-field-format": _documented("format of the field"),
    "module-described": _documented("description of the module"),
}
"""All kinds of changes, explained in docs/generator.md."""
