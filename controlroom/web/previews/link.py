"""Links: a file with one address on each line. Only http and https are offered."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from controlroom.web.previews.base import Preview
from runs.queries.artifact_content import FileHead, as_text

LINKS = 20
LINK_CHARS = 2_000
LOOKED_AT = LINKS * LINK_CHARS


@dataclass(frozen=True, slots=True)
class Link:
    """An address as it is written, and the host that it leads to; without a host it is refused."""

    address: str
    host: str


def show(head: FileHead) -> Preview:
    text = as_text(head.data[:LOOKED_AT], is_whole=head.is_whole).text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    links = [Link(line[:LINK_CHARS], _host(line)) for line in lines[:LINKS]]
    notes = [f"The first {LINKS} links."] if len(lines) > LINKS or not head.is_whole else []
    refused = sum(not link.host for link in links)
    if refused:
        notes.append("Only http:// and https:// addresses are links.")
    return Preview("link", links, tuple(notes))


def _host(address: str) -> str:
    """Empty for what is no web address, or hides where it leads: a name before an @ looks like a host."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_plain = len(address) <= LINK_CHARS and address.isprintable() and " " not in address and "\\" not in address
    return host if is_plain and parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
