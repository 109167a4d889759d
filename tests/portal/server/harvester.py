"""A harvest backend without network access, for previews and runs of harvest sources."""

from __future__ import annotations

from typing import Any

from release import IS_17
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
            if IS_17:
                self.process_item(f"local-{number}", self.inner_process_dataset)
            else:
                self.process_dataset(f"local-{number}")
        if self.has_feature("apis"):
            if IS_17:
                self.process_item("local-api", self.inner_process_dataservice)
            else:
                self.process_dataservice("local-api")

    def inner_process_dataservice(self, item: Any) -> Dataservice:
        if IS_17:
            service = self.get_item(item.remote_id, Dataservice)
        else:
            service = self.get_dataservice(item.remote_id)
        service.title = "API moissonnée"
        service.base_api_url = "https://api.example.org/"
        return service

    def inner_process_dataset(self, item: Any) -> Dataset:
        if IS_17:
            dataset = self.get_item(item.remote_id, Dataset)
        else:
            dataset = self.get_dataset(item.remote_id)
        dataset.title = f"Jeu de données moissonné {item.remote_id}"
        dataset.description = "Vient d'un catalogue distant."
        return dataset
