"""The certificate authorities that are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from aiodatagouv import Client, UnreachableError
from aiodatagouv._environment import AUTHORITIES
from aiodatagouv._http.trust import default_context
from aiodatagouv.api import datasets
from aiodatagouv.cli import main

from .clients import client_of
from .servers import OK, says, server

PORTAL = "https://portal.example"
ANSWER = says(OK + b'Content-Length: 11\r\n\r\n{"id": "1"}')


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "empty").write_text("")
    (tmp_path / "garbage").write_bytes(b"-----BEGIN CERTIFICATE-----\0\xff\n")
    (tmp_path / "directory").mkdir()
    return ca


async def is_trusted(ca: trustme.CA, **arguments: object) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with (
        server(ANSWER, tls=context) as url,
        client_of(url, api_key="", **arguments) as client,
    ):
        try:
            await datasets.get_dataset(client, "velos")
        except UnreachableError:
            return False
    return True


async def test_verify_is_a_bool_a_path_or_a_context(ca: trustme.CA, tmp_path: Path) -> None:
    assert not await is_trusted(ca)
    assert await is_trusted(ca, verify=False)
    assert await is_trusted(ca, verify=tmp_path / "ca.pem")
    assert await is_trusted(ca, verify=str(tmp_path / "ca.pem"))
    assert not await is_trusted(ca, verify=tmp_path / "directory")
    context = ssl.create_default_context()
    ca.configure_trust(context)
    assert await is_trusted(ca, verify=context)


# A directory would need a file named after the hash of the certificate's subject.
async def test_the_default_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    make = ssl.create_default_context

    def counted(*, cafile: str | None = None) -> ssl.SSLContext:
        read.append(cafile)
        return make(cafile=cafile)

    default_context.cache_clear()
    monkeypatch.setattr(ssl, "create_default_context", counted)
    async with server(ANSWER) as url:
        for _ in range(3):
            async with client_of(url) as client:
                await datasets.get_dataset(client, "1")
    assert len(read) == 1


@pytest.mark.parametrize("name", [one for one in AUTHORITIES if one != "SSL_CERT_DIR"])
async def test_the_environment_names_authorities(
    name: str, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    assert await is_trusted(ca)
    for earlier in AUTHORITIES[: AUTHORITIES.index(name)]:
        monkeypatch.setenv(earlier, " ")
    assert await is_trusted(ca)
    for earlier in AUTHORITIES[: AUTHORITIES.index(name)]:
        monkeypatch.setenv(earlier, str(tmp_path / "directory"))
        assert not await is_trusted(ca)


@pytest.mark.parametrize("name", [*AUTHORITIES, "verify"])
@pytest.mark.parametrize("file", ["missing", "empty", "garbage"])
def test_certificates_that_cannot_be_read_are_refused_at_once(
    name: str, file: str, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name != "verify":
        monkeypatch.setenv(name, str(tmp_path / file))
        Client(base_url=PORTAL, verify=False)
    verify = tmp_path / file if name == "verify" else True
    reason = "No such file" if file == "missing" else "no certificates in it"
    with pytest.raises(ValueError, match=f"^{name} is .*{file}.*: {reason}"):
        Client(base_url=PORTAL, verify=verify)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SSL_CERT_FILE", "/nowhere", "SSL_CERT_FILE is '/nowhere', which cannot be used: No such"),
        ("CURL_CA_BUNDLE", "/nowhere", "CURL_CA_BUNDLE is '/nowhere'"),
        ("HTTPS_PROXY", "socks5://me:hidden@host", "HTTPS_PROXY: a SOCKS proxy (socks5) is not"),
        ("all_proxy", "http://me:hid/den@host", "all_proxy: not the URL of an http or https proxy"),
    ],
)
def test_the_command_line_names_a_bad_variable_in_one_line(
    name: str,
    value: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["get", "dataset", "velos", "-vv"]) == 2
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith(f"Error: {problem}")
    assert "hid" not in output.err + output.out


@pytest.mark.parametrize(
    "verify", [None, 5, "", b"ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]
)
def test_verify_of_another_type_is_refused(verify: object) -> None:
    with pytest.raises(ValueError, match=r"^verify is "):
        Client(base_url=PORTAL, verify=verify)  # type: ignore[arg-type]
