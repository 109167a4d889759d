"""Check that the links of the files of datasets work, many at once but few of each host.

    pip install aiodatagouv
    python examples/check_links.py --tag transport > broken.csv
    python examples/check_links.py --organization an-id > broken.csv

Each link is asked for with HEAD, and with GET if the host does not answer that with success; the
content is not fetched. Redirects are followed. Broken links are the rows of a CSV on stdout, and
the exit status is then 3. At most 32 links are checked at once, and 4 of one host. A link may lead
anywhere, so addresses of private networks are refused, also behind a name or a redirect;
`--allow-private` allows them. No host holds the check for longer than `--longest`, even if it sends
a byte now and then. The portal is data.gouv.fr, or that of the environment variable
DATAGOUV_PORTAL.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import errno
import socket
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from types import SimpleNamespace
from typing import Any

import aiohttp

from aiodatagouv import Client, DataGouvError, api

LINKS, LINKS_OF_A_HOST = 32, 4
"""The most links that are checked at once, of all hosts and of one."""

NAT64 = IPv6Network("64:ff9b::/96")
"""The addresses by which a network without IPv4 reaches those of IPv4."""


@dataclass
class File:
    """A file of a dataset."""

    id: str
    title: str
    url: str


@dataclass
class Dataset:
    """A dataset with the links of its files."""

    id: str
    resources: list[File]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet, also if it stands for one of IPv4."""
    inside: IPv4Address | None = None
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inside = IPv4Address(address.packed[-4:])
    return is_public(inside) if inside else address.is_global and not address.is_multicast


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a connection, unless its address is one of a private network."""
    family, kind, protocol, _, address = info
    if not is_public(ip_address(address[0])):
        raise OSError(errno.EACCES, f"{address[0]} is an address of a private network")
    return socket.socket(family, kind, protocol)


def pausing() -> aiohttp.TraceConfig:
    """Stop the time of a link while it waits for a free connection of a busy host."""

    async def stop(_: aiohttp.ClientSession, wait: SimpleNamespace, event: object) -> None:
        limit: asyncio.Timeout = wait.trace_request_ctx
        wait.left = (limit.when() or 0) - asyncio.get_running_loop().time()
        limit.reschedule(None)

    async def go_on(_: aiohttp.ClientSession, wait: SimpleNamespace, event: object) -> None:
        limit: asyncio.Timeout = wait.trace_request_ctx
        limit.reschedule(asyncio.get_running_loop().time() + wait.left)

    trace = aiohttp.TraceConfig()
    trace.on_connection_queued_start.append(stop)
    trace.on_connection_queued_end.append(go_on)
    return trace


async def ask(session: aiohttp.ClientSession, url: str, limit: asyncio.Timeout) -> str:
    """Ask for a link, and return its status, or why there is none."""
    outcome = "no answer"
    for method in ("HEAD", "GET"):  # Some hosts refuse HEAD.
        try:
            async with session.request(method, url, trace_request_ctx=limit) as response:
                outcome = str(response.status)
                if response.ok:
                    break
        except aiohttp.ConnectionTimeoutError:
            return "timeout"
        except aiohttp.ServerTimeoutError:
            outcome = "timeout"
        except (aiohttp.ClientError, ValueError) as error:
            outcome = str(error) or type(error).__name__
    return outcome


async def check(session: aiohttp.ClientSession, url: str, longest: float) -> str:
    """Ask for a link for some seconds at most, and return its status, or why there is none."""
    try:
        async with asyncio.timeout(longest) as limit:
            return await ask(session, url, limit)
    except TimeoutError:
        return "timeout"


async def check_all(options: argparse.Namespace) -> tuple[int, int]:
    """Check the links, print those that are broken, and return the numbers of both."""
    table = csv.writer(sys.stdout)
    table.writerow(["dataset", "resource", "title", "url", "outcome"])
    slots, seen, broken = asyncio.Semaphore(LINKS), set[str](), 0

    async def check_one(dataset: Dataset, file: File) -> None:
        nonlocal broken
        try:
            outcome = await check(session, file.url, options.longest)
        finally:
            slots.release()
        if not outcome.startswith("2"):
            broken += 1
            table.writerow([dataset.id, file.id, file.title, file.url, outcome])

    timeout = aiohttp.ClientTimeout(sock_connect=options.timeout, sock_read=options.timeout)
    connector = aiohttp.TCPConnector(
        limit=LINKS,
        limit_per_host=LINKS_OF_A_HOST,
        socket_factory=None if options.allow_private else public_socket,
    )
    async with (
        Client() as client,
        aiohttp.ClientSession(
            connector=connector, timeout=timeout, trace_configs=[pausing()]
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        found = api.datasets.list_datasets(
            client, organization=options.organization, tag=options.tag
        ).into(Dataset)
        async for dataset in found.items(stable=True):
            for file in dataset.resources:
                if file.url not in seen:  # A link of several files is checked once.
                    seen.add(file.url)
                    await slots.acquire()  # Pages are fetched only as fast as links are checked.
                    tasks.create_task(check_one(dataset, file))
    return len(seen), broken


def main() -> int:
    """Run the command: 0 if all links work, 3 if some are broken, 1 after a failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--organization", help="only datasets of this organization, by its id")
    parser.add_argument("--tag", action="append", help="only datasets with this tag")
    parser.add_argument("--allow-private", action="store_true", help="check private addresses too")
    parser.add_argument("--timeout", type=float, default=10, help="seconds without a byte, 10")
    parser.add_argument("--longest", type=float, default=60, help="seconds for a link, 60")
    options, counts = parser.parse_args(), None
    try:
        counts = asyncio.run(check_all(options))
    except* (DataGouvError, OSError, ValueError) as group:  # Tasks that fail are a group.
        for error in group.exceptions:
            print(error, file=sys.stderr)
    if counts is None:
        return 1
    links, broken = counts
    print(f"{links} links, {broken} broken", file=sys.stderr)
    return 3 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
