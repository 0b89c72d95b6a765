"""What the board's first paint weighs: everything that a browser without a cache must fetch, in bytes over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_most
from bench.fill import fill

CARDS = 400  # over four lanes, more than are shown


class Needed(HTMLParser):
    """The addresses that a page's first paint waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") == "stylesheet":
            self.styles.append(given.get("href") or "")
        elif tag == "script" and given.get("src"):
            self.scripts.append(given["src"] or "")

    @property
    def own_scripts(self) -> list[str]:
        return [address for address in self.scripts if "htmx" not in address]


def weight(bench: Bench) -> Iterator[Figure]:
    """The board with thirty cards in each lane. It is the same in each round."""
    bench.push(plans.stored())
    for name in ("nightly", "release"):  # with a single session all copies would lie in one lane
        bench.client.post("/sessions", json={"name": name}).raise_for_status()
    run = bench.run("stored")
    fill(bench.record.connection, {run.id: CARDS})
    headers = {"Cookie": bench.cookie(), "Accept-Encoding": "gzip"}
    with httpx.Client(base_url=bench.room.url, headers=headers, trust_env=False) as browser:
        page, document = _fetch(browser, "/")
        needed = Needed()
        needed.feed(page)
        cards = page.count('class="card"')
        styles = sum(_fetch(browser, address)[1] for address in needed.styles)
        scripts = sum(_fetch(browser, address)[1] for address in needed.scripts)
    yield Figure(f"board's first paint, {cards} cards", "KB", [(document + styles + scripts) / 1000], at_most(60))
    yield Figure("of it, the document", "KB", [document / 1000])
    yield Figure("of it, styles", "KB", [styles / 1000])
    yield Figure("of it, scripts, htmx among them", "KB", [scripts / 1000])
    yield Figure("scripts of its own", "files", [len(needed.own_scripts)], at_most(4))


def _fetch(browser: httpx.Client, address: str) -> tuple[str, int]:
    """The text, and the bytes that came: head and body, compressed as they were."""
    answer = browser.get(address).raise_for_status()
    head = sum(len(name) + len(value) + len(": \r\n") for name, value in answer.headers.raw)
    return answer.text, head + answer.num_bytes_downloaded
