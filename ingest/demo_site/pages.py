# ruff: noqa: E501 - HTML reads better whole
"""How the publications show a story: four layouts, each with the clutter that readers know from real sites."""

import json
from collections.abc import Callable
from datetime import datetime
from html import escape

from .articles import Entry, Kind, Story

NAMES = {
    "harbour-courier": "The Harbour Courier",
    "grid-and-hearth": "Grid & Hearth",
    "kilowatt-weekly": "Kilowatt Weekly",
    "valley-gazette": "The Valley Gazette",
    "sleeper-notes": "Sleeper Notes",
    "kerbside": "Kerbside",
}
_SECTIONS = ("Home", "Region", "Business", "Sport", "Weather", "Crossword", "Archive", "Letters")
_MOST_READ = ("Ten ways to fold a map", "Ferry timetable changes", "Quiz: which lighthouse is this?",
              "The pie recipe everybody asked for", "Road works this weekend")  # fmt: skip


def page(entry: Entry, at: datetime) -> bytes:
    """The bytes behind `entry`, published `at`."""
    layout = _LAYOUTS[sorted(NAMES).index(entry.publication) % len(_LAYOUTS)]
    html = layout(entry.story, NAMES[entry.publication], at, _body(entry))
    match entry.kind:
        case Kind.BROKEN:
            # Nobody closed anything, and a tag was cut in half.
            return html.replace("</p>", "").replace("</div>", "").replace("</footer>", "<foo").encode()
        case Kind.LATIN:
            return html.replace("</h1>", " – café, naïve, 40 °C</h1>").encode("cp1252", errors="replace")
        case _:
            return html.encode()


def _body(entry: Entry) -> str:
    paragraphs = entry.story.paragraphs
    match entry.kind:
        case Kind.TEASER:
            first = paragraphs[0].split(". ")[0]
            return f"<p>{escape(first)}.</p><p><a href='/plus'>Read the whole story in our app</a></p>"
        case Kind.PAYWALL:
            return (
                f"<p>{escape(paragraphs[0])}</p><div class='wall'><p>Subscribe to continue reading. Already a "
                "subscriber? Sign in to continue.</p></div>"
            )
        case Kind.LINKS:
            links = (
                f"<li><a href='/tag/{number}'>{escape(text)}</a></li>" for number, text in enumerate(_MOST_READ * 6)
            )
            return f"<p>Our most popular pages this week:</p><ul>{''.join(links)}</ul>"
        case _:
            return "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)


def _menu() -> str:
    return "".join(f"<li><a href='/{name.lower()}'>{name}</a></li>" for name in _SECTIONS)


def _broadsheet(story: Story, name: str, at: datetime, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(story.title)} | {escape(name)}</title>
<meta name="author" content="{escape(story.author)}"><meta property="og:site_name" content="{escape(name)}">
<meta property="article:published_time" content="{at.isoformat()}"></head>
<body><header><div class="brand">{escape(name)}</div><nav><ul>{_menu()}</ul></nav></header>
<div class="cookie-banner"><p>We use cookies. <button>Accept all cookies</button> <button>Manage settings</button></p></div>
<main><article><h1>{escape(story.title)}</h1><p class="byline">By {escape(story.author)}</p>
<div class="article-body">{body}</div></article>
<aside><h2>Most read</h2><ol>{"".join(f"<li><a href='/m/{n}'>{escape(t)}</a></li>" for n, t in enumerate(_MOST_READ))}
</ol></aside></main>
<footer><p>© {escape(name)}. All rights reserved.</p><ul>{_menu()}</ul></footer></body></html>"""


def _blog(story: Story, name: str, at: datetime, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(story.title)}</title>
<meta property="og:title" content="{escape(story.title)}"><meta property="og:site_name" content="{escape(name)}"></head>
<body class="single"><div id="top"><a href="/">{escape(name)}</a> <span>notes from the cellar</span></div>
<div class="post hentry"><h1 class="entry-title">{escape(story.title)}</h1>
<div class="meta">Posted by <span class="author vcard">{escape(story.author)}</span> on
<time datetime="{at.date().isoformat()}">{at:%d %B %Y}</time></div>
<div class="entry-content">{body}</div>
<div class="share"><a href="/share?to=mail">Mail</a> <a href="/share?to=print">Print</a></div></div>
<div id="comments"><h3>3 comments</h3><div class="comment"><p>First!</p></div><div class="comment"><p>Our cellar is
far too damp for that, but a nice read.</p></div></div>
<div class="sidebar"><h3>Categories</h3><ul>{_menu()}</ul></div></body></html>"""


def _magazine(story: Story, name: str, at: datetime, body: str) -> str:
    linked = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.title,
        "datePublished": at.isoformat(),
        "author": {"@type": "Person", "name": story.author},
        "publisher": {"@type": "Organization", "name": name},
    }
    # "<" would end the script element early.
    data = json.dumps(linked).replace("<", "\\u003c")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(story.title)} – {escape(name)}</title>
<script type="application/ld+json">{data}</script></head>
<body><div class="ad" id="leaderboard">Advertisement</div><nav class="mega"><ul>{_menu()}</ul></nav>
<section class="hero"><h1>{escape(story.title)}</h1><p class="standfirst">From our correspondent</p></section>
<section class="content"><div class="story-text">{body}</div>
<div class="newsletter"><h4>Never miss a letter</h4><form action="/newsletter"><input type="email"><button>Sign up
</button></form></div></section>
<section class="related"><h2>You may also like</h2><div class="cards">
{"".join(f"<div class='card'><a href='/c/{n}'>{escape(t)}</a></div>" for n, t in enumerate(_MOST_READ))}</div></section>
<footer class="legal"><a href="/imprint">Imprint</a> <a href="/privacy">Privacy</a></footer></body></html>"""


def _old_school(story: Story, name: str, at: datetime, body: str) -> str:
    return f"""<html><head><title>{escape(name)}: {escape(story.title)}</title>
<meta name="date" content="{at.date().isoformat()}"></head>
<body bgcolor="#ffffff"><table width="100%"><tr><td colspan="2"><font size="5">{escape(name)}</font></td></tr>
<tr><td width="160" valign="top"><ul>{_menu()}</ul></td>
<td valign="top"><h1>{escape(story.title)}</h1><i>{escape(story.author)}, {at:%d.%m.%Y}</i>
<div class="text">{body}</div></td></tr>
<tr><td colspan="2"><center>Best viewed with an open mind. You are visitor number 00041907.</center></td></tr></table>
</body></html>"""


_LAYOUTS: tuple[Callable[[Story, str, datetime, str], str], ...] = (
    _broadsheet,
    _blog,
    _magazine,
    _old_school,
)
