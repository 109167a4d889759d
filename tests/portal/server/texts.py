"""Random French titles and descriptions, similar to those of a real portal."""

from __future__ import annotations

import random

TOPICS = [
    "Arrêts de bus",
    "Pistes cyclables",
    "Comptages de vélos",
    "Bornes de recharge pour véhicules électriques",
    "Stationnement en voirie",
    "Accidents corporels de la circulation",
    "Qualité de l'air",
    "Niveaux des nappes phréatiques",
    "Parcs et jardins",
    "Arbres remarquables",
    "Points d'apport volontaire",
    "Résultats des élections municipales",
    "Bureaux de vote",
    "Délibérations du conseil municipal",
    "Subventions aux associations",
    "Budget primitif",
    "Marchés publics attribués",
    "Effectifs des écoles élémentaires",
    "Annuaire des établissements scolaires",
    "Menus de la restauration scolaire",
    "Fréquentation des bibliothèques",
    "Agenda des événements culturels",
    "Monuments historiques",
    "Prénoms des nouveau-nés",
    "Permis de construire",
    "Plan local d'urbanisme",
    "Consommation d'énergie des bâtiments publics",
    "Installations de production d'électricité",
    "Zones inondables",
    "Défibrillateurs",
]

PLACES = [
    "Rennes Métropole",
    "la ville de Nantes",
    "la ville de Toulouse",
    "Bordeaux Métropole",
    "la métropole de Lyon",
    "la ville de Strasbourg",
    "Brest métropole",
    "la ville de Grenoble",
    "Dijon métropole",
    "la ville d'Angers",
    "la ville de Besançon",
    "l'Eurométropole de Metz",
    "la ville de Pau",
    "l'agglomération de La Rochelle",
    "la région Bretagne",
    "la région Occitanie",
    "la région Hauts-de-France",
    "le département de la Loire-Atlantique",
    "le département du Gers",
    "le département de la Réunion",
]

ORGANIZATIONS = [
    ("Ministère de la Transition écologique", "MTE"),
    ("Institut national de la statistique et des études économiques", "INSEE"),
    ("Rennes Métropole", None),
    ("Région Bretagne", None),
    ("Météo-France", None),
    ("Institut national de l'information géographique et forestière", "IGN"),
    ("Ville de Nantes", None),
    ("Agence de l'environnement et de la maîtrise de l'énergie", "ADEME"),
    ("Département de la Loire-Atlantique", "CD44"),
    ("Ministère de l'Éducation nationale", "MEN"),
    ("OpenStreetMap France", "OSM-FR"),
    ("Bordeaux Métropole", None),
    ("SNCF Réseau", None),
    ("Régie autonome des transports parisiens", "RATP"),
    ("Agence nationale de la cohésion des territoires", "ANCT"),
    ("Ville de Toulouse", None),
    ("Bureau de recherches géologiques et minières", "BRGM"),
    ("Ministère de la Culture", None),
    ("Association des maires ruraux", "AMRF"),
    ("Métropole de Lyon", None),
]

REUSES = [
    "Carte interactive des pistes cyclables",
    "Où recharger ma voiture ?",
    "Baromètre de l'air que je respire",
    "Trouver un défibrillateur",
    "Les prénoms de votre commune",
    "Comparateur de budgets municipaux",
    "Observatoire des subventions",
    "Atlas des arbres remarquables",
]

DATASERVICES = [
    "API Adresse",
    "API Géo",
    "API Recherche d'entreprises",
    "API Qualité de l'air",
    "API Vigilance météo",
    "API Découpage administratif",
    "API Marchés publics",
    "API Transport",
]

QUESTIONS = [
    "Fichier inaccessible depuis hier",
    "Quelle est la signification de la colonne « code_insee » ?",
    "Mise à jour prévue ?",
    "Doublons dans les lignes",
    "Merci pour cette publication !",
    "Erreur d'encodage des accents",
    "Licence applicable aux données",
]

SENTENCES = [
    "Ce jeu de données est produit par les services de la collectivité.",
    "Les données sont géolocalisées en WGS 84.",
    "Une ligne correspond à un équipement, identifié par un numéro unique.",
    "Le fichier est mis à jour automatiquement chaque nuit.",
    "Les valeurs manquantes sont laissées vides.",
    "La première publication date de 2015 ; le format a changé en 2021.",
    "Pour toute question, ouvrez une **discussion** sur cette page.",
    "Voir aussi la [documentation](https://doc.example.org/guide) du producteur.",
    "Les colonnes sont décrites dans le schéma joint.",
]

TAGS = [
    "transport",
    "velo",
    "mobilite",
    "environnement",
    "energie",
    "budget",
    "elections",
    "education",
    "culture",
    "urbanisme",
    "eau",
    "sante",
]


def titles(count: int) -> list[str]:
    """Return `count` dataset titles, which repeat only after all combinations are used."""
    every = [f"{topic} de {place}".replace("de le ", "du ") for topic in TOPICS for place in PLACES]
    random.shuffle(every)
    return [every[i % len(every)] for i in range(count)]


def paragraph(sentences: int) -> str:
    return " ".join(random.choices(SENTENCES, k=sentences))


def description() -> str:
    """Return Markdown of one to four paragraphs."""
    return "\n\n".join(paragraph(random.randint(1, 5)) for _ in range(random.randint(1, 4)))


def tags() -> list[str]:
    return sorted(random.sample(TAGS, k=random.randint(0, 4)))
