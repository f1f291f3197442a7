"""Attributes, and files found by them."""

import datetime as dt

import pytest

import holdall
from holdall import errors


def test_files_are_found_by_an_attribute(alice: holdall.Drive) -> None:
    when = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    put = alice.put("in/1", b"a", created=when, attributes={"tag": "red"})
    assert put.created == when
    assert alice.stat("in/1").created == when
    assert alice.stat("in/1").attributes == {"tag": "red"}
    said = {"created": 7, "attributes": {"tag": "redder"}}
    many = alice.put_many([("in/2", b"b", said), ("3", b"c", {"attributes": {"tag": "blue"}})])
    assert many[0].created == dt.datetime.fromtimestamp(7, dt.UTC)
    found = alice.find_by_attribute("tag", "re")
    assert [(match.path, match.value, match.kind) for match in found] == [
        ("in/1", "red", "file"),
        ("in/2", "redder", "file"),
    ]
    assert found[0].file_id == alice.stat("in/1").id
    assert [match.path for match in alice.find_by_attribute("tag")] == ["3", "in/1", "in/2"]
    assert alice.find_by_attribute("tag", "re", after=found[0]) == found[1:]
    assert alice.find_by_attribute("tag", limit=1)[0].path == "3"
    assert alice.find_by_attribute("tag", "b", path="in") == []
    assert repr(found[0]) == "<AttributeMatch 'in/1' 'red'>"
    alice.trash("in")
    assert alice.find_by_attribute("tag", "re") == []
    with pytest.raises(errors.NotFound):
        alice.find_by_attribute("tag", path="nothing")
    with pytest.raises(errors.InvalidArgument):
        alice.find_by_attribute("tag", "blue", after=found[0])
    with pytest.raises(errors.TooLarge):
        alice.put("4", b"", attributes={"a": "x" * 70_000})
