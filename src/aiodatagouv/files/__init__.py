"""Files: what is published is sent, what is linked is fetched, and both are verified.

>>> resource = await files.upload(client, dataset, "stops.csv")
>>> await files.download(client, resource, "copy.csv")
>>> report = await files.sync(client, dataset, "folder")
"""

from __future__ import annotations

from ..types import OnProgress as OnProgress
from ..types import Progress as Progress
