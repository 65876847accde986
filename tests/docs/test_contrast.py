"""Text stands out from what is behind it, on every kind of page, in light and in dark: 4.5 to 1, WCAG's level AA."""

import pytest
from browser import opened

KINDS = (
    *("index", "draw", "playground", "course/01_dcgan", "course/06_few_images", "systems/index", "systems/A1"),
    *("results", "glossary", "persian", "assignment", "generators_card", "api/index", "api/networks", "genindex"),
    "search",
)
FAINT = """(least) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r, g, b].map((one, i) => a * one + (1 - a) * [R, G, B][i]);
  const behind = (el) => {
    if (!el) return [255, 255, 255];
    const own = read(getComputedStyle(el).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(el.parentElement));
  };
  const opacity = (el) => (el ? +getComputedStyle(el).opacity * opacity(el.parentElement) : 1);
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const [words, el] = [texts.currentNode.textContent.trim(), texts.currentNode.parentElement];
    if (!words || !el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (el.closest("script, style, noscript, option")) continue;
    const ground = behind(el);
    const [r, g, b, a] = read(getComputedStyle(el).color);
    const [one, other] = [light(over([r, g, b, a * opacity(el)], ground)), light(ground)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const kind = el.tagName.toLowerCase() + (el.className ? "." + el.className : "");
    if (ratio < least) found[kind] ??= `${ratio.toFixed(2)} ${kind}: ${words.slice(0, 40)}`;
  }
  return Object.values(found);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_all_text_of_a_page_can_be_read(browser, name, scheme):
    page, _ = opened(browser, f"{name}.html", 1440, scheme)
    page.add_style_tag(content="* { transition: none !important }")  # else a colour is measured on its way
    assert page.evaluate(FAINT, 4.5) == []
    page.close()
