"""The folder that the steps of a run share, and the files that they leave there."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import os
import signal
import socket
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Q

from pulser.language.document import ArtifactSpec
from pulser.language.limits import ARTIFACT_BYTES
from pulser.tools.base import FailedError, PermanentError, TransientError
from runs.models import Attempt
from runs.transitions.finishing import KeptFile

logger = logging.getLogger(__name__)
NAME_CHARS = 200
MEDIA_TYPES = {"markdown": "text/markdown", "diff": "text/x-diff"}


MADE_ANEW = b"""\
The workspace of this run had been cleaned, as CONTROLROOM_KEEP_WORK asks: files that earlier steps left in it are gone.
Where this step needs them, start the run again from the start.
"""


def workspace_of(run_id: str) -> Path:
    """The run's own folder; whether or not it is there."""
    return Path(settings.WORK_DIR) / run_id


def open_workspace(run_id: str) -> bool:
    """Make the run's folder when it is first needed; only this user may enter. Returns whether it was made now.

    Raises TransientError when it cannot be: the disk is full, or somebody has taken the right to write.
    """
    path = workspace_of(run_id)
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise TransientError(f"the workspace of this run cannot be made on {socket.gethostname()}: {error}") from error
    return True


def has_worked(run_id: str) -> bool:
    """Whether a step of the run had a workspace before: it did its work, or started a program."""
    attempts = Attempt.objects.filter(step__run_id=run_id)
    return attempts.filter(Q(outcome="success") | Q(process_group__isnull=False)).exists()


def artifact_name(spec: ArtifactSpec) -> str:
    """The name that it is known by."""
    return spec.name or Path(spec.path).name


def keep_artifact(workdir: Path, spec: ArtifactSpec, *, run_id: str, key: str, number: int) -> KeptFile:
    """Copy a file that the step left into the storage. Raises FailedError when it is not there, outside, or too big,
    PermanentError when its name is too long."""
    path = (workdir / spec.path).resolve()
    if not path.is_relative_to(workdir.resolve()):
        raise FailedError(f"artifact {spec.path} lies outside the workspace")
    if not path.is_file():
        raise FailedError(f"artifact {spec.path} was not written: the step must leave this file")
    size = path.stat().st_size
    if size > ARTIFACT_BYTES:
        raise FailedError(f"artifact {spec.path} has {size} bytes; at most {ARTIFACT_BYTES} are kept")
    name = artifact_name(spec)
    if len(name) > NAME_CHARS:
        raise PermanentError(f"artifact {spec.path} needs a `name` of at most {NAME_CHARS} characters")
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        stored_as = default_storage.save(f"artifacts/{run_id}/{key}/{number}/{name}", File(content), max_length=300)
    media_type = MEDIA_TYPES.get(spec.kind) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return KeptFile(name, spec.kind, media_type, size, digest, stored_as)


def end_leftovers(group: int, *, idempotency_key: str) -> bool:
    """Kill what is left of an earlier attempt's process group on this host.

    The number may belong to somebody else by now: only a group with a member that carries our key is ended.
    """
    mark = f"PULSER_IDEMPOTENCY_KEY={idempotency_key}".encode()
    if not any(mark in _environ(pid) for pid in _members(group)):
        return False
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    logger.warning("ended process group %s, left over from an earlier attempt of %s", group, idempotency_key)
    return True


def _members(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group:
                found.append(int(entry.name))
    return found


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
