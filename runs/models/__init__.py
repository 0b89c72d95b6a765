"""What is stored. One noun, one file; each queryset is the vocabulary for asking."""

from __future__ import annotations

from runs.models.artifact import Artifact
from runs.models.attempt import Attempt, LogChunk
from runs.models.event import Event
from runs.models.hook import Delivery, Hook
from runs.models.lane import Lane
from runs.models.proof import Proof
from runs.models.run import Run
from runs.models.session import Session
from runs.models.step import Step
from runs.models.view import SavedView
from runs.models.worker import Duty, Worker

__all__ = [
    "Artifact",
    "Attempt",
    "Delivery",
    "Duty",
    "Event",
    "Hook",
    "Lane",
    "LogChunk",
    "Proof",
    "Run",
    "SavedView",
    "Session",
    "Step",
    "Worker",
]
