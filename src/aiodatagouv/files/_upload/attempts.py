"""The attempts of an upload: each sends the parts and creates the resource, exactly one in all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import NoReturn

from attrs import define, field

from ...errors import DataGouvError, GoneError, IntegrityError, NotFoundError, UploadError
from .extensions import may_be, normalized
from .journal import Begun, Journal
from .parts import PartError, Sender, Sent
from .places import Made, Place, Stored, Uploaded, check_id, made_of
from .retries import Retries, is_unknown
from .state import ClientUploads, DatasetUploads

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
            before = [] if self.replaced else await self.uploads.known(self.place)
            same = [one.id for one in before if _is_same(one, sent)]
            state.begun = Begun(self.shared.earliest(), same)
            await self.journal.save()
        is_assembled, self._is_assembled = self._is_assembled, True
        try:
            async with self.uploads.apart(normalized(self.sender.content.name)):
                answer = await self.place.post(sent.body, self.replaced)
                check_id(answer)
        except DataGouvError as error:
            if not is_unknown(error):
                if not is_repeated:
                    state.begun = None
                    await self.journal.save()
                raise
            if found := await self._look(sent, waits=True):
                return await self._take(found)
            # Parts are deleted once they are assembled, so assembling them again cannot do harm.
            raise _AttemptError(error, keeps_parts=sent.parts > 1 and not is_assembled) from error
        return await self._check(sent, answer, is_repeated=is_repeated)

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
            if self.replaced is None:
                self.journal.state.wrong.append(stored.id)
            await self.journal.save()
            await self._delete_wrong()
            raise _AttemptError(wrong, keeps_parts=False)
        if is_repeated and self.replaced is None:
            # The request before this one may have been carried out after all.
            twins = [one for one in await self._look(sent, waits=False) if one.id != stored.id]
            await self._delete_twins(stored.id, twins)
        return await self._claim(stored.id, answer)

    async def _take(self, found: list[Stored]) -> Made:
        """Take a resource that was found for that of the upload; others like it are deleted."""
        first, *twins = found
        await self._delete_twins(first.id, twins)
        return await self._claim(first.id)

    async def _claim(self, id: str, answer: Uploaded | None = None) -> Made:
        """Record the resource of the upload, and return it."""
        self.journal.state.resource = id
        await self.journal.save()
        if answer is None:
            resource = await self.place.get(id)
        else:
            resource = made_of(answer.to_dict(), community=self.place.community)
        if self.replaced is None:
            self.uploads.claimed[id] = Stored.of(resource)
        return resource

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
            )
        return []

    async def _candidates(self) -> list[Stored]:
        """The resources of this name that an earlier request may have created or replaced."""
        state, name = self.journal.state, self.sender.content.name
        if self.replaced is not None:
            found = [Stored.of(await self.place.get(self.replaced))]
            return [one for one in found if may_be(name, one.name)]
        assert state.begun is not None
        since = state.begun.since
        others = {*state.begun.before, *self.uploads.claimed, *state.wrong}
        return [
            one
            for one in await self.place.seen(since)
            if one.id not in others and may_be(name, one.name)
            if since is None or one.created is None or one.created >= since
        ]

    async def _delete_wrong(self) -> None:
        """Delete the resources that were created with a wrong file."""
        wrong = self.journal.state.wrong
        while wrong:
            await self._delete(wrong[-1], "the portal has stored the file wrongly")
            wrong.pop()
            await self.journal.save()

    async def _delete_twins(self, id: str, twins: list[Stored]) -> None:
        for one in twins:
            await self._delete(one.id, f"it is a second copy of resource {id}")

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
        elif state.begun is None:
            if self.replaced is not None and isinstance(error, IntegrityError):
                error.add_note(f"resource {self.replaced} may have the wrong file")
            raise error
        elif self.replaced is not None:
            reason = f"its file may have been replaced by {name}: {error}"
        else:
            reason = f"a resource may have been created for {name}, but was not found: {error}"
        resource = state.resource or self.replaced
        failure = UploadError(self.place.dataset, resource, reason)
        failure.attempts, failure.waited = error.attempts, error.waited
        raise failure from error


def _is_same(one: Stored, sent: Sent) -> bool:
    """Whether a resource has the file that was sent, as far as its checksum can be compared."""
    return one.size == sent.size and (one.algorithm != "sha1" or one.checksum == sent.sha1)
