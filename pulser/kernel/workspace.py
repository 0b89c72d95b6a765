"""The folder that the steps of a run share, and the files that they leave there."""

from __future__ import annotations

import hashlib
import mimetypes
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pulser.kernel.outcomes import ArtifactFile
from pulser.language.document import ArtifactSpec
from pulser.language.limits import ARTIFACT_BYTES
from pulser.tools.base import FailedError, PermanentError, TransientError

NAME_CHARS = 200
MEDIA_TYPES = {"markdown": "text/markdown", "diff": "text/x-diff"}

RECREATED = b"""\
The workspace of this run had been cleaned, as CONTROLROOM_KEEP_WORK asks: files that earlier steps left in it are gone.
Where this step needs them, start the run again from the start.
"""


def open_workspace(path: Path) -> bool:
    """Make the run's folder when it is first needed; only this user may enter. Returns whether it was made now.

    Raises TransientError when it cannot be: the disk is full, or somebody has taken the right to write.
    """
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise TransientError(f"cannot create the workspace of this run on {socket.gethostname()}: {error}") from error
    return True


def artifact_name(spec: ArtifactSpec) -> str:
    """The name that it is known by."""
    return spec.name or Path(spec.path).name


@contextmanager
def local_artifact(workdir: Path, spec: ArtifactSpec) -> Iterator[tuple[ArtifactFile, BinaryIO]]:
    """A file that the step left, measured, and its content. Raises FailedError when it is not there, outside, or too
    big, PermanentError when its name is too long."""
    path = _file_within(workdir, spec)
    size = path.stat().st_size
    if size > ARTIFACT_BYTES:
        raise FailedError(f"artifact {spec.path} has {size} bytes; the limit is {ARTIFACT_BYTES}")
    name = artifact_name(spec)
    if len(name) > NAME_CHARS:
        raise PermanentError(f"artifact {spec.path} needs a `name` of at most {NAME_CHARS} characters")
    media_type = MEDIA_TYPES.get(spec.kind) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        yield ArtifactFile(name, spec.kind, media_type, size, digest), content


def _file_within(workdir: Path, spec: ArtifactSpec) -> Path:
    path = (workdir / spec.path).resolve()
    if not path.is_relative_to(workdir.resolve()):
        raise FailedError(f"artifact {spec.path} is outside the workspace")
    if not path.is_file():
        raise FailedError(f"artifact {spec.path} was not written by the step")
    return path
