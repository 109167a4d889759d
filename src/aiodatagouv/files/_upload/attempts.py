"""The attempts of an upload: each sends the parts and creates the resource, exactly one in all."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Callable
from typing import NoReturn

from attrs import define, field

from ...errors import (
    APIError,
    DataGouvError,
    GoneError,
    IntegrityError,
    NotFoundError,
    UploadError,
)
from .extensions import may_be, normalized
from .journal import Begun, Journal
from .parts import PartError, Sender, Sent
from .places import Made, Place, Stored, Uploaded, check_id, made_of
from .retries import Retries, is_unknown
from .state import ClientUploads, DatasetUploads
from .unbroken import unbroken

_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)

_log = logging.getLogger("aiodatagouv")


class _AttemptError(Exception):
    """An attempt that has failed, and after which nothing of it was found on the portal.

    Attributes:
        error: The reason.
        keeps_parts: Whether the parts may still be there.
    """

    def __init__(self, error: DataGouvError, *, keeps_parts: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.keeps_parts = keeps_parts


@define
class Attempts:
    """The attempts of one upload.

    Attributes:
        sender: Sends the parts.
        place: The place of the resource.
        replaced: The id of the resource that gets the file; None to create one.
        shared: The uploads of the client.
        journal: The state of the upload.
        retries: Makes the retries with the attempts.
    """

    sender: Sender
    place: Place
    replaced: str | None
    shared: ClientUploads
    journal: Journal
    retries: Callable[[], Retries]
    _is_assembled: bool = field(default=False, init=False)
    """Whether the parts with this uuid were to be assembled before."""
    _was_posted: bool = field(default=False, init=False)
    """Whether a request of this run may have replaced the file of the resource."""
    _is_wrong: bool = field(default=False, init=False)
    """Whether the resource that was to get the file has got a wrong one."""
    _has_failed: bool = field(default=False, init=False)
    """Whether the portal itself has failed before."""
    _doubtful: list[Stored] = field(factory=list[Stored], init=False)
    """The resources that were found then, and rather are of another program."""

    async def run(self) -> Made:
        """Make attempts until the resource has the file; return it.

        Raises:
            UploadError: The portal may have the file, or has it only by half.
            IntegrityError: The file changes, or the portal stores it wrongly again and again.
            DataGouvError: The portal refuses the upload, or failed before it had the whole file.
        """
        retries, state = self.retries(), self.journal.state
        await self._delete_wrong()
        while True:
            try:
                sent = await self.sender.send(state.uuid, state.parts, self.journal.confirm)
                async with self.uploads.turn():
                    return await self._create(sent)
            except PartError as failure:
                failed = _AttemptError(failure.error, keeps_parts=False)
            except _AttemptError as failure:
                failed = failure
            except UploadError:
                raise
            except DataGouvError as error:
                self._give_up(error)
            if not await retries.pause(failed.error):
                self._give_up(failed.error)
            if not failed.keeps_parts:
                state.renew()
                self._is_assembled = False
                await self.journal.save()

    @property
    def uploads(self) -> DatasetUploads:
        """The uploads to the dataset."""
        return self.shared.of_dataset(self.place.dataset)

    @property
    def may_have_replaced(self) -> bool:
        """Whether the resource that was to get the file may have it."""
        is_begun = self._was_posted or self._is_wrong or self.journal.state.begun is not None
        return self.replaced is not None and is_begun

    async def _create(self, sent: Sent) -> Made:
        """Make the request that creates the resource, and find out what has come of it."""
        state = self.journal.state
        is_repeated = state.begun is not None
        if is_repeated:
            # One that a killed process has made may still be under way.
            is_resumed, self.journal.is_resumed = self.journal.is_resumed, False
            if found := await self._look(sent, waits=is_resumed):
                return await self._take(found)
        else:
            since = self.shared.earliest()
            # What is there now is not of this upload.
            there = [] if self.replaced else await self._seen(since)
            state.begun = Begun(since, [one.id for one in there])
            await self.journal.save()
        is_assembled, self._is_assembled = self._is_assembled, True
        try:
            async with self.uploads.apart(normalized(self.sender.content.name)):
                answer = await self._post(sent)
        except DataGouvError as error:
            if not is_unknown(error):
                if not is_repeated:
                    state.begun, self._was_posted = None, False
                    await self.journal.save()
                raise
            if found := self._own(await self._look(sent, waits=True), error):
                return await self._take(found)
            # Parts are deleted once they are assembled, so assembling them again cannot do harm.
            raise _AttemptError(error, keeps_parts=sent.parts > 1 and not is_assembled) from error
        return await self._check(sent, answer, is_repeated=is_repeated)

    async def _post(self, sent: Sent) -> Uploaded:
        """Make the request; one that replaces a file is not given up halfway, when cancelled.

        The file has to be there, or not, before a title can be given back.
        """
        post = self.sender.post(sent.body)
        if self.replaced is None:
            answer = await post
        else:
            self._was_posted = True
            answer = await unbroken(post)
        check_id(answer)
        return answer

    def _own(self, found: list[Stored], error: DataGouvError) -> list[Stored]:
        """Select the resources of this upload among those that were found after a failure.

        The portal refuses a second file of a name within a second as if it had failed itself. What
        is found then is rather the first file, of another program. A portal that fails once more
        has failed indeed, and may have created what is found.
        """
        if self.replaced is not None or not isinstance(error, APIError) or error.status != 500:
            return found
        if self._has_failed:
            return found or self._doubtful
        self._has_failed, self._doubtful = True, found
        return []

    async def _check(self, sent: Sent, answer: Uploaded, *, is_repeated: bool) -> Made:
        """Compare what the portal has stored with what was sent."""
        stored, name = Stored.of(answer), self.sender.content.name
        wrong = None
        if stored.size != sent.size:
            wrong = IntegrityError(name, "size", str(sent.size), str(stored.size))
        elif stored.algorithm == "sha1" and stored.checksum != sent.sha1:
            wrong = IntegrityError(name, "sha1", sent.sha1, str(stored.checksum))
        if wrong is not None:
            if not is_repeated:
                self.journal.state.begun = None
            self._is_wrong = self.replaced is not None
            if self.replaced is None:
                self.journal.state.wrong.append(stored.id)
            await self.journal.save()
            await self._delete_wrong()
            raise _AttemptError(wrong, keeps_parts=False)
        made = await self._claim(stored.id, answer)
        if is_repeated and self.replaced is None:
            # The request before this one may have been carried out after all.
            try:
                twins = [one for one in await self._candidates() if _is_same(one, sent)]
            except DataGouvError as error:
                fields = {"event": "not_searched", "file": name, "error": type(error).__name__}
                line = "%s: it was not possible to look for a second copy: %s"
                _log.warning(line, name, error, extra=fields)
            else:
                self._warn_of_twins(stored.id, twins)
        return made

    async def _take(self, found: list[Stored]) -> Made:
        """Take the first resource that was found for that of the upload."""
        found = sorted(found, key=lambda one: one.created or _LONG_AGO)
        self._warn_of_twins(found[0].id, found[1:])
        return await self._claim(found[0].id)

    async def _claim(self, id: str, answer: Uploaded | None = None) -> Made:
        """Record the resource of the upload, and return it."""
        if self.replaced is None:
            self.uploads.claim(id)
        self.journal.state.resource = id
        await self.journal.save()
        if answer is None:
            return await self.place.get(id)
        return made_of(answer.to_dict(), community=self.place.community)

    def _warn_of_twins(self, id: str, twins: list[Stored]) -> None:
        """Warn of resources with the same file, which are not deleted: they may be of others."""
        for other in {one.id for one in (*twins, *self._doubtful)} - {id}:
            _log.warning(
                "%s: meanwhile resource %s of dataset %s was created, with the same file as "
                "resource %s: it is of another program, or a second copy, to be deleted by hand",
                self.sender.content.name,
                other,
                self.place.dataset,
                id,
                extra={"event": "second_copy", **self._fields(other)},
            )

    def _fields(self, resource: str) -> dict[str, str]:
        """The fields of a log record about a resource of another upload."""
        name, dataset = self.sender.content.name, self.place.dataset
        return {"file": name, "dataset": dataset, "resource": resource}

    async def _look(self, sent: Sent, *, waits: bool) -> list[Stored]:
        """Look for the resource that an earlier request may have created."""
        candidates: list[Stored] = []
        for wait in self.retries().looks(sent.size) if waits else [0]:
            await asyncio.sleep(wait)
            candidates = await self._candidates()
            if found := [one for one in candidates if _is_same(one, sent)]:
                return found
        for one in candidates if self.replaced is None else ():
            _log.warning(
                "%s: meanwhile resource %s of dataset %s was created, of this name and with "
                "other content",
                self.sender.content.name,
                one.id,
                self.place.dataset,
                extra={"event": "other_content", **self._fields(one.id)},
            )
        return []

    async def _candidates(self) -> list[Stored]:
        """The resources of this name that an earlier request may have created or replaced."""
        state, name = self.journal.state, self.sender.content.name
        if self.replaced is not None:
            found = [Stored.of(await self.place.get(self.replaced))]
            return [one for one in found if may_be(name, one.name)]
        assert state.begun is not None
        others = {*state.begun.before, *state.wrong, *(one.id for one in self._doubtful)}
        return [
            one
            for one in await self._seen(state.begun.since)
            if one.id not in others and not self.uploads.is_claimed(one.id)
            # A title is given only to a resource that is known.
            if one.is_untitled
        ]

    async def _seen(self, since: dt.datetime | None) -> list[Stored]:
        """The resources of this name that are there, created at or after a time."""
        return [
            one
            for one in await self.place.seen(since)
            if may_be(self.sender.content.name, one.name)
            if since is None or one.created is None or one.created >= since
        ]

    async def _delete_wrong(self) -> None:
        """Delete the resources that were created with a wrong file."""
        wrong = self.journal.state.wrong
        while wrong:
            await self._delete(wrong[-1], "the portal has stored the file wrongly")
            wrong.pop()
            await self.journal.save()

    async def _delete(self, id: str, reason: str) -> None:
        try:
            with contextlib.suppress(NotFoundError, GoneError):
                await self.place.delete(id)
        except DataGouvError as error:
            reason = f"{reason}, and could not be deleted: {error}"
            raise UploadError(self.place.dataset, id, reason) from error

    def _give_up(self, error: DataGouvError) -> NoReturn:
        """Raise the error of the upload, which says what is or may be on the portal."""
        state, name = self.journal.state, self.sender.content.name
        if state.resource is not None:
            reason = f"the file is there, but the resource could not be read: {error}"
        elif self._is_wrong:
            reason = f"it may have a wrong file in place of {name}: {error}"
        elif state.begun is None:
            raise error
        elif self.replaced is not None:
            reason = f"its file may have been replaced by {name}: {error}"
        elif self._doubtful:
            ids = ", ".join(one.id for one in self._doubtful)
            reason = f"{ids} has the content of {name}, but may be of another program: {error}"
        else:
            reason = f"a resource may have been created for {name}, but was not found: {error}"
        resource = state.resource or self.replaced
        failure = UploadError(self.place.dataset, resource, reason)
        failure.attempts, failure.waited = error.attempts, error.waited
        raise failure from error


def _is_same(one: Stored, sent: Sent) -> bool:
    """Whether a resource has the file that was sent, as far as its checksum can be compared."""
    return one.size == sent.size and (one.algorithm != "sha1" or one.checksum == sent.sha1)
