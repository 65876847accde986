from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gan_lab.runner.reading import LINES, WORDS, Minutes, minutes, stated


def words(n: int) -> str:
    return " ".join(["word"] * n)


def test_a_notebook_is_read_as_fast_as_its_words_its_code_and_its_pictures() -> None:
    picture = new_output("display_data", {"image/png": ""})
    code = new_code_cell("\n".join(["x = 1"] * 4 * LINES), outputs=[picture] * 3)
    assert minutes(new_notebook(cells=[new_markdown_cell(words(15 * WORDS)), code])) == Minutes(20, 0)


def test_what_is_folded_is_not_read() -> None:
    code = "\n".join(["x = 1"] * 30 * LINES)
    folded = [new_code_cell(code, metadata={"tags": [tag]}) for tag in ("claims", "hide-input")]
    assert minutes(new_notebook(cells=[new_markdown_cell(words(10 * WORDS)), *folded])) == Minutes(10, 0)


def test_deeper_sections_are_counted_apart_and_exercises_not_at_all() -> None:
    texts = ["## One", "## Two (deeper)", "### A part of it", "## Three", "## Exercises", "**1.** first"]
    cells = [new_markdown_cell(f"{text}\n{words(10 * WORDS)}") for text in texts]
    assert minutes(new_notebook(cells=cells)) == Minutes(20, 20)


def test_a_deeper_part_of_a_section_ends_with_the_next_part() -> None:
    texts = ["## One", "### A part (deeper)", "### Another"]
    cells = [new_markdown_cell(f"{text}\n{words(10 * WORDS)}") for text in texts]
    assert minutes(new_notebook(cells=cells)) == Minutes(20, 10)


def test_what_a_notebook_says_of_itself_is_read_across_lines() -> None:
    text = "**Time.** 35 minutes to\nread, 10 more for what is marked as deeper; three to compute."
    assert stated(new_notebook(cells=[new_markdown_cell(text)])) == Minutes(35, 10)
    assert stated(new_notebook(cells=[new_markdown_cell("**Time.** 30 minutes to read.")])) == Minutes(30, 0)
    assert stated(new_notebook(cells=[new_markdown_cell("no time")])) is None
