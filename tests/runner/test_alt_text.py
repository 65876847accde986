from nbformat.v4 import new_code_cell, new_notebook, new_output

from gan_lab.runner.alt_text import alt_text, describe_pictures, undescribed


def drawn(source: str) -> object:
    return new_code_cell(source, outputs=[new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})])


def test_the_words_stand_at_the_head_of_the_cell_and_may_take_several_lines() -> None:
    assert alt_text("#| fig-alt: Two curves,\n#|   one above the other.\nplot()") == "Two curves, one above the other."
    folded = "#| fig-alt: >\n#|   Two curves,\n#|   one above the other.\nplot()"
    assert alt_text(folded) == "Two curves, one above the other."
    assert alt_text("plot()\n#| fig-alt: too late") == ""
    assert alt_text("#| label: fig-curves\n#| fig-alt: Two curves.\nplot()") == "Two curves."
    assert alt_text("#| fig-alt: Two curves.\n#| label: fig-curves\nplot()") == "Two curves."


def test_every_picture_of_the_cell_gets_the_words() -> None:
    notebook = new_notebook(cells=[drawn("#| fig-alt: Two curves.\nplot()"), drawn("plot()")])
    describe_pictures(notebook)
    assert [cell.outputs[0].metadata for cell in notebook.cells] == [{"image/png": {"alt": "Two curves."}}, {}]
    assert [undescribed(cell) for cell in notebook.cells] == [False, True]
    assert not undescribed(new_code_cell("1 + 1"))
