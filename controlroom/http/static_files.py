"""Styles and scripts: each has an address that changes with its content, is compressed once, and kept by browsers.

There is nothing to build or to collect: what browsers get is made of the files as they are, when it is first asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import re_accepts_gzip
from whitenoise.middleware import WhiteNoiseMiddleware

FOREVER, SOON = "max-age=31536000, public, immutable", "max-age=60, public"
TOGETHER_MAX = 20  # files of one address

Files = tuple[tuple[Path, int], ...]  # with the time of their last change

# Our own files are sent without indents and comments that have lines of their own; the lines keep their numbers.
OWN = Path(settings.BASE_DIR) / "static"
INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
COMMENTS = {
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
    ".js": re.compile(r"^[ \t]*//.*$", re.MULTILINE),
}
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class VersionedStorage(StaticFilesStorage):
    """Adds `?v=` and a digest of the content to an address. `css/a+b.css` are `css/a.css` and `css/b.css` in one."""

    def url(self, name: str | None) -> str:
        url = super().url(name).replace("%2B", "+")
        files = _files_of(name or "")
        return f"{url}?v={_digest(files)}" if files else url


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Texts are answered here, compressed; everything else is WhiteNoise's."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if request.method in ("GET", "HEAD") and path.startswith(self.static_prefix):
            name = path.removeprefix(self.static_prefix)
            files = _files_of(name) if Path(name).suffix in TYPES else ()
            if len(files) > 1 or (files and "Range" not in request.headers):  # of several, a part is not to be had
                return _text(request, files)
        answer: HttpResponseBase = super().__call__(request)
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        return answer


def _text(request: HttpRequest, files: Files) -> HttpResponse:
    digest = _digest(files)
    wants_gzip = re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")) is not None
    headers = {
        "Cache-Control": FOREVER if request.GET.get("v") == digest else SOON,
        "ETag": f'W/"{digest}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    known = request.headers.get("If-None-Match", "")
    if headers["ETag"] in known or known.strip() == "*":
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = _compressed(files) if wants_gzip else _content_of(files)
    encoding = {"Content-Encoding": "gzip"} if wants_gzip else {}
    kind = TYPES[files[0][0].suffix]
    headers |= encoding | {"Content-Length": str(len(content))}
    return HttpResponse(b"" if request.method == "HEAD" else content, content_type=kind, headers=headers)


def _files_of(name: str) -> Files:
    """What stands behind a static address; empty when any of it is not there."""
    try:
        return tuple((path, path.stat().st_mtime_ns) for path in _find_static_file(name))
    except (OSError, SuspiciousFileOperation):
        return ()


@lru_cache(maxsize=500)
def _find_static_file(name: str) -> tuple[Path, ...]:
    """Raises FileNotFoundError, which is not kept, and SuspiciousFileOperation for what lies elsewhere."""
    folder, slash, last = name.rpartition("/")
    suffix = Path(last).suffix
    parts = last.removesuffix(suffix).split("+", TOGETHER_MAX)
    found = [finders.find(f"{folder}{slash}{part}{suffix}") for part in parts]
    paths = tuple(Path(path) for path in found if isinstance(path, str) and Path(path).is_file())
    if len(paths) < len(parts):
        raise FileNotFoundError(name)
    return paths


@lru_cache(maxsize=500)
def _digest(files: Files) -> str:
    return hashlib.sha256(_content_of(files)).hexdigest()[:12]


@lru_cache(maxsize=100)
def _compressed(files: Files) -> bytes:
    return gzip.compress(_content_of(files), compresslevel=9, mtime=0)


def _content_of(files: Files) -> bytes:
    return b"\n".join(_minified(path) if path.is_relative_to(OWN) else path.read_bytes() for path, _ in files)


def _minified(path: Path) -> bytes:
    comments = COMMENTS.get(path.suffix)
    if comments is None:
        return path.read_bytes()
    text = path.read_text(encoding="utf-8")
    return INDENT.sub("", comments.sub(_line_ends_of, text)).encode()


def _line_ends_of(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")
