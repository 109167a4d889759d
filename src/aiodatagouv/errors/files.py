"""The errors of files that are sent and fetched."""

from __future__ import annotations

from .base import ID, URL, DataGouvError, one_line


class IntegrityError(DataGouvError):
    """A file is not the one that it should be: its size or its checksum differs.

    Attributes:
        name: The name or the path of the file.
        what: The property that differs: ``size``, or the type of the checksum.
        expected: Its value as it was sent or announced.
        found: Its value as it was received.
    """

    def __init__(self, name: str, what: str, expected: str, found: str) -> None:
        super().__init__(name, what, expected, found)
        self.name = name
        self.what = what
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        expected, found = one_line(self.expected, URL), one_line(self.found, URL)
        return f"{one_line(self.name)}: its {one_line(self.what)} is {found}, not {expected}"


class AddressError(DataGouvError, ValueError):
    """An address that a file is not fetched from. No request was sent there.

    Attributes:
        url: The address.
        reason: The rest of a sentence that begins with the address.
    """

    attempts = 0

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{one_line(self.url, URL)} {one_line(self.reason)}"


class NoTableError(DataGouvError, LookupError):
    """A resource has no table that could be read. No request was sent.

    Attributes:
        resource: The id of the resource, None if it was not among the fields wanted.
        reason: The reason, as far as the portal's crawler states it.
    """

    attempts = 0

    def __init__(self, resource: str | None, reason: str) -> None:
        super().__init__(resource, reason)
        self.resource = resource
        self.reason = reason

    def __str__(self) -> str:
        which = "the resource" if self.resource is None else f"resource {self.resource:.64}"
        return f"{one_line(which)} has no Parquet file: {one_line(self.reason)}"


class DownloadError(DataGouvError):
    """The host of a file answered with an error status.

    Attributes:
        url: The address that answered.
        status: The HTTP status.
    """

    def __init__(self, url: str, status: int) -> None:
        super().__init__(url, status)
        self.url = url
        self.status = status

    def __str__(self) -> str:
        return f"{one_line(self.url, URL)} answered {self.status}{self._effort()}"


class TooLargeError(DataGouvError):
    """A file is larger than the ``max_size`` of its download.

    Attributes:
        url: The address of the file.
        most: The limit in bytes.
    """

    def __init__(self, url: str, most: int) -> None:
        super().__init__(url, most)
        self.url = url
        self.most = most

    def __str__(self) -> str:
        return f"{one_line(self.url, URL)} is larger than max_size, {self.most:,} bytes"


class UploadError(DataGouvError):
    """An upload failed after something of it may have reached the portal.

    Attributes:
        dataset: The id of the dataset.
        resource: The id of the resource that the portal has; None if there is none, or none known.
        reason: A description of what failed, and of what is on the portal.
    """

    def __init__(self, dataset: str, resource: str | None, reason: str) -> None:
        super().__init__(dataset, resource, reason)
        self.dataset = dataset
        self.resource = resource
        self.reason = reason

    def __str__(self) -> str:
        where = f"dataset {one_line(self.dataset, ID)}"
        if self.resource is not None:
            where += f", resource {one_line(self.resource, ID)}"
        return f"{where}: {one_line(self.reason)}{self._effort()}"
