"""The example of an app that drillbook knows nothing of, in a container: Kinto, from an image of its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.functional.conftest import Team, jobs
from tests.functional.test_foreign_app import CURED, EXAMPLE, environment

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

pytestmark = [pytest.mark.docker, pytest.mark.whole]
__all__ = ["environment"]  # the fixture
# What the example's own Dockerfile does, where no registry is reached: with the packages of the environment.
DOCKERFILE = """\
FROM {base}
COPY site-packages /app/site-packages
COPY kinto.ini /app/
ENV PYTHONPATH=/app/site-packages
COPY kinto /usr/local/bin/kinto
RUN chmod 755 /usr/local/bin/kinto
LABEL org.drillbook.image=example
WORKDIR /app
USER 1000
"""


@pytest.fixture
def image(engine: DockerClient, engine_images: Images, environment: Path, tmp_path: Path) -> str:
    version = engine.containers.run(
        engine_images.app,
        ["python3", "-c", "import sys; print(*sys.version_info[:2])"],
        remove=True,
        network="none",
    )
    assert version.split() == [str(number).encode() for number in sys.version_info[:2]], "the packages fit"
    packages = next((environment / "lib").glob("python3*")) / "site-packages"
    context = tmp_path / "context"
    shutil.copytree(packages, context / "site-packages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLE / "kinto.ini", context)
    script = "#!/usr/bin/python3\nimport sys\nfrom kinto.__main__ import main\nsys.exit(main())\n"
    (context / "kinto").write_text(script)
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=engine_images.app))
    engine.images.build(path=str(context), tag="drillbook-example-kinto", rm=True, network_mode="none")
    return "drillbook-example-kinto"


def test_the_same_app_is_drilled_in_containers(team: Team, image: str) -> None:
    shutil.copytree(EXAMPLE, team.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv"))
    assert image in (team.folder / "drillbook.yaml").read_text()
    done = team.drillbook(
        *(
            "run",
            "drillbook.yaml",
            "--backend",
            "docker",
            "--no-control",
            "--out",
            "out",
            "--json",
            "results.json",
        ),
        *("--jobs", str(jobs())),
    )
    assert (team.folder / "results.json").exists(), done.stderr
    drills = json.loads((team.folder / "results.json").read_text())["drills"]
    said = {
        f"{each['scenario']}/{each['variant']}": f"{each['verdict']}: {each['reason']}" for each in drills
    }
    assert [name for name in CURED if not said[name].startswith("RESOLVED")] == [], said
    assert done.exit_code == 0, said


def test_without_an_image_nothing_is_applicable_in_containers(team: Team) -> None:
    shutil.copytree(EXAMPLE, team.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv"))
    plan = team.folder / "drillbook.yaml"
    kept = [line for line in plan.read_text().splitlines() if "image:" not in line and "/app/" not in line]
    plan.write_text("\n".join(line for line in kept if "name: drillbook-example" not in line))
    done = team.drillbook("run", "drillbook.yaml", CURED[0], "--backend", "docker", "--out", "out")
    assert done.exit_code == 5, done.stderr
    assert "names no image of the app" in (team.folder / "out" / "suite.md").read_text()
