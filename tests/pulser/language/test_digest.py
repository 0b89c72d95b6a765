"""One state of a plan has one digest."""

from __future__ import annotations

import hashlib

from pulser.language import digest


def test_the_digest_is_over_canonical_json() -> None:
    expected = hashlib.sha256('{"a":"é","b":[1,{"c":null,"d":true}]}'.encode()).hexdigest()

    assert digest({"b": [1, {"d": True, "c": None}], "a": "é"}) == f"sha256:{expected}"


def test_the_order_of_keys_does_not_matter_and_that_of_lists_does() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
