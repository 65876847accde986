"""HTML of a stranger's notebook without what acts: scripts, forms, frames, style sheets, and addresses that run code.

What may stay is listed, and all else goes. A page is often put on the web, and a script in it could read what its
reader does there.
"""

import re

import nh3

MATH = {
    *("math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom"),
    *("mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd"),
    *("mtext", "mtr", "munder", "munderover"),
}
MATH_ATTRIBUTES = {
    *("accent", "accentunder", "columnalign", "columnlines", "columnspacing", "columnspan", "depth", "display"),
    *("displaystyle", "form", "frame", "height", "largeop", "linethickness", "lspace", "mathbackground", "mathcolor"),
    *("mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowalign", "rowlines", "rowspacing"),
    *("rowspan", "rspace", "scriptlevel", "stretchy", "symmetric", "voffset", "width"),
}
MEDIA = {"img": ("image",), "video": ("video",), "audio": ("audio",), "source": ("video", "audio")}
PLAYED = {"src", "controls", "loop", "muted", "width", "height", "type"}
STYLE = {
    *("background-color", "color", "font-style", "font-weight", "text-align", "text-decoration", "vertical-align"),
    *("border", "border-bottom", "border-collapse", "border-left", "border-right", "border-top", "white-space"),
    *("height", "justify-items", "max-width", "min-width", "padding", "padding-left", "padding-right", "width"),
}
EVERYWHERE = {"align", "class", "data-mime-type", "data-type", "dir", "id", "lang", "style", "tabindex", "title"}


def _address(tag: str, attribute: str, value: str) -> str | None:
    """A picture, a film or a sound is inside the page; a link leads to a page, and holds none itself."""
    plain = re.sub(r"[\x00-\x20]", "", value[:100]).lower()  # as a browser reads an address
    if attribute == "src":
        return value if plain.startswith(tuple(f"data:{kind}/" for kind in MEDIA.get(tag, ()))) else None
    return None if attribute == "href" and plain.startswith("data:") else value


_cleaner = nh3.Cleaner(
    tags=(nh3.ALLOWED_TAGS - {"area", "map"}) | MATH | {*MEDIA, "tfoot", "summary", "details"},
    clean_content_tags={"script", "style", "svg", "template", "iframe", "object", "noscript", "title", "textarea"},
    attributes={
        "*": EVERYWHERE,
        "a": {"href"},
        "details": {"open"},
        "img": {"src", "alt", "width", "height"},
        "ol": {"start", "type"},
        "table": {"border"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
        **dict.fromkeys(("video", "audio", "source"), PLAYED),
        **dict.fromkeys(MATH, MATH_ATTRIBUTES),
    },
    attribute_filter=_address,
    filter_style_properties=STYLE,
    url_schemes={"data", "http", "https", "mailto"},
    link_rel=None,
)


def sanitised(html: str) -> str:
    """The same HTML, closed where it was left open, with nothing in it that is not known to be harmless."""
    return _cleaner.clean(html)
