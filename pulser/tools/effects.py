"""The effect class of a step: its own word, else its tool's for these arguments. And how often it may be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.engine.retry import most_tries
from pulser.language.catalogue import Effect
from pulser.language.document import Retry, Step
from pulser.tools import registry


def effect_of(step: Step, arguments: Mapping[str, Any] | None = None) -> Effect:
    """What running this step twice does. Without rendered arguments, those of the plan are looked at as they stand.

    A tool that is no longer installed counts as irreversible: nobody can say what it did.
    """
    if step.effect:
        return step.effect
    tool = registry.installed().get(step.uses)
    return tool.spec.effect_for(step.with_ if arguments is None else arguments) if tool else Effect.IRREVERSIBLE


def suspends(step: Step) -> bool:
    """Whether it waits for a person or for the clock, and not for a call."""
    tool = registry.installed().get(step.uses)
    return bool(tool and tool.spec.suspends)


def tries_of(step: Step, policy: Retry) -> int:
    """How often it is tried at most, without a person who says so. A person is asked once; so is the clock."""
    if suspends(step):
        return 1
    return most_tries(policy, effect=effect_of(step), explicit=step.retry is not None)
