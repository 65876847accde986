"""In a clone, each link of a document leads to a file. (Those of the site: test_site.py.)"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CHANGELOG.md", "results/README.md", "data/README.md"]
DOCUMENTS += [f"docs/{file.name}" for file in sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_link_leads_to_a_file(document: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)\s]*\)", (ROOT / document).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []
