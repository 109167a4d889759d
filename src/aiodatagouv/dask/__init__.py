"""Harvests by a Dask cluster: its workers share the parts of a list, and one rate limit.

>>> from distributed import Client as Cluster
>>> from aiodatagouv import api, dask
>>>
>>> with Cluster("tcp://scheduler:8786") as cluster:
...     dask.harvest(cluster, api.datasets.list_datasets, "/shared/datasets", rate=5)
"""

from __future__ import annotations

try:
    import distributed as distributed
except ModuleNotFoundError as error:
    text = "aiodatagouv.dask needs distributed: pip install 'aiodatagouv[dask]'"
    raise ModuleNotFoundError(text, name=error.name) from None

from .run import harvest as harvest

__all__ = ["harvest"]
