"""One file, fetched from its address into a path: continued, verified, and tried again."""

from __future__ import annotations

import asyncio
import builtins
import datetime as dt
import math
import random
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from attrs import define

from ... import _http
from ..._call.options import Options
from ..._decoding.dates import read_http_date
from ..._events import Events
from ..._http.outside import Answer
from ..._limits.gate import now
from ..._limits.quota import retry_after
from ...client import Client
from ...errors import (
    DataGouvError,
    DownloadError,
    IntegrityError,
    NetworkError,
    TimeoutError,
    TooLargeError,
    class_of,
)
from ...operation import Operation
from ...types import Progress
from .addresses import shown, shown_text
from .checksums import Expected
from .pages import is_data, is_page
from .part import Part, Source
from .route import OPERATION, Admit, Requests, Route, translated
from .threads import Writing, in_thread
from .versions import end_of_range, version_of
from .wanted import Download, NotModified, Wanted

DOWNLOAD = Operation(
    id=OPERATION, method="GET", path="", tag="files", kind="stream", summary="Fetch a file"
)
"""A download, as retry policies know it."""

_ENOUGH = 1 << 20
"""Bytes after which earlier failures no longer count: some hosts break off every connection."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses after which a later call may continue."""


class _ChangedError(Exception):
    """The host does not continue the version that was begun."""


async def fetch(
    client: Client, address: str, path: Path, wanted: Wanted, *, admit: Admit = nullcontext
) -> Download | NotModified:
    """Fetch a file.

    Args:
        client: The client, whose connections to other hosts are used.
        address: The address of the file.
        path: The path to write it to.
        wanted: The conditions.
        admit: Admits the requests to a host, each until its answer was read.

    Returns:
        The file; :class:`NotModified` if the version that is there already still is the newest.

    Raises:
        AddressError: An address on the way is refused.
        DownloadError: The host answers with a failing status.
        IntegrityError: The file is not the one that is expected.
        TooLargeError: It is too large.
        DestinationError: The path cannot be written to.
        NetworkError: The host does not answer, or the answer breaks off.
        RuntimeError: The client is closed, or was opened in another event loop.
    """
    shared, options = client._shared, client._options
    shared.open()
    route = Route(shared.outside, client._portal, options.timeout, wanted.allow_private, admit)
    running = client._start(_fetch(route, options, address, path, wanted))
    try:
        return await running
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if running.cancelled() and not (waiting and waiting.cancelling()):
            raise RuntimeError("the Client was closed during a download") from None
        raise


async def _fetch(
    route: Route, options: Options, address: str, path: Path, wanted: Wanted
) -> Download | NotModified:
    source = Source.of(address, wanted.expected.algorithm)
    parts: list[Part] = []  # One that is opened while this is cancelled is closed as well.
    try:
        await in_thread(lambda: parts.append(Part.open(path, source)))
        observer = options.observer
        watch = None if observer is None else observer(DOWNLOAD, shown_text(address))
        with Events(DOWNLOAD, options.on_retry, watch) as events:
            transfer = _Transfer(route, options, address, parts[0], wanted, events)
            with events.current():
                return await _made(transfer)
    finally:
        for part in parts:
            await in_thread(part.close)


async def _made(transfer: _Transfer) -> Download | NotModified:
    """Make a transfer, and keep what a later call can continue, but nothing else."""
    part = transfer.part
    try:
        if (done := await transfer.run()) is None:
            await in_thread(part.discard)
            return NotModified()
        return done
    except BaseException as error:
        await in_thread(part.record if transfer.may_continue(error) else part.discard)
        raise


@define
class _Transfer:
    """A download under way. Times are those of the event loop."""

    route: Route
    options: Options
    address: str
    part: Part
    wanted: Wanted
    events: Events
    modified: dt.datetime | None = None
    """The date of the version, as far as the host tells."""
    url: str = ""
    attempts: int = 0
    waited: float = 0.0
    failures: int = 0
    """Failures since the last progress."""
    failed_at: float = 0.0
    """When the first of them was."""
    since: int = 0
    """The largest size at which failures were forgotten; a part that starts again is smaller."""
    retry_after: float | None = None
    resumed: int = 0

    @property
    def name(self) -> str:
        return self.part.path.name

    @property
    def expected(self) -> Expected:
        return self.wanted.expected.at(self.modified)

    def may_continue(self, error: BaseException) -> bool:
        """Whether a later call may continue the temporary file after an error."""
        if not (self.wanted.resume and self.part.is_useful):
            return False
        if isinstance(error, DownloadError):
            return error.status in _PASSING
        return not isinstance(error, DataGouvError) or isinstance(error, NetworkError)

    async def run(self) -> Download | None:
        """Fetch the file, and verify it; None if there is nothing new."""
        limit = self.options.max_time
        whole = asyncio.timeout(None if limit == math.inf else limit)
        try:
            async with whole:
                if self.wanted.resume:
                    await self._resume()
                self._tell()
                if not await self._persist():
                    return None
        except builtins.TimeoutError as error:
            if isinstance(error, TimeoutError) or not whole.expired():
                raise
            raise self._error_of_time() from None
        except DataGouvError as error:
            if self.attempts:
                error.attempts, error.waited = self.attempts, self.waited
            raise
        return await self._finish()

    async def _finish(self) -> Download:
        part, expected = self.part, self.expected
        expected.check(self.name, part.checksum, part.size)
        done = Download(
            part.path,
            part.size,
            expected.checksum,
            self.url,
            part.source.etag,
            part.source.modified,
            self.resumed,
            part.checksum,
        )
        if self.wanted.before is not None:
            await self.wanted.before(done)
        await in_thread(part.finish)
        self._tell()
        return done

    async def _resume(self) -> None:
        """Read again what an interrupted call has received."""
        steps = self.part.resume()
        while await in_thread(lambda: next(steps, self)) is not self:
            pass
        self.resumed = self.since = self.part.size

    async def _persist(self) -> bool:
        """Make attempts until one succeeds or the policy gives up; return whether it is new."""
        started = now()
        requests = Requests(self.events, started)
        while True:
            try:
                return await self._attempt(requests)
            except _ChangedError:
                # Asked for the whole file next.
                self.part.source = Source.of(self.address, self.part.source.algorithm)
                continue
            except (NetworkError, DownloadError) as error:
                wait = self._decide(error)
                if wait is None or now() + wait > started + self.options.retry.deadline:
                    raise
                self.events.retried(error, self.attempts, wait)
            self.waited += wait
            await asyncio.sleep(wait)

    def _decide(self, error: NetworkError | DownloadError) -> float | None:
        """The seconds until the next attempt, None to give up."""
        error.attempts, error.waited = self.attempts, self.waited
        if self.part.size >= self.since + _ENOUGH:
            self.failures, self.since = 0, self.part.size
        if not self.failures:
            self.failed_at = now()
        self.failures += 1
        judged: DataGouvError = error
        if isinstance(error, DownloadError):  # As policies know it.
            judged = class_of(error.status)(
                str(error),
                operation=OPERATION,
                method="GET",
                url=error.url,
                status=error.status,
                retry_after=self.retry_after,
            )
        return self.options.retry.wait(
            DOWNLOAD,
            judged,
            attempt=self.failures,
            elapsed=now() - self.failed_at,
            jitter=random.random(),
        )

    async def _attempt(self, requests: Requests) -> bool:
        """Ask for the file or the rest of it; return False if there is nothing new."""
        self.attempts += 1
        requests.attempt = self.attempts
        headers = self._conditions()
        async with self.route.get(self.address, headers, requests) as (url, answer):
            self.url = str(url)
            end = await self._accept(url, answer, headers)
            if end is None:
                return self.part.is_whole
            await self._receive(url, answer, end)
        source = self.part.source
        if source.size is not None and self.part.size < source.size:
            self._break_off(url, source.size)
        return True

    def _conditions(self) -> dict[str, str]:
        """The headers that ask for the rest of a version, or for another one than that there."""
        part, source, wanted = self.part, self.part.source, self.wanted
        etag, modified = wanted.etag, wanted.last_modified
        if part.size and source.validator is not None:
            if not part.is_whole:
                return {"Range": f"bytes={part.size}-", "If-Range": source.validator}
            etag, modified = source.etag, source.modified
        headers = {"If-None-Match": etag, "If-Modified-Since": None if etag else modified}
        return {name: value for name, value in headers.items() if value is not None}

    async def _accept(
        self, url: _http.URL, answer: Answer, headers: dict[str, str]
    ) -> float | None:
        """Prepare for the body of an answer.

        Returns:
            The position at which the file must end there, infinite if that is not known; None if
            the answer says that there is nothing new.
        """
        status, part = answer.status, self.part
        if status == 304 and "Range" not in headers and headers:
            self._note(answer)
            return None
        if status in (206, 416) and "Range" in headers:
            found = end_of_range(answer, part.source, part.size) if status == 206 else None
            if found is None:
                raise _ChangedError
            end, part.source = found
        elif status == 200:
            source = version_of(answer, part.source)
            self._note(answer)
            self._check_size(url, source.size)
            await in_thread(partial(part.begin, source))
            self.resumed = 0
            self._tell()  # What was received before is of no use.
            return math.inf if source.size is None else source.size
        else:
            self.retry_after = retry_after(answer.headers, dt.datetime.now(dt.UTC))
            raise DownloadError(shown(url), status)
        self._note(answer)
        self._check_size(url, part.source.size)
        return end

    def _note(self, answer: Answer) -> None:
        text = answer.headers.get("Last-Modified") or self.part.source.modified
        self.modified = None if text is None else read_http_date(text)

    def _check_size(self, url: _http.URL, size: int | None) -> None:
        if size is not None:
            self.expected.check_size(self.name, size)
            self._check_limit(url, size)

    def _check_limit(self, url: _http.URL, size: int) -> None:
        most = self.wanted.max_size
        if most is not None and size > most:
            raise TooLargeError(shown(url), most)

    async def _receive(self, url: _http.URL, answer: Answer, end: float) -> None:
        """Write the body of an answer to the part."""
        size, expected = self.part.size, self.expected.size
        async with Writing(self.part.write) as writing:
            async for chunk in _chunks(url, answer):
                if not size:
                    self._check_page(answer, chunk)
                size += len(chunk)
                self._check_limit(url, size)
                if expected is not None and size > expected:
                    raise IntegrityError(
                        self.name, "size", f"{expected:,} bytes", f"{size:,} bytes or more"
                    )
                if size > end:
                    self._break_off(url, end)
                await writing.put(chunk)
                self._tell(size)

    def _check_page(self, answer: Answer, begin: bytes) -> None:
        """Refuse a web page in the place of data, unless a checksum will tell."""
        expected, found = self.expected, answer.headers.get("Content-Type", "")
        if expected.checksum is None and is_data(expected.format) and is_page(found, begin):
            raise IntegrityError(self.name, "format", expected.format, "a web page")

    def _break_off(self, url: _http.URL, end: float) -> None:
        problem = f"the answer does not have the {end:,} bytes that it announces"
        raise NetworkError(problem, operation=OPERATION, method="GET", url=shown(url))

    def _error_of_time(self) -> TimeoutError:
        error = TimeoutError(
            "the download takes longer than max_time",
            operation=OPERATION,
            method="GET",
            url=self.address.partition("?")[0],
        )
        error.attempts, error.waited = self.attempts, self.waited
        return error

    def _tell(self, size: int | None = None) -> None:
        if self.wanted.progress is not None:
            total = self.part.source.size
            done = self.part.size if size is None else size
            self.wanted.progress(
                Progress(done, self.expected.size if total is None else total, self.name)
            )


async def _chunks(url: _http.URL, answer: Answer) -> AsyncIterator[bytes]:
    chunks = answer.chunks()
    while True:
        async with translated(url):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
