"""profile(): what ran, where, and what it made."""

import json
import threading

import pytest

import tapegrad as torch
from tapegrad import nn


def profiled():
    a = torch.ones(50, 40, requires_grad=True)
    torch.ones(2)  # not watched
    with torch.profile() as p:
        b = a * 2.0
        b.T.sum().backward()
    torch.ones(2) + 1
    return p


def test_every_operation_is_an_event_with_its_line_and_bytes():
    p = profiled()
    found = {row.key: (row.count, row.bytes) for row in p.totals()}
    assert found["mul"] == (1, 8000)
    assert found["mul backward"] == (1, 8000)
    assert found["sum backward"][0] == found["sum"][0] == 1
    assert "add" not in found
    lines = {row.key: row.count for row in p.totals("line")}
    first, second = sorted(lines)
    assert first.endswith("b = a * 2.0") and lines[first] == 2
    assert second.endswith("b.T.sum().backward()")
    assert sum(lines.values()) == len(p.events)


def test_times_follow_each_other():
    p = profiled()
    end = 0
    for event in p.events:
        assert event.start >= end and event.time > 0
        end = event.start + event.time
    whole = sum(row.seconds for row in p.totals())
    assert whole == pytest.approx(sum(e.time for e in p.events) / 1e9)
    assert [row.seconds for row in p.totals()] == sorted((row.seconds for row in p.totals()), reverse=True)


def test_what_it_shows(tmp_path):
    p = profiled()
    head, *rows = str(p).splitlines()
    assert head.split() == ["time", "share", "calls", "per", "call", "memory", "tier", "op"]
    assert len(rows) == len(p.totals())
    assert repr(p) == str(p) and p.table("line").splitlines()[0].endswith("line")
    assert p._repr_html_().startswith("<table>")
    with pytest.raises(ValueError, match="profile: by is 'size'; 'op' or 'line' is needed"):
        p.totals("size")
    p.save(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events] == [e.name for e in p.events]
    assert {e["cat"] for e in events} == {"forward", "backward"}
    assert all(e["args"]["line"].startswith("test_profile.py:") for e in events)


def test_an_empty_profile_and_one_that_an_error_ends():
    with torch.profile() as p:
        pass
    assert p.totals() == [] and str(p).startswith("time")
    with pytest.raises(ZeroDivisionError), torch.profile() as p:
        torch.ones(2) + 1
        raise ZeroDivisionError
    torch.ones(2) * 3
    assert "mul" not in {row.key for row in p.totals()}


def test_it_watches_its_own_thread_and_changes_no_number():
    model, x = nn.Linear(4, 3), torch.randn(2, 4)
    plain = model(x)
    with torch.profile() as p:
        other = threading.Thread(target=lambda: torch.ones(3).exp())
        other.start()
        other.join()
        watched = model(x)
    assert torch.equal(plain, watched)
    assert "exp" not in {row.key for row in p.totals()}


def test_inside_of_transforms():
    with torch.profile() as p:
        torch.vmap(lambda x: (x * x).sum())(torch.ones(3, 2))
    assert {"mul", "sum"} <= {row.key for row in p.totals()}
