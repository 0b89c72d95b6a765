"""The values that a filter may be set to, with what each would give."""

from __future__ import annotations

import pytest
from django.utils import timezone

from runs.queries.lists import counts, facets
from runs.queries.lists.facets import facet
from runs.queries.lists.filters import RunFilters
from tests.factories import make_actor, make_plan, make_run, make_session

pytestmark = pytest.mark.django_db

VIEWER = make_actor("viewer")


def counted(name: str, filters: RunFilters = RunFilters()) -> dict[str, str]:  # noqa: B008  # a constant
    """What has any run at all."""
    return {one.label: str(one.count) for one in facet(VIEWER, filters, name=name) if one.count}


@pytest.fixture(params=[1000, 2], ids=["few runs", "more runs than are counted"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few runs are read, of many each value is counted by itself: the answer is the same, up to the limit."""
    monkeypatch.setattr(counts, "COUNTED", request.param)
    monkeypatch.setattr(facets, "COUNTED", request.param)


@pytest.fixture
def runs(limit: None) -> None:
    paint = make_plan("pulser: 1\nslug: paint\ntitle: Paint\nsteps: [{id: a, uses: shell, with: {run: 'true'}}]")
    again = make_plan("pulser: 1\nslug: paint\ntitle: Paint\nsteps: [{id: b, uses: shell, with: {run: 'true'}}]")
    make_run(lane="A", version=paint, session="day", environment="dev", trigger="api")
    make_run(lane="B", version=again, session="day", environment="prod", trigger="hook", status="error")
    make_run(lane="B", version=make_plan(slug="other"), session="night", environment="prod", trigger="board")


@pytest.mark.usefixtures("runs")
class TestFacets:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("lane", {"A": "1", "B": "2"}),
            ("plan", {"Paint": "2", "Hello": "1"}),
            ("session", {"day": "2", "night": "1"}),
            ("environment", {"dev": "1", "prod": "2"}),
            ("trigger", {"api": "1", "board": "1", "hook": "1"}),
        ],
    )
    def test_each_value_has_its_count(self, name: str, expected: dict[str, str]) -> None:
        assert counted(name) == expected

    @pytest.mark.parametrize("name", facets.FACETS)
    def test_a_facet_counts_under_the_other_filters_only(self, name: str) -> None:
        chosen = RunFilters(
            environment=("prod",), **({name: ("nothing",)} if name in ("lane", "plan", "trigger") else {})
        )
        assert sum(int(number) for number in counted(name, chosen).values()) == (3 if name == "environment" else 2)

    def test_values_without_runs_are_named_too(self) -> None:
        assert [one.value for one in facet(VIEWER, RunFilters(), name="environment")] == ["dev", "staging", "prod"]

    def test_a_search_counts_as_well(self) -> None:
        assert counted("lane", RunFilters(q="nothing")) == {}


def test_beyond_the_limit_it_is_so_many_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (counts, facets):
        monkeypatch.setattr(module, "COUNTED", 2)
    for _ in range(3):
        make_run(trigger="api")
    assert (counted("trigger"), counted("lane")) == ({"api": "2+"}, {"A": "2+"})


def test_archived_sessions_are_named_when_asked_for() -> None:
    old = make_session("old")
    old.archived_at = timezone.now()
    old.save()

    def names(filters: RunFilters) -> set[str]:
        return {one.label for one in facet(VIEWER, filters, name="session")}

    assert "old" not in names(RunFilters())
    assert "old" in names(RunFilters(archived=True)) & names(RunFilters(session=(old.pk,)))


@pytest.mark.parametrize("name", ["", "title", "problems", "q"])
def test_what_is_no_facet_has_no_values(name: str) -> None:
    assert facet(VIEWER, RunFilters(), name=name) == []


@pytest.mark.parametrize("name", facets.FACETS)
def test_strangers_and_bad_filters_get_no_values(name: str) -> None:
    make_run()
    assert facet(make_actor(""), RunFilters(), name=name) == []
    assert facet(VIEWER, RunFilters(problems=("no",)), name=name) == []
