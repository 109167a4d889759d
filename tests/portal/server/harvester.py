"""A harvest backend that needs no network, so that a source can be previewed and run."""

from __future__ import annotations

from typing import Any

from release import IS_17
from udata.core.dataset.models import Dataset
from udata.harvest.backends import BaseBackend, HarvestExtraConfig, HarvestFeature, HarvestFilter


class LocalBackend(BaseBackend):
    name = "local"
    display_name = "Catalogue local"
    filters = (HarvestFilter("Mot-clé", "tag", str, "Un mot-clé des jeux de données"),)
    features = (HarvestFeature("hidden", "Masqués", "Moissonner aussi les jeux masqués"),)
    extra_configs = (HarvestExtraConfig("Préfixe", "prefix", str, "Le préfixe des titres"),)

    def inner_harvest(self) -> None:
        for number in range(3):
            if IS_17:
                self.process_item(f"local-{number}", self.inner_process_dataset)
            else:
                self.process_dataset(f"local-{number}")

    def inner_process_dataset(self, item: Any) -> Dataset:
        if IS_17:
            dataset = self.get_item(item.remote_id, Dataset)
        else:
            dataset = self.get_dataset(item.remote_id)
        dataset.title = f"Jeu de données moissonné {item.remote_id}"
        dataset.description = "Vient d'un catalogue distant."
        return dataset
