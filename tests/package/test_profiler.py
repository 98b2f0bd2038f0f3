"""torch.profiler: torch's names for what profile() finds."""

import json

import pytest

import tapegrad as torch
from tapegrad.profiler import ProfilerAction, profile, record_function, schedule
from tests.ops.comparing import attempt_quietly


def step():
    """Some operations, two of them in a range."""
    x = torch.ones(30, 20, requires_grad=True)
    with record_function("mine"):
        y = (x * 2.0).exp()
    y.sum().backward()


def test_averages_and_their_table():
    with profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as p:
        step()
        step()
    found = {a.key: a for a in p.key_averages()}
    assert {k: found[k].count for k in ("mul", "exp", "mine", "sum backward")} == {
        "mul": 2,
        "exp": 2,
        "mine": 2,
        "sum backward": 2,
    }
    mine = found["mine"]
    assert found["exp"].cpu_time_total <= mine.cpu_time_total - mine.self_cpu_time_total
    assert mine.self_cpu_time_total >= 0
    assert (mine.cpu_memory_usage, mine.self_cpu_memory_usage) == (2 * 2 * 2400, 0)
    assert mine.is_user_annotation and not found["mul"].is_user_annotation and mine.cuda_time_total == 0
    assert mine.cpu_time == mine.cpu_time_total / 2
    table = p.key_averages().table(sort_by="cpu_time_total", row_limit=2).splitlines()
    assert table[0].split()[:4] == ["Name", "Self", "CPU", "%"] and len(table) == 4
    assert table[-1].startswith("Self CPU time total: ")
    largest = max(p.key_averages(), key=lambda a: a.cpu_time_total)
    assert table[1].split()[0] == largest.key.split()[0]
    assert p.key_averages().total_average().count == len(p.events())
    with pytest.raises(AttributeError, match="table: sort_by is 'length'; 'cpu_time', "):
        p.key_averages().table(sort_by="length")


def test_ranges_in_ranges():
    @record_function("inner")
    def inner():
        return torch.ones(2) + 1

    with profile() as p, record_function("outer"):
        inner()
        inner()
    found = {a.key: a for a in p.key_averages()}
    assert (found["inner"].count, found["outer"].count, found["add"].count) == (2, 1, 2)
    own = sum(a.self_cpu_time_total for a in p.key_averages())
    assert found["inner"].cpu_time_total <= found["outer"].cpu_time_total <= own + 1e-3
    assert found["outer"].self_cpu_time_total >= -1e-3
    with record_function("nobody watches"):
        pass


def cycles(lib, **how):
    """What a schedule says of the first twelve steps."""
    return [lib.profiler.schedule(**how)(i).name for i in range(12)]


def test_schedules_as_torch():
    their = pytest.importorskip("torch")
    for how in (
        {"wait": 1, "warmup": 1, "active": 2},
        {"wait": 1, "warmup": 1, "active": 2, "repeat": 1},
        {"wait": 0, "warmup": 0, "active": 1, "skip_first": 3},
        {"wait": 2, "warmup": 0, "active": 2, "repeat": 2, "skip_first": 1, "skip_first_wait": 1},
    ):
        assert cycles(torch, **how) == attempt_quietly(lambda how=how: cycles(their, **how)).value
    for lib in (torch, their):
        with pytest.raises(AssertionError):
            lib.profiler.schedule(wait=-1, warmup=0, active=1)


def test_steps_are_watched_as_scheduled(tmp_path):
    seen = []
    write = torch.profiler.tensorboard_trace_handler(str(tmp_path / "traces"), "w")

    def ready(p):
        seen.append((p.step_num, {a.key: a.count for a in p.key_averages()}["mul"]))
        write(p)

    with profile(schedule=schedule(wait=1, warmup=0, active=2), on_trace_ready=ready) as p:
        for _ in range(5):
            step()
            p.step()
        assert p.current_action is ProfilerAction.RECORD_AND_SAVE
    assert seen == [(3, 2), (5, 1)]  # the second cycle was cut off
    files = list((tmp_path / "traces").iterdir())
    assert len(files) == len(seen) and all(f.name.startswith("w.") for f in files)
    events = json.loads(files[0].read_text())["traceEvents"]
    assert {"mine", "mul"} <= {e["name"] for e in events}


def test_nothing_was_watched():
    with pytest.raises(AssertionError, match="profile: nothing was watched"):
        profile().key_averages()
    with torch.autograd.profiler.profile(enabled=False) as p:
        step()
    with pytest.raises(AssertionError, match="profile: nothing was watched"):
        p.table()
    with pytest.raises(AttributeError, match=r"torch\.profiler of tapegrad has no 'nothing'"):
        torch.profiler.nothing  # noqa: B018 # it is looked up


def test_the_older_names():
    with torch.autograd.profiler.profile(use_cuda=False) as p, torch.autograd.profiler.record_function("r"):
        step()
    assert "mul" in p.table(row_limit=-1) and p.self_cpu_time_total > 0
    assert p.total_average().count == len(p.function_events)
    assert str(p.key_averages()).startswith("Name")
