"""A figure's text with its key, in Markdown and in HTML, and text that stays literal in both."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable

from tieout.display import Piece, Profile, text

MARKDOWN_SPECIAL = re.compile(r"""[\\`*_{}\[\]<>#$@~^|"'!&:]|(?<=-)-|(?<=\.)\.|(?<=^\d)[.)]|^[-+=:](?= |$)""")
HTML_SPECIAL = re.compile(r"""[&<>"'#$*@\\_`{}~^|\[\]]""")


def literal_markdown(words: str) -> str:
    """Escape text so that Pandoc and Quarto print it as it is, whatever signs it holds."""
    return MARKDOWN_SPECIAL.sub(lambda sign: f"\\{sign.group()}", " ".join(words.split()))


def literal_html(words: str) -> str:
    """Escape text for a raw HTML block; signs that a Markdown pass might read become character references."""
    return HTML_SPECIAL.sub(lambda sign: f"&#{ord(sign.group())};", " ".join(words.split()))


def curly(words: str) -> str:
    """Return words of ours with typographic apostrophes."""
    return words.replace("'", "’")


def markdown(pieces: Iterable[Piece], profile: Profile) -> str:
    """Join words and statistics into Markdown in which each figure carries its key."""
    return "".join(
        p if isinstance(p, str) else f'[{markdown_figure(text(p, profile))}]{{.stat key="{p.key}"}}' for p in pieces
    )


def markdown_figure(figure: str) -> str:
    return figure.replace("<", r"\<").replace(">", r"\>")


def html_cell(pieces: Iterable[Piece], profile: Profile) -> str:
    """Join words and statistics into HTML in which each figure carries its key."""
    return "".join(html.escape(p) if isinstance(p, str) else html_span(p.key, text(p, profile)) for p in pieces)


def html_span(key: str, figure: str) -> str:
    """Return a figure in HTML with the key of its statistic, both escaped."""
    return f'<span class="stat" data-key="{html.escape(key)}">{html.escape(figure)}</span>'


LONGEST_TAG = 64  # characters that Word takes for the tag and the title of a content control


def control(key: str) -> str:
    """Return what the Word content control of a key's figure is called: the key, or "t_" and its digest if it is long."""
    return key if len(key) <= LONGEST_TAG else f"t_{digest(key)}"


def digest(text: str) -> str:
    """Return the first 12 hexadecimal digits of the SHA-1 of a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]


def words(pieces: Iterable[Piece], profile: Profile) -> str:
    """Join words and statistics into plain text, for alternative texts and the terminal."""
    return "".join(p if isinstance(p, str) else text(p, profile) for p in pieces)
