"""LIBERO's layout, written by hand: what is kept, what is left out and why, and what never is read."""

import logging
import os
import pickle

import h5py
import numpy as np
import pytest

from dataset_builders.errors import InputError
from dataset_builders.general import RowError
from trl_recipes.actions.demonstrations import load_demonstrations, moving_steps, read_picture


def _actions(steps, size=7, value=0.5):
    return np.full((steps, size), value)


def test_every_step_is_a_row_with_its_instruction(write_file, tmp_path):
    actions = np.arange(21.0).reshape(3, 7)
    write_file(tmp_path / "a_demo.hdf5", [{"actions": actions}], instruction='"open the drawer"')
    rows, counts = load_demonstrations(tmp_path)
    assert rows["action"] == actions.tolist() and rows["step"] == [0, 1, 2]
    assert set(rows["instruction"]) == {"open the drawer"} and set(rows["demonstration"]) == {"demo_0"}
    assert (counts.kept, counts.failed, counts.refused, counts.steps, counts.noops) == (1, 0, [], 3, 0)


def test_demonstrations_come_in_the_order_of_their_numbers(write_file, tmp_path):
    write_file(tmp_path / "a.hdf5", [{"actions": _actions(1)}] * 11)
    rows, _ = load_demonstrations(tmp_path)
    assert rows["demonstration"] == [f"demo_{number}" for number in range(11)]


@pytest.mark.parametrize(
    ("gripper", "motion", "kept"),
    [
        ([-1, -1, -1], [0.0, 0.5, 0.0], [1]),  # still at the beginning and at the end
        ([-1, 1, 1], [0.5, 0.0, 0.0], [0, 1]),  # still, but the gripper closes, once
        ([-1, -1, -1], [9e-5, 2e-4, -2e-4], [1, 2]),  # on both sides of the threshold
        ([-1, 1, -1], [0.0, 0.0, 0.0], []),  # as in OpenVLA: nothing moved yet, motion alone counts
    ],
)
def test_noops_neither_move_nor_change_the_gripper(gripper, motion, kept):
    actions = np.zeros((3, 7))
    actions[:, 0], actions[:, -1] = motion, gripper
    assert moving_steps(actions) == kept


def test_noops_and_failures_are_left_out_and_counted(write_file, tmp_path):
    still = np.zeros((4, 7))
    still[1:3, 0] = 1
    demonstrations = [{"actions": still}, {"actions": _actions(2), "rewards": np.zeros(2, np.uint8)}]
    write_file(tmp_path / "a.hdf5", demonstrations)
    rows, counts = load_demonstrations(tmp_path)
    assert rows["step"] == [1, 2]
    assert str(counts) == (
        "demonstrations: 1 kept, 1 without success left out, 0 refused; 2 steps, 2 no-ops left out\n"
    )


def test_done_counts_as_success_where_no_rewards_are_stored(write_file, tmp_path):
    done, never = np.array([0, 1], np.uint8), np.zeros(2, np.uint8)
    arrays = [{"actions": _actions(2), "rewards": None, "dones": values} for values in (done, never)]
    write_file(tmp_path / "a.hdf5", arrays)
    _, counts = load_demonstrations(tmp_path)
    assert (counts.kept, counts.failed) == (1, 1)


def test_demonstrations_with_differing_action_sizes_are_one_line_each(write_file, tmp_path, caplog):
    write_file(tmp_path / "a.hdf5", [{"actions": _actions(2, size)} for size in (7, 8, 7, 6)])
    with caplog.at_level(logging.WARNING):
        rows, counts = load_demonstrations(tmp_path)
    assert {len(action) for action in rows["action"]} == {7} and counts.kept == 2
    assert [record.getMessage().partition("a.hdf5: ")[2] for record in caplog.records] == [
        "demo_1, actions: have 8 dimensions, most have 7; train them apart",
        "demo_3, actions: have 6 dimensions, most have 7; train them apart",
    ]


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"actions": np.array([[np.nan] * 7])}, "action 0 is not finite"),
        ({"actions": np.zeros((2, 2, 2))}, r"actions are of shape \(2, 2, 2\)"),
        ({"actions": np.array([[b"a", b"b"]])}, "not numbers"),
        ({"actions": _actions(2), "obs/agentview_rgb": np.zeros((3, 8, 8, 3), np.uint8)}, "2 actions and 3 pictures"),
        ({"actions": _actions(1), "obs/agentview_rgb": np.zeros((1, 8, 8, 3))}, "not bytes"),
        ({"actions": _actions(1), "obs/agentview_rgb": None}, "has no data/demo_1/obs"),
        ({"actions": _actions(1), "rewards": None}, "neither rewards nor dones"),
    ],
)
def test_what_cannot_be_used_is_refused_and_the_others_go_on(arrays, problem, write_file, tmp_path):
    write_file(tmp_path / "a.hdf5", [{"actions": _actions(3)}, arrays])
    rows, counts = load_demonstrations(tmp_path)
    assert len(rows) == 3 and len(counts.refused) == 1
    with pytest.raises(InputError, match=problem):
        raise counts.refused[0]


def test_files_of_another_kind_are_refused(write_file, tmp_path):
    write_file(tmp_path / "good.hdf5", [{"actions": _actions(1)}])
    (tmp_path / "text.hdf5").write_text("no HDF5")
    write_file(tmp_path / "silent.hdf5", [{"actions": _actions(1)}], instruction=" ")
    write_file(tmp_path / "odd.hdf5", [{"actions": _actions(1)}], problem_info="{]")
    with h5py.File(tmp_path / "empty.hdf5", "w"):
        pass
    rows, counts = load_demonstrations(tmp_path)
    assert len(rows) == 1 and len(counts.refused) == 4


def test_links_to_other_files_are_not_followed(write_file, tmp_path):
    """A file of others must not make this one read what it likes, be it by a link or by external storage."""
    secret = tmp_path / "secret"
    secret.mkdir()
    write_file(secret / "private.h5", [{"actions": _actions(1)}])
    (secret / "private.bin").write_bytes(bytes(192))
    folder = tmp_path / "given"
    folder.mkdir()
    write_file(folder / "a.hdf5", [{"actions": _actions(1)}] * 3)
    with h5py.File(folder / "a.hdf5", "r+") as file:
        file["data/demo_3"] = h5py.ExternalLink(str(secret / "private.h5"), "data/demo_0")
        del file["data/demo_1/obs/agentview_rgb"]
        file["data/demo_1/obs"].create_dataset(
            "agentview_rgb", (1, 8, 8, 3), np.uint8, external=[(str(secret / "private.bin"), 0, 192)]
        )
        del file["data/demo_2/rewards"]
        file["data/demo_2/rewards"] = h5py.SoftLink("/data/demo_0/rewards")
    rows, counts = load_demonstrations(folder)
    assert rows["demonstration"] == ["demo_0"] and len(counts.refused) == 3


def test_pickles_are_data(write_file, tmp_path):
    """An attribute that would run a command when unpickled."""

    class Command:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    payload = np.void(pickle.dumps(Command()))
    write_file(tmp_path / "a.hdf5", [{"actions": _actions(1)}], env_args=payload, model_file=payload)
    load_demonstrations(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_nothing_left_is_one_line(write_file, tmp_path):
    with pytest.raises(InputError, match="has no steps to learn from .* 0 kept"):
        load_demonstrations(tmp_path)


@pytest.mark.parametrize(("convention", "upright"), [("opengl", False), ("opencv", True), (None, True)])
def test_pictures_are_read_upright(convention, upright, write_file, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 6, 9, 3), dtype=np.uint8)
    attributes = {} if convention is None else {"macros_image_convention": convention}
    path = tmp_path / "a.hdf5"
    write_file(path, [{"actions": _actions(2), "obs/agentview_rgb": pictures}], **attributes)
    read = np.asarray(read_picture(path, "demo_0", 1))
    assert (read == (pictures[1] if upright else np.flipud(pictures[1]))).all()


def test_a_picture_that_is_not_there_names_its_step(write_file, tmp_path):
    write_file(tmp_path / "a.hdf5", [{"actions": _actions(1)}])
    with pytest.raises(RowError, match=r"a\.hdf5: demo_5, step 3: has no data/demo_5"):
        read_picture(tmp_path / "a.hdf5", "demo_5", 3)
