from __future__ import annotations

import itertools
import re

from controlroom.web.drawing.fan_out import FanOut, fan_outs
from controlroom.web.drawing.plan_graph import NODE_HEIGHT, GraphDrawing, draw
from pulser.engine.graph import Graph, compile_plan
from pulser.language.document import Plan


def graph_of(steps: dict[str, list[str]], *, finals: tuple[str, ...] = ()) -> Graph:
    document = {
        "pulser": 1,
        "slug": "p",
        "steps": [{"id": key, "uses": "shell", "needs": needs} for key, needs in steps.items()],
        "finally": [{"id": key, "uses": "shell"} for key in finals],
    }
    return compile_plan(Plan.model_validate(document))


def fan(number: int) -> dict[str, list[str]]:
    shards: dict[str, list[str]] = {f"shard-{one:02d}": ["split"] for one in range(number)}
    return {"split": [], **shards, "join": list(shards)}


def assert_nothing_overlaps(picture: GraphDrawing) -> None:
    for one, other in itertools.combinations(picture.boxes, 2):
        is_beside = abs(one.x - other.x) >= picture.node_width
        assert is_beside or abs(one.y - other.y) >= NODE_HEIGHT, (one, other)
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - picture.node_width
        assert 0 <= box.y <= picture.height - NODE_HEIGHT


def test_seven_steps_side_by_side_are_one_node() -> None:
    assert [len(fan.members) for fan in fan_outs(graph_of(fan(7)))] == [7]
    assert fan_outs(graph_of(fan(6))) == []


def test_a_fan_out_is_named_for_what_its_steps_begin_with() -> None:
    assert fan_outs(graph_of(fan(12)))[0].name == "shard"
    mixed = {key: [] for key in ("ant", "bee", "cat", "dog", "eel", "fly", "gnu")}
    assert fan_outs(graph_of(mixed)) == [FanOut("ant", tuple(mixed), "")]


def test_steps_with_other_dependents_are_not_folded_together() -> None:
    steps = fan(7) | {"extra": ["shard-00"]}
    assert fan_outs(graph_of(steps)) == []


def test_a_folded_fan_out_is_three_boxes_and_two_lines() -> None:
    picture = draw(graph_of(fan(200)))
    assert [box.key for box in picture.boxes] == ["split", "shard-00", "join"]
    assert [(line.source, line.target) for line in picture.lines] == [(0, 1), (1, 201)]


def test_an_unfolded_fan_out_shows_each_step() -> None:
    picture = draw(graph_of(fan(20)), unfolded={"shard-00"})
    assert (len(picture.boxes), len(picture.lines), picture.unfolded) == (22, 40, ("shard-00",))
    assert_nothing_overlaps(picture)


def test_finally_stands_behind_all_in_a_frame() -> None:
    picture = draw(graph_of({"a": [], "b": ["a"]}, finals=("tidy", "report")))
    frame, boxes = picture.frame, {box.key: box for box in picture.boxes}
    assert frame is not None
    assert frame.x > boxes["b"].x + picture.node_width
    assert frame.y <= boxes["tidy"].y < boxes["report"].y <= frame.y + frame.height - NODE_HEIGHT
    assert_nothing_overlaps(picture)


def test_many_finally_steps_beside_a_single_step_fit() -> None:
    assert_nothing_overlaps(draw(graph_of({"a": []}, finals=tuple(f"f{one}" for one in range(9)))))


def test_names_decide_the_width_up_to_a_bound() -> None:
    short, long = draw(graph_of({"a": []})), draw(graph_of({"a" * 100: []}))
    assert short.node_width < long.node_width <= 220


def test_a_line_begins_at_its_source_and_ends_at_its_target() -> None:
    picture = draw(graph_of({"a": [], "b": ["a"], "c": ["b", "a"]}))
    boxes = {box.number: box for box in picture.boxes}
    for line in picture.lines:
        numbers = [float(number) for number in re.findall(r"[\d.]+", line.path)]
        source, target = boxes[line.source], boxes[line.target]
        assert numbers[:2] == [source.x + picture.node_width, source.y + NODE_HEIGHT / 2]
        assert numbers[-2:] == [target.x, target.y + NODE_HEIGHT / 2]
