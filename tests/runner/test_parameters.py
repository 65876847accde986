import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

import papermill
import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator
from tiny_notebook import PARAMETERS, write_notebook

from gan_lab.data import images as data
from gan_lab.parameters import COMMENT, Parameter, declared
from gan_lab.runner.parameters import check, read_parameters, read_yaml

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "tiny.ipynb")


def test_a_parameters_cell_is_read_in_its_order(notebook: Path) -> None:
    known = read_parameters(notebook)
    assert list(known) == [line.split(":")[0] for line in PARAMETERS.splitlines()]
    epochs, seed = known["epochs"], known["seed"]
    assert (epochs.type, epochs.default, epochs.meaning) == (int, 3, "passes over the data")
    assert (epochs.allowed, seed.meaning, seed.allowed) == ("at least 1", "", "")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_papermill_reads_the_same_in_every_notebook_of_the_course(notebook: Path) -> None:
    assert told(read_parameters(notebook).values()) == told_by_papermill(papermill.inspect_notebook(str(notebook)))


@given(st.text("a =#:[]'\"\\é\f5.", max_size=20), st.text("type: a=#[],é\f", max_size=20))
def test_what_papermill_would_read_otherwise_is_refused(value: str, comment: str) -> None:
    cell = f"before: int = 1  # first\nname: str = '{value}'  # {comment}\nafter: int = 2"
    seen = {one.name: one._asdict() for one in PythonTranslator.inspect({"source": cell})}
    try:
        read = told(declared(cell).values())
    except (ValueError, SyntaxError):
        return
    assert read == told_by_papermill(seen)


def told(known: Iterable[Parameter]) -> dict[str, tuple[object, ...]]:
    return {one.name: (one.type.__name__, one.default, one.meaning, one.allowed) for one in known}


def told_by_papermill(seen: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[object, ...]]:
    """The same of what papermill inferred: its help is the whole comment, with the words in brackets."""
    comments = {name: COMMENT.fullmatch(one["help"]) for name, one in seen.items()}
    return {
        name: (one["inferred_type_name"], ast.literal_eval(one["default"]), comment[1], comment[2] or "")
        for (name, one), comment in zip(seen.items(), comments.values(), strict=True)
        if comment
    }


def test_what_is_not_given_is_the_notebooks_own(notebook: Path) -> None:
    assert check(notebook, {}) == {name: parameter.default for name, parameter in read_parameters(notebook).items()}
    assert check(notebook, {"epochs": 5}) == check(notebook, {}) | {"epochs": 5}


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("epochs", "30", 30),
        ("epochs", 1, 1),
        ("epochs", 2.0, 2),
        ("rate", "1e-4", 1e-4),  # YAML reads this as a string
        ("rate", 1, 1.0),
        ("rate", 0.1 + 0.2, 0.1 + 0.2),
        ("quick", "true", True),
        ("quick", False, False),
        ("device", "cpu", "cpu"),
        ("data_dir", "", ""),
        ("data_dir", "KMNIST", "KMNIST"),
    ],
)
def test_a_value_takes_the_parameters_type(notebook: Path, name: str, value: object, becomes: object) -> None:
    converted = check(notebook, {name: value})[name]
    assert converted == becomes
    assert type(converted) is type(becomes)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("epochs", "-1", "an int, at least 1"),
        ("epochs", "0.5", "an int, at least 1"),
        ("epochs", True, "an int, at least 1"),
        ("epochs", "many", "an int, at least 1"),
        ("epochs", None, "an int, at least 1"),
        ("rate", 0, "above 0, at most 1"),
        ("rate", 1.1, "above 0, at most 1"),
        ("rate", "nan", "a float"),
        ("quick", "perhaps", "true or false"),
        ("device", "gpu", "one of auto, cpu"),
        ("data_dir", "/nowhere", "a folder, or one of MNIST, KMNIST"),
        ("seed", [1, 2], "an int"),
    ],
)
def test_an_impossible_value_is_refused_with_what_is_allowed(
    notebook: Path, name: str, value: object, allowed: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} = .* is not possible") as error:
        check(notebook, {name: value})
    assert allowed in str(error.value)


def test_an_unknown_name_suggests_the_nearest(notebook: Path) -> None:
    with pytest.raises(ValueError, match=r"tiny\.ipynb has no parameter epoch: did you mean epochs\?"):
        check(notebook, {"epoch": 3})
    with pytest.raises(ValueError, match="has no parameter zzz: it has epochs, rate, device"):
        check(notebook, {"zzz": 3})


def test_everything_wrong_is_said_at_once(notebook: Path) -> None:
    with pytest.raises(ValueError) as error:
        check(notebook, {"epochs": -1, "sed": 1, "rate": 2})
    assert [line.split(" ")[0] for line in str(error.value).splitlines()] == ["epochs", "tiny.ipynb", "rate"]


def test_a_folder_is_where_the_caller_means_it(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hands").mkdir()
    monkeypatch.chdir(tmp_path)
    assert check(notebook, {"data_dir": "hands"})["data_dir"] == str(tmp_path / "hands")


def test_a_batch_is_at_most_the_images(notebook: Path, tmp_path: Path) -> None:
    for name in ("Class 1/a.png", "Class 1/b.png", "Class 2/a.png", "Class 2/.hidden", "loose.png"):
        (tmp_path / "hands" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hands" / name).touch()
    given = {"data_dir": str(tmp_path / "hands")}
    assert check(notebook, given | {"batch_size": 3})["batch_size"] == 3
    with pytest.raises(ValueError, match=r"batch_size = 4 is not possible: there are 3 images in .*hands"):
        check(notebook, given | {"batch_size": 4})


def test_no_folder_means_the_bundled_digits(notebook: Path) -> None:
    images = len(data.load_images())
    assert check(notebook, {"batch_size": images})["batch_size"] == images
    with pytest.raises(ValueError, match=f"there are {images} images"):
        check(notebook, {"batch_size": images + 1})


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("epochs: int = 3  # passes [>= 1]", "papermill cannot read the line of epochs"),
        ('name: str = "a#b"', "papermill cannot read the line of name"),
        ("epochs: int = 3  # passes [from 1]", r"cannot read \[from 1\] in the comment of epochs"),
        ('name: str = "a"  # [at least 1]', r"cannot read \[at least 1\] in the comment of name"),
        ("size: int = 8  # batch [at most the images in folder]", "has no parameter folder"),
        ("epochs: int = 0  # passes [at least 1]", "epochs = 0 is not possible"),
        ("epochs: int = 0.5", "epochs = 0.5 is not possible"),
        ("epochs: list = []", "epochs is a list; a parameter is one of bool, int, float, str"),
        ("epochs = 3", "a parameter is written `name: type = value  # meaning`, unlike `epochs = 3`"),
        ("import os", "unlike `import os`"),
        ("epochs: int = ", "invalid syntax"),
    ],
)
def test_a_parameters_cell_that_misleads_is_refused(tmp_path: Path, cell: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"tiny.ipynb: .*{why}"):
        read_parameters(write_notebook(tmp_path / "tiny.ipynb", parameters=cell))


def test_what_is_no_notebook_with_parameters_is_named(notebook: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no notebook .*other\.ipynb"):
        read_parameters(tmp_path / "other.ipynb")
    notebook.write_text(notebook.read_text().replace('"parameters"', '"something"'))
    with pytest.raises(ValueError, match="needs one cell tagged 'parameters', and has 0"):
        read_parameters(notebook)


def test_a_path_with_braces_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "{a}").mkdir()
    assert "epochs" in read_parameters(write_notebook(tmp_path / "{a}" / "tiny.ipynb"))


def test_a_yaml_file_holds_names_and_values(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("epochs: 3\nrate: 1e-4\n")
    assert read_yaml(file) == {"epochs": "3", "rate": "1e-4"}
    file.write_text("- epochs\n")
    with pytest.raises(ValueError, match=r"some\.yaml should hold lines `name: value`"):
        read_yaml(file)
    file.write_text("epochs: [1\n")
    with pytest.raises(ValueError, match=r"^[^\n]*some\.yaml cannot be read: .*line 2[^\n]*$"):
        read_yaml(file)
    with pytest.raises(FileNotFoundError, match=r"there is no file of parameters .*none\.yaml"):
        read_yaml(tmp_path / "none.yaml")
