"""A plan's graph as a picture: boxes from left to right, and the lines between them. Sizes in CSS pixels.

What a run adds, status and times, is put on it by templates: the picture of a version never changes, and is kept.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controlroom.web.drawing.fan_out import FanOut, drawn_as_one, fan_outs
from controlroom.web.drawing.layered import Layout, Place, layered_layout
from pulser.catalogue import compiled_plan
from pulser.engine.graph import Graph

NODE_HEIGHT = 40
NODE_WIDTH_MIN, NODE_WIDTH_MAX = 148, 220
LETTER = 7.8  # about the width of one
BESIDE_LETTERS = 46  # glyph and padding
ROW = NODE_HEIGHT + 12
GAP = 44  # between layers
MARGIN = 14
FRAME = 12  # around `finally`, and its heading above
HEADING = 20
PICTURES_KEPT = 64


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node at its place. `fan`: the steps that it stands for, None for a step of its own."""

    number: int
    key: str
    x: float
    y: float
    fan: FanOut | None = None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """An SVG path from one box to another, by their numbers."""

    source: int
    target: int
    path: str


@dataclass(frozen=True, slots=True)
class Frame:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """All that is drawn. `unfolded`: fan-outs that are shown step by step. `implied`: so many lines are left out."""

    width: float
    height: float
    node_width: float
    boxes: tuple[GraphNode, ...]
    lines: tuple[GraphEdge, ...]
    frame: Frame | None
    unfolded: tuple[str, ...]
    implied: int


@functools.lru_cache(maxsize=PICTURES_KEPT)
def graph_drawing(version_id: int, unfolded: frozenset[str] = frozenset()) -> GraphDrawing:
    """The picture of a plan's version. Raises IncompatiblePlan, PlanVersion.DoesNotExist."""
    return draw(compiled_plan(version_id), unfolded=unfolded)


def draw(graph: Graph, *, unfolded: Collection[str] = ()) -> GraphDrawing:
    """The main steps in layers; behind them `finally`, one below the other in a frame of its own."""
    found = fan_outs(graph)
    as_one = drawn_as_one(found, unfolded=unfolded)
    keys = [key for key in graph.main if key not in as_one or as_one[key].key == key]
    edges = _edges(graph, as_one)
    layout = layered_layout([graph.nodes[key].position for key in keys], edges)
    width = node_width(graph, found)
    step = width + GAP
    boxes = [_box(graph, key, layout=layout, step=step, fan=as_one.get(key)) for key in keys]
    frame, finals = _finally(graph, width=width, left=MARGIN + layout.layers * step, height=layout.rows * ROW - 12)
    down = MARGIN - min(frame.y if frame else MARGIN, MARGIN)
    boxes = [GraphNode(box.number, box.key, box.x, box.y + down, box.fan) for box in (*boxes, *finals)]
    frame = Frame(frame.x, frame.y + down, frame.width, frame.height) if frame else None
    right = frame.x + frame.width if frame else MARGIN + layout.layers * step - GAP
    bottom = max([*(box.y + NODE_HEIGHT for box in boxes), frame.y + frame.height if frame else 0.0])
    return GraphDrawing(
        width=round(right + MARGIN),
        height=round(bottom + MARGIN),
        node_width=width,
        boxes=tuple(boxes),
        lines=tuple(_lines(layout, width=width, step=step, down=down)) + _between(finals, width=width, down=down),
        frame=frame,
        unfolded=tuple(fan.key for fan in found if fan.key in unfolded),
        implied=len(edges) - len(layout.routes),
    )


def _edges(graph: Graph, as_one: Mapping[str, FanOut]) -> set[tuple[int, int]]:
    def number(key: str) -> int:
        return graph.nodes[as_one[key].key if key in as_one else key].position

    return {(number(need), number(key)) for key in graph.main for need in graph.nodes[key].step.needs}


def node_width(graph: Graph, found: Collection[FanOut]) -> float:
    """The same for all, as_one or not, by the longest name; a very long one is cut."""
    letters = max(len(key) for key in graph.nodes)
    least = NODE_WIDTH_MAX - 32 if found else NODE_WIDTH_MIN
    return round(min(max(BESIDE_LETTERS + letters * LETTER, least), NODE_WIDTH_MAX))


def _box(graph: Graph, key: str, *, layout: Layout, step: float, fan: FanOut | None) -> GraphNode:
    number = graph.nodes[key].position
    layer, row = layout.places[number]
    return GraphNode(number, key, MARGIN + layer * step, round(MARGIN + row * ROW, 1), fan)


def _finally(graph: Graph, *, width: float, left: float, height: float) -> tuple[Frame | None, list[GraphNode]]:
    """A column in the middle of the height, as far as there is room above."""
    if not graph.finals:
        return None, []
    inner = len(graph.finals) * ROW - 12
    top = MARGIN + (height - inner) / 2
    boxes = [
        GraphNode(graph.nodes[key].position, key, left + FRAME, round(top + number * ROW, 1))
        for number, key in enumerate(graph.finals)
    ]
    frame = Frame(left, round(top - HEADING - FRAME / 2, 1), width + 2 * FRAME, inner + HEADING + FRAME * 1.5)
    return frame, boxes


def _lines(layout: Layout, *, width: float, step: float, down: float) -> list[GraphEdge]:
    def at(place: Place) -> tuple[float, float]:
        return MARGIN + place[0] * step, MARGIN + place[1] * ROW + NODE_HEIGHT / 2 + down

    found = []
    for (source, target), bends in sorted(layout.routes.items()):
        places = [at(layout.places[source]), *map(at, bends), at(layout.places[target])]
        found.append(GraphEdge(source, target, _path(places, width=width)))
    return found


def _path(places: Sequence[tuple[float, float]], *, width: float) -> str:
    """Out of the first box at its right, straight through the columns on the way, into the last at its left."""
    (x, y), *others = places
    pieces = [f"M{x + width:g} {y:.1f}"]
    for number, (next_x, next_y) in enumerate(others, start=1):
        middle = (x + width + next_x) / 2
        pieces.append(f"C{middle:g} {y:.1f} {middle:g} {next_y:.1f} {next_x:g} {next_y:.1f}")
        if number < len(others):
            pieces.append(f"H{next_x + width:g}")
        x, y = next_x, next_y
    return "".join(pieces)


def _between(finals: Sequence[GraphNode], *, width: float, down: float) -> tuple[GraphEdge, ...]:
    """`finally` steps run one after the other."""
    middle = width / 2
    return tuple(
        GraphEdge(
            one.number, other.number, f"M{one.x + middle:g} {one.y + NODE_HEIGHT + down:.1f}V{other.y + down:.1f}"
        )
        for one, other in itertools.pairwise(finals)
    )
