"""What is stored: runs that the room has done by itself, and how many copies of each there are to be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from bench import plans
from bench.context import Bench
from bench.fill import DAYS, fill

SESSIONS = 12
LARGEST = 1_000_000  # runs over all the days
OPEN_EACH = 200  # runs that wait for a person, and as many that are queued in a paused lane
HOURS = 1.0  # over which the open ones are spread: what they wait for lies further ahead
PAUSED = "D"
SHARES = {  # plan, how its run ended, whether it was archived -> share of the stored runs
    ("nightly-import", "success", False): 0.30,
    ("release-check", "success", False): 0.15,
    ("backup", "success", False): 0.12,
    ("clean-up", "success", True): 0.20,
    ("nightly-import-old", "error", False): 0.15,
    ("flaky", "error", False): 0.05,
    ("backup", "cancelled", False): 0.03,
}
LENGTHS = {"release-check": 2, "clean-up": 2}  # the others have three steps: so a run has more than ten events


class Stock:
    """Fills the room to one size after the other."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._there = 0
        for number in range(SESSIONS):
            bench.client.post("/sessions", json={"name": f"session {number}"}).raise_for_status()
        bench.client.patch(f"/lanes/{PAUSED}", json={"paused": True}).raise_for_status()
        bench.push(plans.sign_off("sign-off"))
        bench.push(*(plans.stored(slug, length=LENGTHS.get(slug, 3), end=end) for slug, end, _ in SHARES))
        self._ended = {self._do(*kind): share for kind, share in SHARES.items()}
        self._open = [self._start("sign-off", lane="A"), self._start("backup", lane=PAUSED)]

    def _start(self, slug: str, *, lane: str) -> str:
        answer = self._bench.client.post("/runs", json={"plan": slug, "lane": lane}).raise_for_status()
        return str(answer.json()["id"])

    def _do(self, slug: str, end: str, is_archived: bool) -> str:
        run_id = self._start(slug, lane=PAUSED if end == "cancelled" else "A")
        if end == "cancelled":
            self._bench.client.post(f"/runs/{run_id}/cancel").raise_for_status()
        self._bench.record.ended([run_id], status=end)
        if is_archived:
            self._bench.client.post(f"/runs/{run_id}/archive").raise_for_status()
        return run_id

    def grow(self, size: int) -> None:
        """To so many ended runs. Those that are open come with the first.

        A smaller room has as many runs a day as the largest, and less history: so a page of it shows as much.
        """
        connection = self._bench.record.connection
        if not self._there:
            fill(connection, dict.fromkeys(self._open, OPEN_EACH), days=HOURS / 24, kept=("lane_id",))
        fill(connection, self._copies(size), days=DAYS * size / LARGEST)
        self._there = size

    def _copies(self, size: int) -> Mapping[str, int]:
        """How many of each, so that they add up."""
        ends, reached = [0], 0.0
        for share in self._ended.values():
            reached += share
            ends.append(round((size - self._there) * reached))
        return {run: end - begin for run, (begin, end) in zip(self._ended, pairwise(ends), strict=True)}
