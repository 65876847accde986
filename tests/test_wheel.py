"""The wheel, installed outside the clone: it carries the digits, the tables, the classifiers and the notebooks."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


def run(*words: str | Path, folder: Path) -> str:
    """What a command says in that folder, as its user's shell would start it: without our PYTHONPATH."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean["JUPYTER_PATH"] = str(Path(sys.prefix, "share", "jupyter"))  # nbconvert's templates are borrowed as well
    answer = subprocess.run(words, cwd=folder, env=clean, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as for an index: so that holds all that the wheel needs."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, folder=TOP)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    run(
        *(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder),
        folder=folder / packed.name.removesuffix(".tar.gz"),
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `python` and `gan-lab` of a new environment.

    It borrows this one's packages; a .pth in a borrowed folder is not read, so it does not see the clone.
    """
    home = tmp_path_factory.mktemp("outside")
    venv.create(home, symlinks=os.name != "nt")
    places = sysconfig.get_paths("venv", {"base": str(home), "platbase": str(home)})
    Path(places["purelib"], "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    run(Path(places["scripts"], "python"), "-m", "installer", wheel, folder=home)
    return Path(places["scripts"])


PROGRAM = """
import gan_lab
from gan_lab.data.images import load_images
from gan_lab.measure.classifier import classifiers_for
from gan_lab.measure.features import accuracy
from gan_lab.measure.seeds import table
from gan_lab.shipped import shipped
print(gan_lab.__file__)
print(len(load_images()), len(table("02_stability")), len(table("04_wgan_epochs")))
print(accuracy(classifiers_for(load_images())[0], load_images(split="test")) > 0.99)
print(shipped("notebooks/01_dcgan.ipynb"))
print(shipped("notebooks/parameters/smoke.yaml"))
"""


@pytest.fixture(scope="module")
def answers(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return run(commands / "python", "-c", PROGRAM, folder=tmp_path_factory.mktemp("anywhere")).splitlines()


def test_it_is_the_wheel_that_answers(answers: list[str]) -> None:
    assert not Path(answers[0]).is_relative_to(TOP)


def test_it_has_the_digits_the_tables_and_the_classifier(answers: list[str]) -> None:
    results = [
        len((TOP / "results" / name).read_text().splitlines()) - 1
        for name in ("02_stability.csv", "04_wgan_epochs.csv")
    ]
    assert answers[1] == f"1005 {results[0]} {results[1]}"
    assert answers[2] == "True"


def test_it_has_what_the_clone_has_and_no_sources_or_benchmarks(answers: list[str]) -> None:
    inside = Path(answers[3]).parents[1]
    shipped = {file.relative_to(inside) for file in inside.rglob("*") if file.is_file()}
    ours = [
        "data/digits/CHECKSUMS",
        "data/digits/*/*/*.png",
        "results/*.csv",
        "results/reports/**/*.csv",
        "results/reports/**/*.png",
        "results/*_drawings/*.png",
        "notebooks/*.ipynb",
    ]
    ours += ["notebooks/parameters/*.yaml"]
    assert shipped == {file.relative_to(TOP) for pattern in ours for file in TOP.glob(pattern)}


def test_it_is_as_large_as_the_readme_says(wheel: Path) -> None:
    (said,) = re.findall(r"one file of (\d+) MB", (TOP / "README.md").read_text(encoding="utf-8"))
    assert abs(wheel.stat().st_size / 1e6 - int(said)) < 1


def test_a_notebook_runs_from_there(commands: Path, answers: list[str], tmp_path: Path) -> None:
    notebook, smoke = answers[3:]
    run(commands / "gan-lab", "run", notebook, "-f", smoke, "--out", "found", folder=tmp_path)
    assert (tmp_path / "found" / "01_dcgan.ipynb").exists()
    assert list(tmp_path.glob("found/*/pictures/*.png"))
