from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.web.drawing import layered as module
from controlroom.web.drawing.layered import Layout, layered_layout, ranks, transitive_reduction

Edges = list[tuple[int, int]]


@st.composite
def dags(draw: st.DrawFn) -> tuple[int, Edges]:
    """A number of nodes, and edges from lower to higher numbers."""
    number = draw(st.integers(1, 30))
    pairs = st.tuples(st.integers(0, number - 1), st.integers(0, number - 1)).filter(lambda pair: pair[0] < pair[1])
    return number, draw(st.lists(pairs, max_size=60)) if number > 1 else []


def assert_readable(layout: Layout, number: int) -> None:
    assert sorted(layout.places) == list(range(number))
    for one, other in itertools.combinations(layout.places.values(), 2):
        assert one[0] != other[0] or abs(one[1] - other[1]) >= 0.999
    for (source, target), bends in layout.routes.items():
        layers = [layout.places[source][0], *(layer for layer, _ in bends), layout.places[target][0]]
        assert layers == list(range(layers[0], layers[0] + len(layers)))
    assert all(0 <= layer < layout.layers and 0 <= row <= layout.rows - 0.999 for layer, row in layout.places.values())


@settings(deadline=None)
@given(dags())
def test_no_nodes_overlap_and_each_edge_leads_forward(dag: tuple[int, Edges]) -> None:
    number, edges = dag
    layout = layered_layout(range(number), edges)
    assert_readable(layout, number)
    assert set(layout.routes) == set(edges)


@settings(deadline=None)
@given(dags())
def test_bends_keep_clear_of_nodes(dag: tuple[int, Edges]) -> None:
    layout = layered_layout(range(dag[0]), dag[1])
    bends = {place for route in layout.routes.values() for place in route}
    for (layer, row), place in itertools.product(bends, layout.places.values()):
        assert layer != place[0] or abs(row - place[1]) >= 0.69


@settings(deadline=None, max_examples=25)
@given(dags())
def test_the_same_graph_gives_the_same_picture(dag: tuple[int, Edges]) -> None:
    number, edges = dag
    assert layered_layout(range(number), edges) == layered_layout(range(number), list(reversed(edges)))


@given(dags())
def test_edges_that_a_longer_way_implies_say_nothing_new(dag: tuple[int, Edges]) -> None:
    edges = sorted(set(dag[1]))
    kept = transitive_reduction(edges)
    assert set(kept) <= set(edges)
    assert ranks(kept) == ranks(edges)
    assert {one: below(kept, one) for one, _ in edges} == {one: below(edges, one) for one, _ in edges}


def below(edges: Edges, node: int) -> set[int]:
    direct = {target for source, target in edges if source == node}
    return direct.union(*(below(edges, one) for one in direct))


def test_a_graph_that_would_cost_too_much_is_drawn_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BENDS_MAX", 0)
    edges = [(0, 1), (1, 2), (2, 3), (4, 3)]
    layout = layered_layout(range(5), edges)
    assert_readable_but_for_bends(layout, edges)


def assert_readable_but_for_bends(layout: Layout, edges: Edges) -> None:
    assert set(layout.routes) == set(edges)
    assert all(layout.places[source][0] < layout.places[target][0] for source, target in edges)
    assert len(set(layout.places.values())) == len(layout.places)


def test_steps_side_by_side_stand_in_their_order() -> None:
    edges = [(0, one) for one in range(1, 21)] + [(one, 21) for one in range(1, 21)]
    rows = [layered_layout(range(22), edges).places[one][1] for one in range(1, 21)]
    assert rows == sorted(rows)


def test_nodes_that_are_joined_to_nothing_stand_in_a_grid() -> None:
    layout = layered_layout(range(30), [])
    assert_readable(layout, 30)
    assert layout.layers == 3


def test_no_nodes_make_no_picture() -> None:
    assert layered_layout([], []) == Layout({}, {}, 0, 0.0)


def test_a_thousand_steps_are_laid_out_within_a_second() -> None:
    chance = random.Random(5)
    edges = [(chance.randrange(max(0, one - 60), one), one) for one in range(1, 1000) for _ in range(3)]
    began = time.process_time()
    layout = layered_layout(range(1000), edges)
    assert time.process_time() - began < 1.0
    assert len(layout.places) == 1000
