"""A harvest backend without network access, for previews and runs of harvest sources."""

from __future__ import annotations

from typing import Any

from udata.core.dataservices.models import Dataservice
from udata.core.dataset.models import Dataset
from udata.harvest.backends import BaseBackend, HarvestExtraConfig, HarvestFeature, HarvestFilter


class LocalBackend(BaseBackend):
    name = "local"
    display_name = "Catalogue local"
    filters = (HarvestFilter("Mot-clé", "tag", str, "Un mot-clé des jeux de données"),)
    features = (
        HarvestFeature("hidden", "Masqués", "Moissonner aussi les jeux masqués"),
        HarvestFeature("apis", "API", "Moissonner aussi une API"),
    )
    extra_configs = (HarvestExtraConfig("Préfixe", "prefix", str, "Le préfixe des titres"),)

    def inner_harvest(self) -> None:
        for number in range(3):
            self.make(f"local-{number}", "dataset")
        if self.has_feature("apis"):
            self.make("local-api", "dataservice")

    def make(self, remote_id: str, kind: str) -> None:
        if hasattr(self, "process_item"):
            self.process_item(remote_id, getattr(self, f"inner_process_{kind}"))
        else:
            getattr(self, f"process_{kind}")(remote_id)

    def made(self, item: Any, kind: type) -> Any:
        if hasattr(self, "get_item"):
            return self.get_item(item.remote_id, kind)
        return getattr(self, f"get_{kind.__name__.lower()}")(item.remote_id)

    def inner_process_dataservice(self, item: Any) -> Dataservice:
        service = self.made(item, Dataservice)
        service.title = "API moissonnée"
        service.base_api_url = "https://api.example.org/"
        return service

    def inner_process_dataset(self, item: Any) -> Dataset:
        dataset = self.made(item, Dataset)
        dataset.title = f"Jeu de données moissonné {item.remote_id}"
        dataset.description = "Vient d'un catalogue distant."
        return dataset
