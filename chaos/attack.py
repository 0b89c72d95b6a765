"""Carrying out the plan of attack: strikes at their moments, heals in time, and notes how long all took to be well."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.faults import Fault
from chaos.processes import Gone, Outsider
from chaos.schedule import Strike

logger = logging.getLogger(__name__)

LOOK_S = 0.1
TRY_AGAIN_S = 0.5
GIVE_UP_S = 90.0  # what is down for so long will not come back: the blow counts as one after which nothing was well


@dataclass(slots=True)
class Blow:
    """A strike that was carried out. `well_after`: seconds from its end until all was well; None: not yet."""

    strike: Strike
    fault: Fault
    struck_at: float = 0.0
    over_at: float = 0.0
    well_after: float | None = None

    @property
    def blinded(self) -> tuple[float, float] | None:
        """From when until when nobody could sweep because of it, in seconds since 1970."""
        if not self.fault.kind.blinds or self.well_after is None:
            return None
        return self.struck_at, self.over_at + self.well_after


@dataclass(slots=True)
class Attack:
    """`during` is called all the time: a chance to look after what else must be done in this thread."""

    faults: Mapping[str, Fault]
    strikes: Sequence[Strike]
    outsiders: Sequence[Outsider]
    blows: list[Blow] = field(default_factory=list)
    recovering: list[Blow] = field(default_factory=list)

    def carry_out(self) -> None:
        """All strikes; returns when the last is over. What is not well by then is waited for by `recover`."""
        began = time.monotonic()
        agenda = [(strike.at, number, "apply", strike) for number, strike in enumerate(self.strikes)]
        heapq.heapify(agenda)
        under_way: dict[int, Blow] = {}
        while agenda:
            at, number, what, strike = agenda[0]
            if time.monotonic() - began < at:
                self._look()
                time.sleep(LOOK_S)
                continue
            heapq.heappop(agenda)
            try:
                if what == "apply":
                    under_way[number] = self._apply(strike)
                    heapq.heappush(agenda, (time.monotonic() - began + strike.lasts, number, "heal", strike))
                else:
                    self._heal(under_way[number])
            except Gone as error:
                late_s = time.monotonic() - began - (strike.at if what == "apply" else strike.until)
                if late_s < GIVE_UP_S:  # what it is about is down just now: as soon as it is there
                    heapq.heappush(agenda, (time.monotonic() - began + TRY_AGAIN_S, number, what, strike))
                elif what == "apply":
                    logger.warning("%6.1f s  %s could not be done: %s", strike.at, strike.kind, error)
                    self.blows.append(Blow(strike, self.faults[strike.kind]))

    def _apply(self, strike: Strike) -> Blow:
        blow = Blow(strike, self.faults[strike.kind])
        blow.fault.apply()
        blow.struck_at = time.time()
        logger.info("%6.1f s  %s", strike.at, strike.kind)
        self.blows.append(blow)
        return blow

    def _heal(self, blow: Blow) -> None:
        blow.fault.heal()
        blow.over_at = time.time()
        self.recovering.append(blow)

    def recover(self, *, within_s: float) -> None:
        """Wait until all is well again after each blow, or time is up."""
        self.wait_for(lambda: not self.recovering, within_s=within_s)

    def wait_for(self, is_so: Callable[[], bool], *, within_s: float) -> bool:
        """Look after everything until something is so; False when it was not in time."""
        deadline = time.monotonic() + within_s
        while True:
            self._look()
            try:
                if is_so():
                    return True
            except Gone:
                pass
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)

    def _look(self) -> None:
        for outsider in self.outsiders:
            outsider.look_after()
        for blow in list(self.recovering):
            try:
                is_over = blow.fault.is_over()
            except Gone:
                continue
            if is_over:
                blow.well_after = time.time() - blow.over_at
                self.recovering.remove(blow)
