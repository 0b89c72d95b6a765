from __future__ import annotations

import pytest

from pulser.catalogue import check
from screens.__main__ import views
from screens.scene import Scene, documents


@pytest.mark.parametrize("document", list(documents()), ids=lambda text: text.split("slug: ")[1].split()[0])
def test_a_plan_that_is_photographed_is_sound(document: str) -> None:
    assert check(document).problems == ()


def test_each_picture_has_a_name_of_its_own() -> None:
    names = [view.name for view in views(Scene("a", "b", "c", "d"))]
    assert len(names) == len(set(names)) > 5
