from evaluate_metrics.timing import Timing


def test_seconds_add_up_over_runs_and_a_cut_line_is_left_out(tmp_path):
    assert Timing(tmp_path).summary() == {"wall_seconds": 0, "idle_share": None}
    Timing(tmp_path).append(4, 1.0, 3.0)
    Timing(tmp_path).append(4, 0.5, 0.5)
    with (tmp_path / "timing.jsonl").open("a") as stream:
        stream.write('{"questions": 4, "wai')
    assert Timing(tmp_path).summary() == {"wall_seconds": 5.0, "idle_share": 0.3}
