from __future__ import annotations

import threading

import pytest
from django.db import connection

from pulser.catalogue import compiled_plan, save_plan
from pulser.models import Plan, PlanVersion
from tests.factories import make_user

pytestmark = pytest.mark.django_db

ONE = """
pulser: 1
slug: tide
title: Tide
steps:
  - {id: rise, uses: shell, with: {run: echo up}}
"""


def test_a_new_document_makes_a_plan_with_version_one() -> None:
    author = make_user()

    saved = save_plan(ONE, user=author)

    assert saved.created
    assert saved.version == Plan.objects.get(slug="tide").latest
    assert (saved.version.number, saved.version.created_by) == (1, author)


def test_a_changed_document_makes_the_next_version() -> None:
    save_plan(ONE)

    saved = save_plan(ONE.replace("echo up", "echo down").replace("title: Tide", "title: Ebb"))

    plan = Plan.objects.get(slug="tide")
    assert (saved.created, plan.latest.number, plan.title) == (True, 2, "Ebb")


def test_the_first_version_stays_as_it_was() -> None:
    first = save_plan(ONE).version
    save_plan(ONE.replace("echo up", "echo down"))

    assert PlanVersion.objects.get(pk=first.pk).source == ONE


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        (ONE, "the same text"),
        ("# a comment\n" + ONE, "comments say nothing to the machine"),
        (ONE.replace("title: Tide\n", "").replace("slug: tide\n", "title: Tide\nslug: tide\n"), "keys have no order"),
    ],
)
def test_a_document_that_says_the_same_makes_no_version(again: str, reason: str) -> None:
    first = save_plan(ONE).version

    saved = save_plan(again)

    assert (saved.created, saved.version) == (False, first), reason


def test_a_document_that_returns_to_an_older_one_is_a_new_version() -> None:
    save_plan(ONE)
    save_plan(ONE.replace("echo up", "echo down"))

    assert save_plan(ONE).version.number == 3


def test_a_bad_document_stores_nothing() -> None:
    saved = save_plan(ONE.replace("uses: shell", "uses: shel"))

    assert (saved.version, saved.created) == (None, False)
    assert "did you mean `shell`?" in saved.problems[0].message
    assert not Plan.objects.exists()


def test_the_graph_of_a_version_is_compiled_once() -> None:
    version = save_plan(ONE).version

    assert compiled_plan(version.pk) is compiled_plan(version.pk)
    assert list(compiled_plan(version.pk).nodes) == ["rise"]


def test_there_is_no_graph_of_an_unknown_version() -> None:
    with pytest.raises(PlanVersion.DoesNotExist):
        compiled_plan(0)


@pytest.mark.django_db(transaction=True)
def test_two_authors_at_once_get_two_numbers() -> None:
    begin = threading.Barrier(4)

    def save(word: str) -> None:
        begin.wait(60)
        save_plan(ONE.replace("echo up", f"echo {word}"))
        connection.close()

    authors = [threading.Thread(target=save, args=[word]) for word in ("a", "b", "c", "d")]
    for author in authors:
        author.start()
    for author in authors:
        author.join(60)

    assert sorted(PlanVersion.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert Plan.objects.get(slug="tide").latest.number == 4
