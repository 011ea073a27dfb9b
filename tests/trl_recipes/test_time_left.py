from types import SimpleNamespace

import pytest

from trl_recipes import time_left
from trl_recipes.time_left import TimeLeft, format_duration


@pytest.mark.parametrize("resumed_at", [0, 40])
def test_told_before_the_first_step_and_once_from_the_second_and_third(resumed_at, capsys, monkeypatch):
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(time_left, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(time_left, "expected_step", lambda trainer: 3.0)
    callback, state = (
        TimeLeft(None),
        SimpleNamespace(global_step=resumed_at, max_steps=103, is_world_process_zero=True),
    )
    callback.on_train_begin(None, state, None)
    remaining = 103 - resumed_at
    expected = f"expected time: about {format_duration(3 * remaining)} for {remaining} steps of 3 s, by a forward pass"
    assert capsys.readouterr().out == f"\n{expected}\n"
    for _ in range(6):
        state.global_step += 1
        callback.on_step_end(None, state, None)
    # 4 s for two steps, and what remains of 103 after the third.
    remaining -= 3
    expected = f"measured: about {format_duration(2 * remaining)} for {remaining} steps of 2 s left"
    out = capsys.readouterr().out
    assert expected in out and out.count("about") == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.7, "1 min"), (3_600, "1 h"), (90_061, "1 d 1 h"), (3_660, "1 h 1 min")]
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text
