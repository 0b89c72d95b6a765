"""A layered layout: whoever is needed stands further left, edges bend around what is in their way. Pure.

Edge crossings are minimised by `fast-sugiyama`. Its coordinates are taken as an order: what overlaps is pushed apart
here, and graphs that would cost it too much are laid out without it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[int, int]
Place = tuple[int, float]  # layer from the left, row from the top

BENDS_MAX = 2_000  # places where edges pass through layers; past it only edges that say something new are drawn
SPACING = 100.0  # of fast-sugiyama: layers and rows of its answer are so far apart
BEND_ROWS = 0.4  # the room of a passing edge, in rows
GRID_ROWS = 12  # of nodes that are joined to nothing


@dataclass(frozen=True, slots=True)
class Layout:
    """Places by node, and for each edge that is drawn the places that it passes on its way. `rows`: the height."""

    places: Mapping[int, Place]
    routes: Mapping[Edge, tuple[Place, ...]]
    layers: int
    rows: float


def layered_layout(nodes: Sequence[int], edges: Iterable[Edge]) -> Layout:
    """Places for nodes that are joined by edges without cycles. The same input gives the same picture.

    No two nodes of a layer are less than one row apart, and each edge leads to a layer further right.
    """
    wanted = sorted(set(edges))
    if _bends(nodes, wanted) > BENDS_MAX:
        wanted = transitive_reduction(wanted)
    alone = [node for node in nodes if node not in {end for edge in wanted for end in edge}]
    parts = [_part(wanted)] if wanted else []
    return _stacked([*parts, _grid(alone)])


def _bends(nodes: Sequence[int], edges: Sequence[Edge]) -> int:
    rank = ranks(edges)
    return sum(rank[target] - rank[source] - 1 for source, target in edges)


def ranks(edges: Sequence[Edge]) -> dict[int, int]:
    """The longest way to each node from one that needs nothing, counted in edges."""
    needs, rank = _needs(edges), dict[int, int]()
    for node in topological_order(edges):
        rank[node] = max((rank[need] + 1 for need in needs[node]), default=0)
    return rank


def topological_order(edges: Sequence[Edge]) -> list[int]:
    """The nodes of these edges, each behind all that it needs."""
    needs = _needs(edges)
    dependents: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        dependents[source].append(target)
    open_needs = {node: len(found) for node, found in needs.items()}
    ready = sorted(node for node, number in open_needs.items() if not number)
    for node in ready:  # grows while it is read
        for dependent in dependents[node]:
            open_needs[dependent] -= 1
            if not open_needs[dependent]:
                ready.append(dependent)
    return ready


def _needs(edges: Sequence[Edge]) -> dict[int, list[int]]:
    needs: dict[int, list[int]] = {node: [] for edge in edges for node in edge}
    for source, target in edges:
        needs[target].append(source)
    return needs


def transitive_reduction(edges: Sequence[Edge]) -> list[Edge]:
    """The edges without those that a longer way implies."""
    dependents: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        dependents[source].append(target)
    below: dict[int, int] = {}  # all that comes after a node, as bits
    kept: list[Edge] = []
    order = topological_order(edges)
    place = {node: number for number, node in enumerate(order)}
    for node in reversed(order):
        reached = 0
        for dependent in sorted(dependents[node], key=lambda one: place[one]):
            if not reached >> place[dependent] & 1:
                kept.append((node, dependent))
                reached |= below[dependent] | 1 << place[dependent]
        below[node] = reached
    return sorted(kept)


def _part(edges: Sequence[Edge]) -> Layout:
    """All that is joined to something, each component below the one before."""
    rank = ranks(edges)
    if sum(rank[target] - rank[source] - 1 for source, target in edges) > BENDS_MAX:
        return _plain(edges, rank)
    return _stacked([_component(found) for found in _components(edges)])


def _components(edges: Sequence[Edge]) -> list[list[Edge]]:
    """The edges by what hangs together, in the order of their first nodes.

    The library would part them too, but then it gives bends the numbers of nodes.
    """
    leads_to = {end: end for edge in edges for end in edge}

    def first(node: int) -> int:
        while leads_to[node] != node:
            leads_to[node] = node = leads_to[leads_to[node]]
        return node

    for source, target in edges:
        one, other = sorted((first(source), first(target)))
        leads_to[other] = one
    parts: dict[int, list[Edge]] = defaultdict(list)
    for source, target in edges:
        parts[first(source)].append((source, target))
    return [parts[node] for node in sorted(parts)]


def _component(edges: Sequence[Edge]) -> Layout:
    """Laid out with few crossings; plainly, should the answer not be about these edges."""
    positions, pieces = _sugiyama(edges)
    deepest = max(y for _, y in positions.values())  # its layers count downwards, from the last
    wanted = {one: (round((deepest - y) / SPACING), x / SPACING) for one, (x, y) in positions.items()}
    places = _in_plan_order(_upright(_separate_nodes(wanted)), edges)
    routes = _routes(pieces, places)
    nodes = {one: place for one, place in places.items() if one >= 0}
    if set(routes) != set(edges):
        return _plain(edges, ranks(edges))
    return _sized(nodes, routes, others=places.values())


def _sugiyama(edges: Sequence[Edge]) -> tuple[dict[int, tuple[float, float]], list[Edge]]:
    """Positions of nodes and bends, and the edges cut at their bends. Bends are negative.

    Nodes are counted as they come, which makes the answer the same each time.
    """
    from fast_sugiyama import from_edges  # only who draws needs it

    names = sorted({end for edge in edges for end in edge})
    number = {name: count for count, name in enumerate(names)}
    ((positions, _, _, pieces),) = from_edges(
        [(number[source], number[target]) for source, target in edges],
        vertex_spacing=SPACING,
        dummy_vertices=True,
        check_layout=False,
    )
    named = {_name(names, one): (x, y) for one, (x, y) in positions}
    return named, [(_name(names, one), _name(names, other)) for one, other in pieces or ()]


def _name(names: Sequence[int], number: int | str) -> int:
    """A node by its name; bends are negative."""
    known = int(number)
    return names[known] if known < len(names) else -known


def _routes(pieces: Sequence[Edge], places: Mapping[int, Place]) -> dict[Edge, tuple[Place, ...]]:
    """The bends of each edge, from its pieces."""
    following = {one: other for one, other in pieces if one < 0}
    routes: dict[Edge, tuple[Place, ...]] = {}
    for source, first in pieces:
        bends, target = [], first
        while source >= 0 and target < 0:
            bends.append(places[target])
            target = following[target]
        if source >= 0:
            routes[source, target] = tuple(bends)
    return routes


def _separate_nodes(wanted: Mapping[int, Place]) -> dict[int, Place]:
    """The same order in each layer, with room for everybody; what is pushed down pulls the layer back as a whole."""
    by_layer: dict[int, list[int]] = defaultdict(list)
    for one, (layer, _) in wanted.items():
        by_layer[layer].append(one)
    places: dict[int, Place] = {}
    for layer, ones in by_layer.items():
        ones.sort(key=lambda one: (wanted[one][1], one))
        rows = _spread([wanted[one][1] for one in ones], [_room(one) for one in ones])
        places |= {one: (layer, row) for one, row in zip(ones, rows, strict=True)}
    return places


def _upright(places: Mapping[int, Place]) -> dict[int, Place]:
    """Upside down where it puts later nodes above earlier ones: crossings stay the same."""
    by_layer: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for one, (layer, row) in places.items():
        if one >= 0:
            by_layer[layer].append((one, row))
    falls = sum(
        (other > one) - (other < one)
        for found in by_layer.values()
        for (_, one), (_, other) in itertools.pairwise(sorted(found))
    )
    return {one: (layer, -row if falls < 0 else row) for one, (layer, row) in places.items()}


def _in_plan_order(places: Mapping[int, Place], edges: Sequence[Edge]) -> dict[int, Place]:
    """Nodes with the same neighbours change places until the earlier stands above the later."""
    needs, dependents = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for source, target in edges:
        needs[target].add(source)
        dependents[source].add(target)
    alike: dict[tuple[int, frozenset[int], frozenset[int]], list[int]] = defaultdict(list)
    for one in sorted(one for one in places if one >= 0):
        alike[places[one][0], frozenset(needs[one]), frozenset(dependents[one])].append(one)
    ordered = dict(places)
    for same in alike.values():
        ordered |= dict(zip(same, sorted(places[one] for one in same), strict=True))
    return ordered


def _room(one: int) -> float:
    return BEND_ROWS if one < 0 else 1.0


def _spread(rows: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """Rows of the same order, each at least the mean of two neighbours' rooms from the next."""
    spread: list[float] = []
    for row, room in zip(rows, rooms, strict=True):
        least = spread[-1] + (room + rooms[len(spread) - 1]) / 2 if spread else row
        spread.append(max(row, least))
    pushed = sum(new - old for new, old in zip(spread, rows, strict=True)) / len(rows)
    return [row - pushed for row in spread]


def _plain(edges: Sequence[Edge], rank: Mapping[int, int]) -> Layout:
    """Without care for crossings: nodes below each other by their rank, straight edges."""
    taken: dict[int, int] = defaultdict(int)
    places: dict[int, Place] = {}
    for node in sorted(rank, key=lambda one: (rank[one], one)):
        places[node] = (rank[node], float(taken[rank[node]]))
        taken[rank[node]] += 1
    return _sized(places, dict.fromkeys(edges, ()))


def _grid(alone: Sequence[int]) -> Layout:
    return _sized({node: (number // GRID_ROWS, float(number % GRID_ROWS)) for number, node in enumerate(alone)}, {})


def _sized(
    places: Mapping[int, Place], routes: Mapping[Edge, tuple[Place, ...]], *, others: Iterable[Place] = ()
) -> Layout:
    """Moved so that it begins in the first row."""
    rows = [row for _, row in (*places.values(), *others)]
    top = min(rows, default=0.0)
    return Layout(
        places={one: (layer, row - top) for one, (layer, row) in places.items()},
        routes={edge: tuple((layer, row - top) for layer, row in bends) for edge, bends in routes.items()},
        layers=max((layer + 1 for layer, _ in places.values()), default=0),
        rows=max(rows) - top + 1 if rows else 0.0,
    )


def _stacked(parts: Sequence[Layout]) -> Layout:
    """One below the other."""
    places: dict[int, Place] = {}
    routes: dict[Edge, tuple[Place, ...]] = {}
    rows = 0.0
    for part in parts:
        places |= {one: (layer, row + rows) for one, (layer, row) in part.places.items()}
        for edge, bends in part.routes.items():
            routes[edge] = tuple((layer, row + rows) for layer, row in bends)
        rows += part.rows
    return Layout(places, routes, max((part.layers for part in parts), default=0), rows)
