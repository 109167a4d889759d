"""Tests of the files with which `examples/scheduled` is built and scheduled."""

from __future__ import annotations

import os
import tomllib
from configparser import ConfigParser
from pathlib import Path

from packaging.requirements import Requirement
from ruamel.yaml import YAML

from aiodatagouv._environment import KEY, PORTAL

ROOT = Path(__file__).parent.parent
SCHEDULED = ROOT / "examples" / "scheduled"


def lines_of(containerfile: str) -> list[list[str]]:
    """The instructions of a container file, as words."""
    text = (SCHEDULED / containerfile).read_text(encoding="utf-8").replace("\\\n", "")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_has_the_job_and_the_package() -> None:
    instructions = lines_of("Containerfile")
    (source, target) = next(words[2:] for words in instructions if words[0] == "COPY")
    assert os.access(SCHEDULED / source, os.X_OK)
    assert target.startswith("/usr/local/bin/")  # On the PATH of the base image.
    assert ["ENTRYPOINT", f'["{source}"]'] in instructions
    words = next(words for words in instructions if words[:3] == ["RUN", "pip", "install"])
    wanted = Requirement(words[-1].strip("'"))
    assert wanted.name == "aiodatagouv"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wanted.extras <= project["optional-dependencies"].keys()


def test_schedulers_do_not_repeat_what_no_repetition_mends() -> None:
    job = YAML(typ="safe").load(SCHEDULED / "cronjob.yaml")["spec"]["jobTemplate"]["spec"]
    pod, container = job["template"]["spec"], job["template"]["spec"]["containers"][0]
    final = job["podFailurePolicy"]["rules"][0]
    assert (final["action"], final["onExitCodes"]["values"]) == ("FailJob", [2, 4])
    assert pod["restartPolicy"] == "Never"  # A failure policy needs it.
    assert {one["name"] for one in container["env"]} == {KEY, PORTAL}
    assert [one["name"] for one in container["volumeMounts"]] == [
        one["name"] for one in pod["volumes"]
    ]
    assert ["USER", str(pod["securityContext"]["runAsUser"])] in lines_of("Containerfile")

    unit = ConfigParser(strict=False, interpolation=None)
    unit.read(SCHEDULED / "datagouv-harvest.container")
    assert unit["Service"]["RestartPreventExitStatus"] == "2 4"
    assert unit["Container"]["Image"] == container["image"]
    assert unit["Container"]["Exec"].split() == container["args"]
