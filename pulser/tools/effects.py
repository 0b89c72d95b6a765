"""The effect class of a step: its own word, else its tool's for these arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.language.catalogue import Effect
from pulser.language.document import Step
from pulser.tools import registry


def effect_of(step: Step, arguments: Mapping[str, Any] | None = None) -> Effect:
    """What running this step twice does. Without rendered arguments, those of the plan are looked at as they stand.

    A tool that is no longer installed counts as irreversible: nobody can say what it did.
    """
    if step.effect:
        return step.effect
    tool = registry.installed().get(step.uses)
    return tool.spec.effect_for(step.with_ if arguments is None else arguments) if tool else Effect.IRREVERSIBLE
