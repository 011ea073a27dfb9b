import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from transformers.video_utils import VideoMetadata, default_sample_indices_fn

from dataset_builders.conversation import select_frames
from modeling_spacevista.selection import Selection, selected_rate


@given(st.data())
def test_even_frames_are_those_of_the_dataset(data):
    available = data.draw(st.integers(1, 300))
    wanted = data.draw(st.integers(1, available))
    required = data.draw(st.lists(st.integers(0, available - 1), max_size=wanted))
    assert Selection(num_frames=wanted).indices(available, required=required) == select_frames(
        available, wanted, required
    )


@given(st.integers(1, 500), st.sampled_from([24, 25, 29.97, 30, 60]), st.sampled_from([0.5, 1, 2, 4, 7.3]))
def test_frames_at_a_rate_are_those_of_the_library(available, native, fps):
    # The library lets rounding take a frame where a whole number of them fits.
    assume(abs(available / native * fps - round(available / native * fps)) > 1e-5)
    library = default_sample_indices_fn(VideoMetadata(total_num_frames=available, fps=native), fps=fps)
    assert Selection(fps=fps).indices(available, native) == library.tolist()


@given(st.data())
def test_required_frames_are_selected_and_none_is_lost(data):
    available = data.draw(st.integers(10, 200))
    selection = data.draw(st.sampled_from([Selection(num_frames=8), Selection(fps=10.0), Selection()]))
    required = data.draw(st.lists(st.integers(0, available - 1), max_size=3))
    indices = selection.indices(available, 30.0, required)
    assert set(required) <= set(indices) and sorted(set(indices)) == indices
    assert len(indices) == len(selection.indices(available, 30.0))


def test_given_frames():
    assert Selection(frame_indices=[1, 5, 9]).indices(10, required=[5, 5]) == [1, 5, 9]


@pytest.mark.parametrize(
    ("selection", "required", "message"),
    [
        ({"num_frames": 11}, [], "too few frames, expected num_frames=11, got 10"),
        ({"num_frames": 1}, [2, 7], "frames [2, 7] have regions, expected at least 2 to be selected, got 1"),
        ({"fps": 31}, [], "too few frames, expected fps=31, got 30 frames per second"),
        ({"frame_indices": [3, 10]}, [], "too few frames, expected indices from 0 to 9, got [10]"),
        ({"frame_indices": [-1, 3]}, [], "expected indices from 0 to 9, got [-1]"),
        ({"frame_indices": [1, 5]}, [2], "must be among frame_indices, expected [2] too, got [1, 5]"),
    ],
)
def test_fewer_frames_than_asked_for_are_refused(selection, required, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Selection(**selection).indices(10, 30.0, required)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"num_frames": 4, "fps": 2},
            "give one of num_frames, fps and frame_indices, got {'num_frames': 4, 'fps': 2}",
        ),
        ({"num_frames": 0}, "num_frames must be a whole number of at least 1, got 0"),
        ({"num_frames": 2.5}, "num_frames must be a whole number of at least 1, got 2.5"),
        ({"fps": 0}, "fps must be a number above 0, got 0"),
        ({"fps": [2.0]}, "fps must be a number above 0, got [2.0]"),
        ({"frame_indices": []}, "in increasing order, got []"),
        ({"frame_indices": [5, 3]}, "in increasing order, got [5, 3]"),
        ({"frame_indices": [3, 3]}, "in increasing order, got [3, 3]"),
        ({"frame_indices": [0.0]}, "frame_indices must be whole numbers"),
    ],
)
def test_a_selection_checks_itself(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Selection(**arguments)


def test_a_rate_needs_that_of_the_video():
    with pytest.raises(ValueError, match=r"fps=2 needs the frame rate of the video"):
        Selection(fps=2).indices(10)


def test_rate_of_selected_frames():
    assert selected_rate([100, 101], 30.0) == 30.0
    assert selected_rate([0, 199], 30.0) == pytest.approx(30 / 199)
    assert selected_rate([7], 25.0) == 25.0
