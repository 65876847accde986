"""What people give by mistake, a row a mistake: each is refused by the name of the thing, with the way out, and nothing
that was there is lost."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tiny_notebook import PARAMETERS, write_notebook

from gan_lab.data.hold_out import hold_out
from gan_lab.data.images import ImageSet, load_images
from gan_lab.files import whole
from gan_lab.measure.classifier import train_classifier
from gan_lab.measure.judge import Judge
from gan_lab.measure.seeds import table
from gan_lab.runner.course import find_notebook, find_parameters
from gan_lab.runner.parameters import check, read_parameters, read_yaml
from gan_lab.runner.points import grids
from gan_lab.runner.sweep import run_sweep

Provoke = Callable[[Path], Callable[[], object]]  # lays files out in a folder, and returns what then fails


def value(given: object, name: str = "epochs") -> Provoke:
    """A parameter of the tiny notebook with this value."""
    return lambda folder: lambda: check(write_notebook(folder / "tiny.ipynb"), {name: given})


def line(text: str) -> Provoke:
    """A parameters cell with this line."""

    def provoke(folder: Path) -> Callable[[], object]:
        notebook = write_notebook(folder / "tiny.ipynb", parameters=text)
        return lambda: read_parameters(notebook)

    return provoke


def yaml(text: str | bytes) -> Provoke:
    """A file of parameters that holds this, taken for the tiny notebook."""

    def provoke(folder: Path) -> Callable[[], object]:
        file, notebook = folder / "some.yaml", write_notebook(folder / "tiny.ipynb")
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return lambda: check(notebook, read_yaml(file))

    return provoke


def page(text: str) -> Provoke:
    """A notebook whose file holds this."""

    def provoke(folder: Path) -> Callable[[], object]:
        (folder / "tiny.ipynb").write_text(text)
        return lambda: read_parameters(folder / "tiny.ipynb")

    return provoke


def cells(*tags: str) -> Provoke:
    """A notebook with a cell for each of these tags."""
    made = [{"cell_type": "code", "source": [PARAMETERS], "metadata": {"tags": [tag]}} for tag in tags]
    return page(json.dumps({"nbformat": 4, "cells": made}))


def images(split: str = "train", **files: bytes | None) -> Provoke:
    """A data_dir with these files, a / in a name written as __; None is a whole picture."""

    def provoke(folder: Path) -> Callable[[], object]:
        (folder / "hands").mkdir()
        for name, content in files.items():
            file = folder / "hands" / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture() if content is None else content)
        return lambda: load_images(folder / "hands", split=split)

    return provoke


def data_dir(name: str) -> Provoke:
    """A data_dir that is not there."""
    return lambda folder: lambda: load_images(f"{folder}/{name}")


def grid(*words: str, given: dict[str, object] | None = None) -> Provoke:
    """A sweep of the tiny notebook, as typed."""

    def provoke(folder: Path) -> Callable[[], object]:
        notebook = write_notebook(folder / "tiny.ipynb")
        return lambda: run_sweep(notebook, grids(list(words)), given, folder / "out", progress=False)

    return provoke


def few(classes: int, of_each: int, use: Callable[..., object]) -> Provoke:
    """Something done with a set of so many classes and images."""

    def provoke(folder: Path) -> Callable[[], object]:
        for k in range(classes):
            for i in range(of_each):
                (folder / "hands" / f"c{k}").mkdir(parents=True, exist_ok=True)
                (folder / "hands" / f"c{k}" / f"{i}.png").write_bytes(picture())
        return lambda: use(load_images(folder / "hands", size=8))

    return provoke


def picture(side: int = 4) -> bytes:
    """A gray PNG."""
    rows = b"".join(b"\0" + bytes(range(side)) for _ in range(side))
    chunks = [
        (b"IHDR", struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb() -> bytes:
    """A few bytes that claim to be ten thousand million pixels."""
    header = chunk(b"IHDR", struct.pack(">2I5B", 100_000, 100_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def float_tiff(folder: Path) -> Callable[[], object]:
    (folder / "hands" / "a").mkdir(parents=True)
    Image.fromarray(np.ones((4, 4), np.float32)).save(folder / "hands" / "a" / "1.tiff")
    return lambda: load_images(folder / "hands")


def file_for_a_folder(folder: Path) -> Callable[[], object]:
    (folder / "hands").write_text("a file")
    return lambda: load_images(folder / "hands")


def link_to_itself(folder: Path) -> Callable[[], object]:
    (folder / "hands").symlink_to(folder / "hands")
    return lambda: load_images(folder / "hands")


def link_to_nothing(folder: Path) -> Callable[[], object]:
    (folder / "hands" / "a").mkdir(parents=True)
    (folder / "hands" / "a" / "1.png").symlink_to(folder / "gone.png")
    return lambda: load_images(folder / "hands")


def folder_for_yaml(folder: Path) -> Callable[[], object]:
    (folder / "some.yaml").mkdir()
    return lambda: read_yaml(folder / "some.yaml")


def folder_for_a_notebook(folder: Path) -> Callable[[], object]:
    (folder / "tiny.ipynb").mkdir()
    return lambda: read_parameters(folder / "tiny.ipynb")


def judge_themselves(found: ImageSet) -> object:
    return Judge(found, found)


def wrong_batch(folder: Path) -> Callable[[], object]:
    notebook = write_notebook(folder / "tiny.ipynb")
    for name in ("a", "b"):
        (folder / "hands" / name).mkdir(parents=True)
        (folder / "hands" / name / "1.png").write_bytes(picture())
    return lambda: check(notebook, {"data_dir": str(folder / "hands"), "batch_size": 3})


INT, FLOAT, BOOL = (
    "an int, at least 1 (passes over the data)",
    "a float, above 0, at most 1 (step size)",
    "true or false",
)
FOLDER = "a folder, or one of MNIST, KMNIST"
DIGITS_PLEASE = "'' for the bundled digits"
ROWS: list[tuple[str, Provoke, list[str]]] = [
    # parameters
    ("no value", value(""), ["epochs = ''", INT]),
    ("a word for a number", value("many"), ["epochs = 'many'", INT]),
    ("a fraction for an int", value("0.5"), ["epochs = '0.5'", INT]),
    ("below its bound", value("0"), ["epochs = '0'", INT]),
    ("minus", value(-1), ["epochs = -1", INT]),
    ("two numbers", value("3 4"), ["epochs = '3 4'", INT]),
    ("a line break in a number", value("3\n4"), ["epochs = '3\\n4'", INT]),
    ("a hexadecimal", value("0x10"), ["epochs = '0x10'", INT]),
    ("true for a number", value("True "), ["epochs = 'True '", INT]),
    ("nothing at all", value(None), ["epochs = None", INT]),
    ("a list", value([1, 2]), ["epochs = [1, 2]", INT]),
    ("an int of 5000 digits", value("9" * 5000), ["epochs = '999", "...", INT]),
    ("an int beyond 64 bits", value(2**64, "seed"), [f"seed = {2**64}", "an int"]),
    ("an int in floating point that is none", value("1e-1"), ["epochs = '1e-1'", INT]),
    ("not a number", value("nan", "rate"), ["rate = 'nan'", FLOAT]),
    ("infinity", value("inf", "rate"), ["rate = 'inf'", FLOAT]),
    ("1e999", value("1e999", "rate"), ["rate = '1e999'", FLOAT]),
    ("a decimal comma", value("0,5", "rate"), ["rate = '0,5'", FLOAT]),
    ("just outside a bound", value(0.0, "rate"), ["rate = 0.0", FLOAT]),
    ("neither true nor false", value("perhaps", "quick"), ["quick = 'perhaps'", BOOL]),
    ("2 for true", value("2", "quick"), ["quick = '2'", BOOL]),
    ("another case", value("CPU", "device"), ["device = 'CPU'", "one of auto, cpu"]),
    ("a blank too many", value("cpu ", "device"), ["device = 'cpu '", "one of auto, cpu"]),
    ("a dash in a name", value(3, "batch-size"), ["no parameter batch-size: did you mean batch_size?"]),
    ("a capital in a name", value(3, "Epochs"), ["no parameter Epochs: did you mean epochs?"]),
    ("a Cyrillic letter in a name", value(3, "еpochs"), ["no parameter еpochs: did you mean epochs?"]),
    ("no name", value(3, ""), ["tiny.ipynb has no parameter", "it has epochs, rate, device"]),
    ("more than there are", wrong_batch, ["batch_size = 3", "there are 2 images in", "hands"]),
    # a parameters cell
    ("a calculation", line("rate: float = 1 / 4"), ["the line of rate", "a plain value"]),
    ("a list parameter", line("sizes: list = []"), ["sizes is a list", "bool, int, float, str"]),
    ("no type", line("epochs = 3"), ["name: type = value", "`epochs = 3`"]),
    ("a bound that is none", line("a: int = 1  # a [from 1]"), ["cannot read [from 1]", "of a", "[at least 1]"]),
    ("images of no folder", line("a: int = 1  # a [at most the images in b]"), ["no parameter b", "it has a"]),
    # folders
    ("a data_dir that is not there", value("/nowhere", "data_dir"), ["data_dir = '/nowhere'", FOLDER]),
    ("a name of 300 letters", value("x" * 300, "data_dir"), ["data_dir = 'xxx", FOLDER]),
    ("a null byte in a path", value("a\0b", "data_dir"), ["data_dir = 'a\\x00b'", FOLDER]),
    ("another user's home", value("~nobody-here/x", "data_dir"), ["data_dir = '~nobody-here/x'", FOLDER]),
    ("no folder", data_dir("none"), ["no folder", "none", DIGITS_PLEASE]),
    ("a blank at the end of a path", data_dir("hands "), ["no folder", "hands :", DIGITS_PLEASE]),
    ("a path that is too long", data_dir("x" * 300), ["no folder", "xxx", DIGITS_PLEASE]),
    (
        "the home of nobody",
        lambda _: lambda: load_images("~nobody-here/x"),
        ["no folder", "~nobody-here", DIGITS_PLEASE],
    ),
    ("a file in its place", file_for_a_folder, ["no folder", "hands", DIGITS_PLEASE]),
    ("a link to itself", link_to_itself, ["no folder", "hands", DIGITS_PLEASE]),
    ("an empty folder", images(), ["no class folders in", "hands", "Put the images"]),
    ("images beside the class folders only", images(**{"1.png": None}), ["images lie directly in it", "hands"]),
    ("a class without images", images(a__1=None, b__notes=b""), ["cannot read 1 of the images", "notes"]),
    (
        "an empty class",
        images(**{"a__1.png": None, "b__.hidden": b""}),
        ["no images in the class folder", "/b", "remove"],
    ),
    ("images one folder too deep", images(**{"a__b__1.png": None}), ["no images in the class folder", "/a"]),
    ("no test split", images("test", **{"a__1.png": None}), ["no test split in", "hands", "class folders into"]),
    (
        "splits that disagree",
        images("test", **{"train__a__1.png": None, "test__b__1.png": None}),
        ["make the class folders agree", "['a']", "['b']"],
    ),
    # images
    ("a picture cut off", images(**{"a__1.png": picture()[:50]}), ["cannot read 1 of the images", "1.png", "replace"]),
    ("no bytes", images(**{"a__1.png": b""}), ["1.png", "replace or remove"]),
    ("text that is called a picture", images(**{"a__1.png": b"<html>"}), ["1.png", "replace or remove"]),
    ("a bomb", images(**{"a__1.png": bomb()}), ["1.png", "decompression bomb"]),
    ("floats without a range", float_tiff, ["1.tiff", "save it with 8 or 16 bits"]),
    ("a link to nothing", link_to_nothing, ["1.png", "replace or remove"]),
    # classes
    ("one class to tell apart", few(1, 3, train_classifier), ["one class, 'c0'", "give two at least"]),
    ("a class too small to part", few(2, 2, hold_out), ["class 'c0'", "has 2 images", "add images"]),
    (
        "too few to be measured",
        few(2, 1, judge_themselves),
        ["has one held-out image a class", "two of a class at least"],
    ),
    (
        "labels that are no class",
        few(2, 1, lambda x: type(x)(x.pixels, x.labels + 1, x.classes, "h")),
        ["label 2", "0..1"],
    ),
    # files of parameters
    ("a name twice", yaml("epochs: 1\nrate: 1\nepochs: 2\n"), ["some.yaml, line 3", "epochs a second time"]),
    ("a tab", yaml("epochs: 1\n\trate: 1\n"), ["some.yaml cannot be read", "line 2"]),
    ("a bracket left open", yaml("epochs: [1\n"), ["some.yaml cannot be read", "line 2"]),
    ("another encoding", yaml("device: é".encode("latin-1")), ["some.yaml cannot be read", "save it as UTF-8"]),
    ("a list of names", yaml("- epochs\n"), ["some.yaml should hold lines `name: value`"]),
    ("a list of values", yaml("rate: 1\nepochs: [1, 2]\n"), ["some.yaml, line 2", "one value"]),
    ("values in a group", yaml("training:\n  epochs: 1\n"), ["some.yaml, line 1", "one value"]),
    ("an anchor that merges", yaml("a: &a {epochs: 1}\n<<: *a\n"), ["some.yaml, line 1", "one value"]),
    ("an alias of nothing", yaml("epochs: *a\n"), ["some.yaml cannot be read", "line 1"]),
    ("two documents", yaml("epochs: 1\n---\nepochs: 2\n"), ["some.yaml cannot be read", "line 2"]),
    ("an empty file", yaml(""), ["some.yaml should hold lines `name: value`"]),
    ("a name without a value", yaml("epochs:\n"), ["epochs = ''", INT]),
    ("a date", yaml("epochs: 2024-01-01\n"), ["epochs = '2024-01-01'", INT]),
    ("null", yaml("quick: ~\n"), ["quick = '~'", BOOL]),
    ("a folder in its place", folder_for_yaml, ["no file of parameters", "some.yaml"]),
    (
        "a file of no name of the course",
        lambda _: lambda: find_parameters("report_c"),
        ["report_c", "did you mean report_"],
    ),
    # notebooks
    ("no parameters cell", cells("other"), ["tiny.ipynb needs one cell tagged 'parameters', and has 0"]),
    ("two parameters cells", cells("parameters", "parameters"), ["tiny.ipynb needs one cell", "has 2"]),
    ("not JSON", page("# a notebook"), ["tiny.ipynb is no notebook", "open it in Jupyter and save it again"]),
    ("nothing in it", page(""), ["tiny.ipynb is no notebook", "save it again"]),
    ("a list in it", page("[]"), ["tiny.ipynb is no notebook", "save it again"]),
    (
        "format 3",
        page('{"nbformat": 3, "worksheets": [{"cells": []}]}'),
        ["tiny.ipynb is no notebook", "save it again"],
    ),
    ("a notebook that is a folder", folder_for_a_notebook, ["there is no notebook", "tiny.ipynb"]),
    ("no such notebook", lambda _: lambda: find_notebook("01_dgcan"), ["01_dgcan", "did you mean 01_dcgan?"]),
    # grids and tables
    ("a grid without values", grid("seed="), ["--grid seed=", "--grid seed=0,1,2"]),
    ("a grid without =", grid("seed"), ["--grid seed:", "--grid seed=0,1,2"]),
    ("a grid twice", grid("seed=0", "seed=1"), ["--grid seed=1", "once"]),
    ("an empty value in a grid", grid("seed=0,,1"), ["seed = ''", "an int"]),
    ("a value twice", grid("seed=0,1, 0"), ["seed=0 is in the grid twice"]),
    ("a grid of no name", grid("sed=0"), ["no parameter sed: did you mean seed?"]),
    ("a blank in a name", grid("see d=0"), ["no parameter see d: did you mean seed?"]),
    ("a value and a grid", grid("seed=0,1", given={"seed": 3}), ["seed cannot have one value and a grid"]),
    (
        "no such table",
        lambda _: lambda: table("02_stabilty"),
        ["02_stabilty.csv", "the tables there are", "02_stability"],
    ),
]


@pytest.mark.parametrize(("provoke", "words"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_a_mistake_is_named_with_the_way_out_and_costs_nothing(
    tmp_path: Path, provoke: Provoke, words: list[str]
) -> None:
    fails = provoke(tmp_path)
    before = contents(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        fails()
    assert [word for word in words if word not in str(error.value)] == []
    assert before.items() <= contents(tmp_path).items()
    assert not (tmp_path / "out").exists()


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below the folder and what it holds."""
    return {str(file): file.read_bytes() if file.is_file() else None for file in folder.rglob("*")}


TAKEN = [
    ("1_000", "epochs", 1000),
    ("1e1", "epochs", 10),
    (" 7 ", "epochs", 7),
    ("۱۲", "epochs", 12),
    ("9007199254740993", "seed", 2**53 + 1),
    ("True ", "quick", True),
    ("on", "quick", True),
    ("OFF", "quick", False),
]


@pytest.mark.parametrize(("given", "name", "means"), TAKEN)
def test_what_can_only_be_meant_in_one_way_is_taken(tmp_path: Path, given: str, name: str, means: object) -> None:
    for found in (check, lambda notebook, values: check(notebook, read_yaml(notebook.with_suffix(".yaml")))):
        notebook = write_notebook(tmp_path / "tiny.ipynb")
        notebook.with_suffix(".yaml").write_text(f"{name}: {given}\n", encoding="utf-8")
        assert found(notebook, {name: given})[name] == means


PICTURES = [
    ("1.gif", Image.new("P", (4, 4), 1)),
    ("1.jpg", Image.new("CMYK", (4, 4))),
    ("1.png", Image.new("I;16", (4, 4))),
    ("1.webp", Image.new("RGBA", (4, 4))),
    ("point.png", Image.new("L", (1, 1))),
    ("a line, at the end a blank .png", Image.new("1", (10_000, 1))),
]


@pytest.mark.parametrize(("name", "image"), PICTURES)
def test_a_strange_picture_is_a_picture(tmp_path: Path, name: str, image: Image.Image) -> None:
    (tmp_path / "a b").mkdir()
    several = {"save_all": True, "append_images": [Image.new("P", (4, 4), 2)]} if name.endswith("gif") else {}
    image.save(tmp_path / "a b" / name, **several)
    assert load_images(tmp_path, size=8, channels=3).shape == (3, 8, 8)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize(
    "write",
    [
        lambda part: pd.DataFrame({"a": range(9999)}).to_csv(part),
        lambda part: torch.save({"a": torch.zeros(9999)}, part),
        lambda part: Image.new("L", (99, 99)).save(part, "png"),
    ],
    ids=["table", "checkpoint", "picture"],
)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, write: Callable[[Path], None]) -> None:
    (tmp_path / "kept").write_text("what was there")
    with pytest.raises((OSError, RuntimeError)), whole(tmp_path / "kept") as part:
        part.symlink_to("/dev/full")
        write(part)
    assert contents(tmp_path) == {str(tmp_path / "kept"): b"what was there"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_folder_that_may_not_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "hands").mkdir()
    (tmp_path / "hands").chmod(0o000)
    try:
        with pytest.raises(ValueError, match=r"data_dir = .*hands/a' is not possible: it takes a folder"):
            check(write_notebook(tmp_path / "tiny.ipynb"), {"data_dir": str(tmp_path / "hands" / "a")})
        with pytest.raises(PermissionError, match="hands"), whole(tmp_path / "hands" / "table.csv") as part:
            part.write_text("a")
    finally:
        (tmp_path / "hands").chmod(0o700)


PROGRAM = """
import os, sys
from pathlib import Path
from gan_lab.data.images import load_images
from gan_lab.files import whole
from gan_lab.runner.parameters import check, read_yaml
folder = Path(sys.argv[1])
hands = str(folder / "hands")
values = check(folder / "tiny.ipynb", read_yaml(folder / "some.yaml") | {"data_dir": hands, "batch_size": 1})
images = load_images(values["data_dir"], size=8)
with whole(folder / "found.csv") as part:
    part.write_bytes(os.fsencode(folder))
print(values["epochs"], images.fingerprint)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a path has no bytes")
def test_a_persian_folder_is_the_same_one_where_the_locale_knows_only_ascii(tmp_path: Path) -> None:
    folder = tmp_path / "پوشهٔ من"
    (folder / "hands" / "پنج").mkdir(parents=True)
    (folder / "hands" / "پنج" / "۱.png").write_bytes(picture())
    (folder / "some.yaml").write_text("epochs: ۵  # پنج\n", encoding="utf-8")
    write_notebook(folder / "tiny.ipynb")
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    answer = subprocess.run([sys.executable, "-c", PROGRAM, folder], env=ascii_only, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == f"5 {load_images(folder / 'hands', size=8).fingerprint}\n"
    assert (folder / "found.csv").read_text(encoding="utf-8") == str(folder)


def test_the_page_says_how_many_are_tried() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reliability.md").read_text(encoding="utf-8")
    taken, refused = len(TAKEN) + len(PICTURES), len(ROWS)
    assert f"| bad inputs | {taken + refused} | {taken} | {refused} | 0 |" in page
