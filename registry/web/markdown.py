"""Model cards as safe HTML: CommonMark without raw HTML, then an allow-list over what came out.

Two walls, because one has a hole some day: markdown-it escapes HTML in the source, and nh3 (ammonia) drops every
element, attribute and URL scheme that is not named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p"),
    *("pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "code": {"class"}, "ol": {"start"}}
_IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,")


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card: its YAML front matter as text, and the rest as HTML that is safe to show."""

    front_matter: str
    html: str


@lru_cache(maxsize=32)  # a card made to be slow (seconds, at its largest) is slow once
def render_card(text: str) -> RenderedCard:
    """Split off the front matter (between two lines `---`, at the very start) and render the rest."""
    lines = text.splitlines()
    if lines and lines[0].strip() == "---":
        for number, line in enumerate(lines[1:], start=1):
            if line.strip() == "---":
                return RenderedCard("\n".join(lines[1:number]), render_markdown("\n".join(lines[number + 1 :])))
    return RenderedCard("", render_markdown(text))


def render_markdown(text: str) -> str:
    """CommonMark with tables as HTML in which nothing can run, load from elsewhere or look like our own page."""
    return nh3.clean(
        _markdown.renderer.render(_lowered(text), _markdown.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="nofollow noopener noreferrer",
        strip_comments=True,
    )


def _lowered(text: str) -> list[Token]:
    """The parsed text with every heading one level lower: a page has one first heading, and it is ours."""
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    return tokens


def _allowed(tag: str, attribute: str, value: str) -> str | None:
    """The value if it may stay: images only as data or from this server, links never as data, languages on code."""
    if attribute == "src":
        own = value.startswith("/") and not value.startswith(("//", "/\\"))
        return value if own or value.startswith(_IMAGES) else None
    if attribute == "href":
        return None if value.strip().lower().startswith("data:") else value
    if attribute == "class" and tag == "code":
        return value if value.startswith("language-") and value.replace("-", "").isalnum() else None
    return value
