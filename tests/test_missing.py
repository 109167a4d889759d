"""Operations that a portal lacks, paths without the slash, and what portals tell of themselves.

The answers are those of real portals of udata 10.4.3, 10.9.0 and 13.0.0.
"""

from __future__ import annotations

import asyncio
import io
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest
from attrs import evolve
from packaging.version import Version

from aiodatagouv import (
    OPERATIONS,
    APIError,
    AuthenticationError,
    Client,
    DataGouvError,
    File,
    NetworkError,
    NotFoundError,
    Operation,
    Portal,
    RetryPolicy,
    ServerError,
)
from aiodatagouv._call import answers
from aiodatagouv._call.call import prepare
from aiodatagouv._missing import PATIENCE
from aiodatagouv.api import (
    dataservices,
    datasets,
    harvest,
    me,
    ops,
    organizations,
    pages,
    posts,
    reports,
    visualizations,
)
from aiodatagouv.models import ImageUpload, MemberWrite, ReportWrite

from . import clock
from .clients import client_of

Scripted = Callable[..., Client]

WORDS = (
    b"The requested URL was not found on the server. If you entered the URL manually please check "
    b"your spelling and try again."
)
NO_ROUTE_PAGE = httpx.Response(
    404,
    content=b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    b"<p>" + WORDS + b"</p>\n",
    headers={"Content-Type": "text/html; charset=utf-8"},
)
NO_ROUTE = httpx.Response(404, content=b'{"error":"' + WORDS + b'","status":404}\n')
NO_METHOD_PAGE = httpx.Response(
    405,
    content=b"<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n"
    b"<h1>Method Not Allowed</h1>\n<p>The method is not allowed for the requested URL.</p>\n",
    headers={"Content-Type": "text/html; charset=utf-8"},
)
NO_METHOD = httpx.Response(
    405, content=b'{"message": "The method is not allowed for the requested URL."}'
)
NO_OBJECT = httpx.Response(
    404,
    content=b'{"message": "' + WORDS + b" You have requested this URI [/api/1/dataservices/suggest/"
    b"] but did you mean /api/1/datasets/suggest/ or /api/1/dataservices/<dataservice:dataservice>/"
    b'datasets/<dataset:dataset>/ ?"}',
)
NO_OBJECT_MESSAGE: str = NO_OBJECT.json()["message"]

SITE_10 = (
    b'{"dataservices_page": null, "datasets_page": "6b094f89ee3d591013b06625", "feed_size": 20, '
    b'"id": "default", "keywords": ["opendata", "essai"], "metrics": {"dataservices": 15}, '
    b'"reuses_page": null, "title": "Portail d\'essai"}'
)
SITE_13 = SITE_10[:-1] + b', "version": "13.0.0"}'


def swagger(release: str) -> bytes:
    """Return what is read of the Swagger of version 1 of a release: its paths and methods."""
    paths: dict[str, Any] = {}
    for one in OPERATIONS.values():
        is_old = one.until is not None and Version(one.until) < Version(release)
        is_new = one.since is not None and Version(release) < Version(one.since)
        if one.version == 1 and not is_old and not is_new:
            paths.setdefault(one.path, {})[one.method.lower()] = {"responses": {}}
    return msgspec.json.encode({"swagger": "2.0", "paths": paths})


DOCUMENTS = ("/api/1/site/", "/api/1/swagger.json")

DOCUMENT_V2 = "/api/2/swagger.json"

SWAGGER_V2 = (
    b'{"swagger": "2.0", "basePath": "/api/2", "paths": {"/topics/": {"get": {}, "post": {}}, '
    b'"/topics/{topic}/": {"get": {}}}}'
)

Document = httpx.Response | bytes | Exception


class Old:
    """A portal of an older release: it describes itself, and gives the listed answers otherwise.

    The last answer is repeated. The paths of all requests are recorded.
    """

    def __init__(
        self,
        *answers: httpx.Response,
        site: Document = SITE_13,
        api: Document | None = None,
        api_v2: Document = SWAGGER_V2,
    ) -> None:
        self.requests: list[str] = []
        self._answers = [*answers]
        api = swagger("13.0.0") if api is None else api
        self._documents: dict[str, Document] = {
            **dict(zip(DOCUMENTS, (site, api), strict=True)),
            DOCUMENT_V2: api_v2,
        }

    @property
    def questions(self) -> list[str]:
        """The requests for a document that describes the portal."""
        return [path for path in self.requests if path in (*DOCUMENTS, DOCUMENT_V2)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        answer = self._documents.get(request.url.path)
        if answer is None:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            # As a stream, so that its size is limited as that of a real answer.
            return httpx.Response(200, stream=httpx.ByteStream(answer))
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Newest(Old):
    """A portal of the newest release."""

    def __init__(self, *answers: httpx.Response) -> None:
        site = SITE_10[:-1] + b', "version": "17.18.0"}'
        super().__init__(*answers, site=site, api=swagger("17.18.0"))


async def failure(call: Awaitable[object]) -> APIError:
    """Await a call that the portal answers with a failing status, and return its error."""
    with pytest.raises(APIError) as caught:
        await call
    return caught.value


# ---- The message of an operation that not every release serves


@pytest.mark.parametrize("answer", [NO_ROUTE, NO_ROUTE_PAGE])
async def test_a_missing_operation_is_told_with_its_first_release_and_the_portals(
    scripted: Scripted, answer: httpx.Response
) -> None:
    async with scripted(Old(answer)) as client:
        error = await failure(visualizations.list_visualizations(client))
    assert isinstance(error, NotFoundError)
    assert str(error).startswith(
        "list_visualizations: 404 udata serves it since 16.6.1; this portal, which runs 13.0.0, "
        "does not: "
    )


async def test_a_dropped_operation_is_told_with_its_last_release(scripted: Scripted) -> None:
    async with scripted(Newest(NO_ROUTE, NO_METHOD_PAGE)) as client:
        page = await failure(pages.get_page(client, "an-id"))
        key = await failure(me.generate_apikey(client))
    here = "; this portal, which runs 17.18.0, does not: "
    assert page.message.startswith(f"udata serves it since 10.9.0 and until 16.0.0{here}")
    assert key.message.startswith(f"udata serves it until 15.4.1{here}")


@pytest.mark.parametrize("answer", [NO_METHOD, NO_METHOD_PAGE])
async def test_a_method_that_is_not_allowed_is_a_missing_operation(
    scripted: Scripted, answer: httpx.Response
) -> None:
    async with scripted(Old(answer)) as client:
        error = await failure(reports.update_report(client, "an-id", body=ReportWrite()))
    assert (error.status, error.message.partition(":")[0]) == (
        405,
        "udata serves it since 14.13.0; this portal, which runs 13.0.0, does not",
    )


async def test_what_another_operation_answers_is_a_missing_operation_as_well(
    scripted: Scripted,
) -> None:
    """A portal without ``/dataservices/suggest/`` looks for the dataservice "suggest"."""
    async with scripted(Old(NO_OBJECT)) as client:
        error = await failure(dataservices.suggest_dataservices(client, q="eau"))
    assert error.message.startswith(
        "udata serves it since 17.18.0; this portal, which runs 13.0.0, does not: The requested"
    )


async def test_a_portal_that_tells_no_release_is_told_to_lack_the_operation(
    scripted: Scripted,
) -> None:
    portal = Old(NO_ROUTE_PAGE, site=SITE_10, api=swagger("10.9.0"))
    async with scripted(portal) as client:
        error = await failure(visualizations.list_visualizations(client))
    assert error.message == "udata serves it since 16.6.1; this portal does not: Not Found"


async def test_without_a_swagger_the_release_is_told(scripted: Scripted) -> None:
    async with scripted(Old(NO_ROUTE_PAGE, api=NO_ROUTE)) as client:
        error = await failure(visualizations.list_visualizations(client))
    assert error.message == "udata serves it since 16.6.1; this portal runs 13.0.0: Not Found"


async def test_the_message_keeps_what_the_portal_said(scripted: Scripted) -> None:
    async with scripted(Old(NO_ROUTE)) as client:
        error = await failure(visualizations.list_visualizations(client))
    assert error.message.endswith(f": {WORDS.decode()}")
    assert error.response is not None
    assert error.response.content == NO_ROUTE.content
    again: APIError = pickle.loads(pickle.dumps(error))
    assert (str(again), again.message) == (str(error), error.message)


# ---- When the portal is asked


async def test_the_portal_is_asked_once_for_all_derived_clients(scripted: Scripted) -> None:
    portal = Old(NO_ROUTE)
    async with scripted(portal) as client:
        for one in (client, client.with_options(timeout=5), client.with_options(lang="fr")):
            await failure(visualizations.list_visualizations(one))
        assert portal.questions == [*DOCUMENTS]
        for one in (client, client.with_options(timeout=5)):
            assert (await one.portal()).release == "13.0.0"
    assert portal.questions == [*DOCUMENTS, DOCUMENT_V2]


def test_calls_that_fail_together_ask_once() -> None:
    portal = Old(NO_ROUTE)

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return portal(request)

    async def main() -> list[str]:
        transport = httpx.MockTransport(answer)
        async with client_of("https://portal.example/", transport=transport) as client:
            calls = [visualizations.get_visualization(client, f"{number}") for number in range(9)]
            errors = await asyncio.gather(*map(failure, calls))
            return [error.message.partition(":")[0] for error in errors]

    told = "udata serves it since 16.6.1; this portal, which runs 13.0.0, does not"
    assert clock.run(main()) == [told] * 9
    assert portal.questions == [*DOCUMENTS]


def test_calls_that_fail_together_ask_once_also_if_that_fails() -> None:
    portal = Old(NO_ROUTE, site=httpx.Response(503))

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return portal(request)

    async def main() -> None:
        transport = httpx.MockTransport(answer)
        async with client_of("https://portal.example/", transport=transport) as client:
            calls = [visualizations.get_visualization(client, f"{number}") for number in range(9)]
            for error in await asyncio.gather(*map(failure, calls)):
                assert error.message.startswith("udata serves it since 16.6.1: ")

    clock.run(main())
    assert portal.questions == ["/api/1/site/"]


def test_a_call_with_little_time_leaves_the_question_to_the_next() -> None:
    portal = Old(NO_ROUTE)

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(2 if request.url.path in DOCUMENTS else 0)
        return portal(request)

    async def main() -> None:
        transport = httpx.MockTransport(answer)
        async with client_of("https://portal.example/", transport=transport) as client:
            hasty = client.with_options(retry=RetryPolicy(deadline=1))
            error = await failure(visualizations.list_visualizations(hasty))
            assert error.message.startswith("udata serves it since 16.6.1: ")
            error = await failure(visualizations.list_visualizations(client))
            assert "this portal, which runs 13.0.0, does not" in error.message

    clock.run(main())


async def test_an_object_that_does_not_exist_asks_nothing(scripted: Scripted) -> None:
    portal = Newest(NO_OBJECT)
    async with scripted(portal) as client:
        every = await failure(datasets.get_dataset(client, "nowhere"))
        newer = await failure(visualizations.get_visualization(client, "nowhere"))
    assert len(portal.requests) == 2
    assert {every.message, newer.message} == {NO_OBJECT_MESSAGE}


async def test_the_end_of_a_list_asks_nothing(scripted: Scripted) -> None:
    portal = Newest(NO_OBJECT)
    async with scripted(portal) as client:
        await failure(visualizations.list_visualizations(client, page=9))
    assert len(portal.requests) == 1


async def test_an_operation_that_the_portal_serves_is_not_told_to_be_missing(
    scripted: Scripted,
) -> None:
    async with scripted(Newest(NO_OBJECT)) as client:
        error = await failure(dataservices.suggest_dataservices(client, q="eau"))
        assert error.message == NO_OBJECT_MESSAGE


async def test_a_release_alone_tells_that_an_operation_is_served(scripted: Scripted) -> None:
    site = SITE_10[:-1] + b', "version": "17.18.0"}'
    async with scripted(Old(NO_OBJECT, site=site, api=NO_ROUTE)) as client:
        error = await failure(dataservices.suggest_dataservices(client, q="eau"))
    assert error.message == NO_OBJECT_MESSAGE


async def test_other_statuses_ask_nothing(scripted: Scripted) -> None:
    for status in (400, 401, 403, 410, 423, 500):
        portal = Old(httpx.Response(status))
        async with scripted(portal) as client:
            await failure(visualizations.get_visualization(client, "an-id"))
        assert len(portal.requests) == 1


async def test_a_failing_question_leaves_the_release_out_and_is_not_asked_again(
    scripted: Scripted,
) -> None:
    for answer in (httpx.Response(503), httpx.Response(429), httpx.ConnectError("refused")):
        portal = Old(NO_ROUTE_PAGE, site=answer)
        async with scripted(portal, retry=RetryPolicy()) as client:
            for _ in range(3):
                error = await failure(visualizations.list_visualizations(client))
                assert error.message == "udata serves it since 16.6.1: Not Found"
                assert error.__cause__ is None
        assert portal.questions == ["/api/1/site/"]


async def test_after_a_failing_question_a_program_may_ask_again(scripted: Scripted) -> None:
    portal = Old(NO_ROUTE_PAGE, site=httpx.Response(503))
    async with scripted(portal) as client:
        await failure(visualizations.list_visualizations(client))
        portal._documents["/api/1/site/"] = SITE_13
        assert (await client.portal()).release == "13.0.0"
        error = await failure(visualizations.list_visualizations(client))
    assert "this portal, which runs 13.0.0, does not" in error.message


async def test_what_another_host_answers_is_not_explained(scripted: Scripted) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "portal.example":
            return httpx.Response(302, headers={"Location": "https://files.example/a/"})
        return httpx.Response(404, content=NO_ROUTE_PAGE.content)

    async with scripted(answer) as client:
        error = await failure(visualizations.get_visualization(client, "a"))
    assert error.message == "Not Found"
    assert len(asked) == 2


async def test_the_question_has_the_key_of_the_client(scripted: Scripted) -> None:
    keys: dict[str, str | None] = {}
    portal = Old(NO_ROUTE)

    def answer(request: httpx.Request) -> httpx.Response:
        keys[request.url.path] = request.headers.get("X-API-KEY")
        return portal(request)

    async with scripted(answer, api_key="a-key-of-this-test") as client:
        await failure(visualizations.list_visualizations(client))
    assert {*keys.values()} == {"a-key-of-this-test"}
    assert keys.keys() == {"/api/1/visualizations/", *DOCUMENTS}


async def test_client_request_explains_nothing(scripted: Scripted) -> None:
    portal = Old(NO_ROUTE)
    async with scripted(portal) as client:
        error = await failure(client.request("GET", "visualizations/"))
    assert len(portal.requests) == 1
    assert error.message == WORDS.decode()


def test_a_question_that_is_not_answered_delays_the_error_for_some_seconds_only() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with slow_client(retry=None) as client:
            started = loop.time()
            error = await failure(visualizations.list_visualizations(client))
            assert error.message == "udata serves it since 16.6.1: Not Found"
            return loop.time() - started

    assert clock.run(main()) == PATIENCE


def test_the_question_respects_the_deadline_of_the_call() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with slow_client(retry=RetryPolicy(deadline=3)) as client:
            started = loop.time()
            error = await failure(visualizations.list_visualizations(client))
            assert error.message == "udata serves it since 16.6.1: Not Found"
            return loop.time() - started

    assert clock.run(main()) == 3


def slow_client(**options: Any) -> Client:
    """Create a client of a portal that never answers what it is."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path in DOCUMENTS:
            await asyncio.Event().wait()
        return httpx.Response(404, content=NO_ROUTE_PAGE.content)

    return client_of("https://portal.example/", transport=httpx.MockTransport(answer), **options)


def test_a_call_that_is_cancelled_during_the_question_is_cancelled() -> None:
    async def main() -> None:
        async with slow_client(retry=None) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await visualizations.list_visualizations(client)

    clock.run(main())


# ---- Version 2 of the API

LIST_TOPICS = Operation(
    "v2.get_topics_api",
    "GET",
    "/topics/",
    "v2.topics",
    "json",
    "List all topics",
    name="v2.list_topics",
    version=2,
    since="14.0.2",
)
"""An operation that both descriptions of an API can have, by the same path."""


async def list_topics(client: Client) -> APIError:
    return await failure(answers.json(client, prepare(LIST_TOPICS)))


async def test_an_operation_is_looked_up_in_its_version_of_the_api(scripted: Scripted) -> None:
    async with scripted(Old(NO_ROUTE)) as client:
        found = await client.portal()
    assert found.serves(LIST_TOPICS) is True
    assert found.serves(evolve(LIST_TOPICS, method="DELETE")) is False
    assert found.serves(evolve(LIST_TOPICS, version=1)) is False
    assert found.serves(evolve(ops.GET_DATASET, version=2)) is False


async def test_its_description_is_asked_for_once_an_operation_of_it_is_missing(
    scripted: Scripted,
) -> None:
    portal = Old(NO_ROUTE, api_v2=b'{"paths": {"/datasets/": {"get": {}}}}')
    async with scripted(portal) as client:
        await failure(visualizations.list_visualizations(client))
        assert portal.questions == [*DOCUMENTS]
        for one in (client, client.with_options(lang="fr")):
            error = await list_topics(one)
    assert str(error).startswith(
        "v2.list_topics: 404 udata serves it since 14.0.2; this portal, which runs 13.0.0, does "
        "not: "
    )
    assert portal.questions == [*DOCUMENTS, DOCUMENT_V2]


async def test_a_portal_may_describe_only_version_1(scripted: Scripted) -> None:
    site = SITE_10[:-1] + b', "version": "17.18.0"}'
    for absent in (NO_ROUTE, NO_ROUTE_PAGE, httpx.Response(403), b"<html>", b'{"paths": []}'):
        async with scripted(Old(NO_ROUTE, api_v2=absent)) as client:
            old = await client.portal()
        async with scripted(Old(NO_ROUTE, site=site, api_v2=absent)) as client:
            new = await client.portal()
        assert old.operations
        assert old.operations_v2 is new.operations_v2 is None
        # By the release alone.
        assert (old.serves(LIST_TOPICS), new.serves(LIST_TOPICS)) == (None, True)


async def test_a_description_of_version_2_that_fails_is_not_asked_for_with_each_error(
    scripted: Scripted,
) -> None:
    portal = Old(NO_ROUTE, api_v2=httpx.Response(503))
    async with scripted(portal) as client:
        for _ in range(3):
            error = await list_topics(client)
            assert error.message.startswith(
                "udata serves it since 14.0.2; this portal runs 13.0.0: "
            )
        other = await failure(visualizations.list_visualizations(client))
        assert other.message.startswith("udata serves it since 16.6.1; this portal, which runs 13")
        assert portal.questions == [*DOCUMENTS, DOCUMENT_V2]
        assert (await client.portal()).operations_v2 is None


# ---- The portal itself


async def test_a_portal_tells_its_title_its_release_and_its_operations(scripted: Scripted) -> None:
    portal = Old(NO_ROUTE)
    async with scripted(portal) as client:
        found = await client.portal()
        assert await client.with_options(timeout=5).portal() is found
    assert found == Portal(
        "https://portal.example/",
        "Portail d'essai",
        "13.0.0",
        found.operations,
        found.operations_v2,
    )
    assert found.operations is not None
    assert ("GET", "/datasets/{}") in found.operations
    assert found.serves(ops.GET_DATASET) is True
    assert found.serves(ops.LIST_VISUALIZATIONS) is False
    topics = [("GET", "/topics"), ("POST", "/topics"), ("GET", "/topics/{}")]
    assert found.operations_v2 == frozenset(topics)
    assert portal.requests == [*DOCUMENTS, DOCUMENT_V2]
    assert pickle.loads(pickle.dumps(found)) == found
    assert len(repr(found)) < 200


async def test_nothing_is_asked_while_everything_works(scripted: Scripted) -> None:
    portal = Old(httpx.Response(200, content=b'{"id": "1"}'))
    async with scripted(portal) as client:
        await visualizations.get_visualization(client, "1")
    assert len(portal.requests) == 1


@pytest.mark.parametrize(
    ("site", "title", "release"),
    [
        (b"[]", None, None),
        (b"null", None, None),
        (b"<html>", None, None),
        (b"", None, None),
        (b"{}", None, None),
        (b'{"title": null, "version": null}', None, None),
        (b'{"title": ["a"], "version": 17}', None, None),
        (b'{"title": "A", "version": "newest"}', "A", None),
        (b'{"title": "A", "version": "17.18.0\\u001b[31m"}', "A", None),
        (b'{"title": "A", "version": "1' + 30 * b".1" + b'"}', "A", None),
        (b'{"title": "A", "version": "v17.18.0"}', "A", "17.18.0"),
        (b'{"title": "A", "version": "17.18.1.dev0+g1a2b3c"}', "A", "17.18.1.dev0+g1a2b3c"),
        (NO_ROUTE, None, None),
        (httpx.Response(403), None, None),
        (httpx.Response(410), None, None),
    ],
)
async def test_what_a_portal_does_not_tell_is_none(
    scripted: Scripted, site: Document, title: str | None, release: str | None
) -> None:
    async with scripted(Old(NO_ROUTE, site=site)) as client:
        found = await client.portal()
    assert (found.title, found.release) == (title, release)
    assert found.operations


async def test_a_document_that_is_huge_is_not_read(scripted: Scripted) -> None:
    huge = b'{"title": "' + b"a" * (17 << 20) + b'"}'
    async with scripted(Old(NO_ROUTE, site=huge, api=b"[" * 1_000_000)) as client:
        found = await client.portal()
    assert (found.title, found.operations) == (None, None)


@pytest.mark.parametrize(
    "api",
    [
        b"[]",
        b"{}",
        b"<html>",
        b'{"paths": null}',
        b'{"paths": []}',
        b'{"paths": {}}',
        b'{"paths": {"/datasets/": null}}',
        b'{"paths": {"/datasets/": ["get"]}}',
        b'{"paths": {"/datasets/": {"parameters": []}}}',
        NO_ROUTE,
    ],
)
async def test_a_swagger_that_is_none_leaves_the_operations_unknown(
    scripted: Scripted, api: Document
) -> None:
    async with scripted(Old(NO_ROUTE, site=SITE_10, api=api)) as client:
        found = await client.portal()
    assert found.operations is None
    assert found.serves(ops.GET_DATASET) is None


@pytest.mark.parametrize(
    ("release", "serves"),
    [("9.2.4", None), ("10.9.0", True), ("13.0.0", True), ("16.0", True), ("16.6.1rc1", None)],
)
def test_a_release_tells_what_it_serves_but_not_what_it_lacks(
    release: str, serves: bool | None
) -> None:
    assert (ops.GET_PAGE.since, ops.GET_PAGE.until) == ("10.9.0", "16.0.0")
    assert Portal("https://portal.example/", release=release).serves(ops.GET_PAGE) is serves


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401, content=b'{"message": "Invalid API key"}'), AuthenticationError),
        (httpx.Response(503), ServerError),
        (httpx.ConnectError("refused"), NetworkError),
        (httpx.Response(302, headers={"Location": "ftp://portal.example/"}), NetworkError),
    ],
)
async def test_a_portal_that_fails_is_an_error_and_may_be_asked_again(
    scripted: Scripted, answer: Document, kind: type[DataGouvError]
) -> None:
    portal = Old(NO_ROUTE, site=answer)
    async with scripted(portal) as client:
        with pytest.raises(kind):
            await client.portal()
        portal._documents["/api/1/site/"] = SITE_13
        assert (await client.portal()).release == "13.0.0"


async def test_the_portal_of_a_closed_client_cannot_be_asked(scripted: Scripted) -> None:
    client = scripted(Old(NO_ROUTE))
    await client.aclose()
    with pytest.raises(RuntimeError, match="the Client is closed"):
        await client.portal()


# ---- Paths without the slash at the end

BACKENDS = b'[{"features": [], "filters": [], "id": "local", "label": "Catalogue local"}]'


def old_routes(request: httpx.Request) -> httpx.Response:
    """Answer as udata 10.4.3, which has some paths without the slash only."""
    known = {
        ("GET", "/api/1/harvest/backends"): httpx.Response(200, content=BACKENDS),
        ("GET", "/api/1/harvest/source/nowhere"): NO_OBJECT,
        ("POST", "/api/1/posts/a/publish"): httpx.Response(200, content=b'{"id": "1"}'),
        ("PUT", "/api/1/organizations/a/member/b"): httpx.Response(403),
    }
    found = known.get((request.method, request.url.path))
    return found or (NO_ROUTE_PAGE if request.method == "GET" else NO_METHOD_PAGE)


class Recorded:
    """A handler whose requests are recorded."""

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[str] = []
        self._handler = handler

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.raw_path.decode()}")
        answer = self._handler(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


async def test_a_path_that_is_unknown_is_tried_without_its_slash(scripted: Scripted) -> None:
    portal = Recorded(old_routes)
    async with scripted(portal, lang="fr") as client:
        (backend,) = await harvest.list_harvest_backends(client)
        assert backend.id == "local"
        assert (await posts.publish_post(client, "a")).id == "1"
    assert portal.requests == [
        "GET /api/1/harvest/backends/?lang=fr",
        "GET /api/1/harvest/backends?lang=fr",
        "POST /api/1/posts/a/publish/?lang=fr",
        "POST /api/1/posts/a/publish?lang=fr",
    ]


async def test_what_worked_without_the_slash_is_remembered_by_all_derived_clients(
    scripted: Scripted,
) -> None:
    portal = Recorded(old_routes)
    async with scripted(portal) as client:
        for one in (client, client.with_options(timeout=5), client):
            await harvest.list_harvest_backends(one)
    assert portal.requests == ["GET /api/1/harvest/backends/", *["GET /api/1/harvest/backends"] * 3]


async def test_what_worked_without_the_slash_is_not_tried_twice(scripted: Scripted) -> None:
    answers = [NO_ROUTE_PAGE, httpx.Response(200, content=BACKENDS), NO_ROUTE_PAGE]
    portal = Recorded(lambda _: answers.pop(0))
    async with scripted(portal) as client:
        await harvest.list_harvest_backends(client)
        error = await failure(harvest.list_harvest_backends(client))
    assert error.url == "https://portal.example/api/1/harvest/backends"
    assert len(portal.requests) == 3


async def test_an_error_without_the_slash_is_the_error_of_the_call(scripted: Scripted) -> None:
    async with scripted(Recorded(old_routes)) as client:
        source = await failure(harvest.get_harvest_source(client, "nowhere"))
        body = MemberWrite(role="editor")
        member = await failure(
            organizations.update_organization_member(client, "a", "b", body=body)
        )
    assert source.message == NO_OBJECT_MESSAGE
    assert (member.status, member.attempts) == (403, 1)


async def test_a_missing_object_shows_as_well_that_the_path_has_no_slash(
    scripted: Scripted,
) -> None:
    portal = Recorded(old_routes)
    async with scripted(portal) as client:
        for _ in range(3):
            await failure(harvest.get_harvest_source(client, "nowhere"))
    bare = "GET /api/1/harvest/source/nowhere"
    assert portal.requests == [f"{bare}/", bare, bare, bare]


@pytest.mark.parametrize("status", [301, 302, 308])
async def test_a_redirect_of_the_path_without_the_slash_shows_that_it_has_one(
    scripted: Scripted, status: int
) -> None:
    """A 404 of a proxy, such as during a deployment, changes nothing for the calls after it."""
    location = "https://portal.example/api/1/harvest/backends/"
    moved = httpx.Response(status, headers={"Location": location})
    answers = [NO_ROUTE_PAGE, moved, httpx.Response(200, content=BACKENDS)]
    portal = Recorded(lambda _: answers.pop(0))
    async with scripted(portal) as client:
        error = await failure(harvest.list_harvest_backends(client))
        await harvest.list_harvest_backends(client)
    assert (error.status, error.url) == (404, location)
    assert portal.requests[-1] == "GET /api/1/harvest/backends/"


async def test_what_is_unknown_either_way_is_the_first_error(scripted: Scripted) -> None:
    portal = Recorded(lambda _: NO_ROUTE)
    async with scripted(portal) as client:
        error = await failure(datasets.get_dataset(client, "a"))
        await failure(datasets.get_dataset(client, "a"))
    assert error.url == "https://portal.example/api/1/datasets/a/"
    assert portal.requests == ["GET /api/1/datasets/a/", "GET /api/1/datasets/a"] * 2


@pytest.mark.parametrize("content", [b"", b'{"success": false, "error": "No"}'])
async def test_what_is_not_of_the_router_is_the_error_of_the_call(
    scripted: Scripted, content: bytes
) -> None:
    portal = Recorded(lambda _: httpx.Response(404, content=content))
    async with scripted(portal) as client:
        await failure(datasets.get_dataset(client, "a"))
    assert portal.requests == ["GET /api/1/datasets/a/"]


async def test_an_operation_of_newer_releases_has_its_slash(scripted: Scripted) -> None:
    portal = Old(NO_ROUTE)
    async with scripted(portal) as client:
        await failure(visualizations.get_visualization(client, "a"))
    assert portal.requests == ["/api/1/visualizations/a/", *DOCUMENTS]


async def test_a_path_without_a_function_is_called_as_it_is(scripted: Scripted) -> None:
    portal = Recorded(old_routes)
    async with scripted(portal) as client:
        await failure(client.request("GET", "harvest/backends/"))
        assert (await client.request("GET", "harvest/backends")).content == BACKENDS
    assert portal.requests == ["GET /api/1/harvest/backends/", "GET /api/1/harvest/backends"]


class Pipe(io.BytesIO):
    """A file that can be read only once."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize(("file", "requests"), [(io.BytesIO(b"png"), 2), (Pipe(b"png"), 1)])
async def test_a_file_is_sent_again_if_it_can_be_read_again(
    scripted: Scripted, file: io.BytesIO, requests: int
) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return (
            NO_METHOD_PAGE if request.url.path.endswith("/") else httpx.Response(201, content=b"{}")
        )

    body = ImageUpload(file=File(file, "a.png"))
    async with scripted(answer) as client:
        if requests == 1:
            assert (await failure(posts.upload_post_image(client, "a", body=body))).status == 405
        else:
            await posts.upload_post_image(client, "a", body=body)
    assert [b"\r\n\r\npng\r\n" in one for one in sent] == [True] * requests


async def test_a_portal_that_gained_the_slash_is_followed(scripted: Scripted) -> None:
    """A newer release redirects to the path with the slash."""
    is_new = False

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not is_new:
            return old_routes(request)
        if path.endswith("/"):
            return httpx.Response(200, content=BACKENDS)
        return httpx.Response(308, headers={"Location": f"https://portal.example{path}/"})

    portal = Recorded(answer)
    async with scripted(portal) as client:
        await harvest.list_harvest_backends(client)
        is_new = True
        assert len(await harvest.list_harvest_backends(client)) == 1
    assert portal.requests[-2:] == ["GET /api/1/harvest/backends", "GET /api/1/harvest/backends/"]
