"""The kernel with a reporter in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pulser.kernel.contract import KernelContract
from tests.pulser.kernel.memory import MemoryBackend


class TestMemoryReporter(KernelContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> MemoryBackend:
        return MemoryBackend(tmp_path)
