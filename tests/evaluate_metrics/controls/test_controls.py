import numpy as np
import pytest
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.masks import encode_mask
from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls import CONDITIONS, CONTROLS, choose_controls
from evaluate_metrics.controls.base import replace_options
from evaluate_metrics.controls.prior import prior_answers
from evaluate_metrics.controls.unanswerable import ABSENT, PERMISSION, abstains

CHOICE = {
    "id": "q",
    "task": "relative_distance",
    "answer_type": "multiple_choice",
    "question": "Which is nearest?",
    "options": ["cup", "bowl", "plate", "pan"],
    "answer": "B",
    "unit": "",
    "regions": [],
    "key_frames": [],
    "shown_as": "video",
}
COUNT = CHOICE | {"task": "object_counting", "answer_type": "regression", "options": [], "answer": "3"}


def noise(number=5, size=(40, 30)) -> Shown:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (number, size[1], size[0], 3), dtype=np.uint8)
    return Shown(tuple(Image.fromarray(picture) for picture in pictures), tuple(range(0, 2 * number, 2)))


def apply(name, record=CHOICE, shown=None, seed=0):
    condition = CONDITIONS[name]
    assert condition.applies(record)
    return condition.change(record, noise() if shown is None else shown, np.random.default_rng(seed))


def arrays(shown) -> list[np.ndarray]:
    return [np.asarray(image) for image in shown.images]


MARKED = CHOICE | {
    "regions": [{"frame_index": 4, "kind": "point", "colour": "red", "point": [20, 15], "bbox": None, "mask": None}],
    "anchors": {"semantics": ["cup"]},
    "question": "How far is the cup?",
    "key_frames": [4],
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_controls_are_pure_and_repeat_themselves(name):
    record = MARKED | {"options": ["on the left", "on the right", "no", "yes", "1", "2", "3", "4"], "answer": "A"}
    if name == "repeated":
        record = COUNT
    before, frames = repr(record), noise()
    pixels = [image.tobytes() for image in frames.images]
    first, again = (apply(name, record, frames, seed=3) for _ in range(2))
    assert repr(record) == before and [image.tobytes() for image in frames.images] == pixels
    assert first[0] == again[0]
    if first[1] is not None:
        assert first[1].indices == again[1].indices
        assert all(np.array_equal(one, two) for one, two in zip(arrays(first[1]), arrays(again[1]), strict=True))


def test_names_are_checked_and_blind_is_always_there():
    assert choose_controls(()) == ("blind",)
    assert choose_controls(["repeated", "shuffled"]) == ("blind", "shuffled", "repeated")
    assert choose_controls(["all"]) == tuple(CONTROLS)
    with pytest.raises(InputError, match="has no 'upside-down'"):
        choose_controls(["upside-down"])


def test_blind_shows_nothing_and_asks_the_same():
    assert apply("blind") == (CHOICE, None)


@pytest.mark.parametrize("seed", range(8))
def test_shuffled_frames_are_the_same_in_another_order(seed):
    _, shown = apply("shuffled", seed=seed)
    assert shown.indices != (0, 2, 4, 6, 8) and sorted(shown.indices) == [0, 2, 4, 6, 8]
    original = dict(zip(noise().indices, arrays(noise()), strict=True))
    assert all(np.array_equal(image, original[i]) for i, image in zip(shown.indices, arrays(shown), strict=True))
    assert apply("shuffled", shown=noise(1))[1].indices == (0,)


def test_one_frame_is_that_of_the_question():
    assert apply("one-frame")[1].indices == (4,)
    assert apply("one-frame", CHOICE | {"key_frames": [6]})[1].indices == (6,)


def test_repeated_video_is_for_counts():
    record, shown = apply("repeated", COUNT)
    assert shown.indices == (0, 2, 4, 6, 8) * 2 and record == COUNT
    assert not CONDITIONS["repeated"].applies(CHOICE)
    assert not CONDITIONS["repeated"].applies(COUNT | {"shown_as": "images"})


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_circular_options_take_their_letter_with_them(shift):
    record, _ = apply(f"circular-{shift}")
    assert record["options"]["ABCD".index(record["answer"])] == "bowl"
    assert sorted(record["options"]) == sorted(CHOICE["options"])
    assert record["options"][shift] == "cup"


def test_circular_applies_to_as_many_shifts_as_there_are():
    assert not CONDITIONS["circular-4"].applies(CHOICE)
    assert not CONDITIONS["circular-1"].applies(COUNT)


@pytest.mark.parametrize(
    "question",
    [
        "A. Which?\nA. cup\nB. bowl\nC. plate\nD. pan",
        "Which is a cup? Options: A: cup, B: bowl, C: plate, D: pan",
        "Which one? Select.\n(A) cup\n(B) bowl\n(C) plate\n(D) pan\nAnswer.",
    ],
)
def test_options_inside_a_question_are_moved_there(question):
    record = CHOICE | {"question": question, "options_in_question": True}
    changed = apply("circular-1", record)[0]["question"]
    start = question.rindex("cup")
    expected = question[:start] + question[start:].replace("cup", "1").replace("bowl", "2").replace("plate", "3")
    expected = expected.replace("pan", "plate").replace("3", "bowl").replace("2", "cup").replace("1", "pan")
    assert changed == expected


def test_options_that_the_question_does_not_list_are_left_alone():
    record = CHOICE | {"question": "A. cup B. jug", "options_in_question": True}
    assert replace_options(record, CHOICE["options"]) is None
    assert not CONDITIONS["circular-1"].applies(record)


def test_mirroring_swaps_pixels_and_answer():
    record = CHOICE | {"options": ["front-left", "front-right", "back-left"], "answer": "A"}
    changed, shown = apply("mirrored", record)
    assert changed["answer"] == "B"
    assert all(np.array_equal(one[:, ::-1], two) for one, two in zip(arrays(noise()), arrays(shown), strict=True))
    assert apply("mirrored", changed, shown)[0]["answer"] == "A"
    words = record | {"answer_type": "free_form", "options": [], "answer": "to the left of it"}
    assert apply("mirrored", words)[0]["answer"] == "to the right of it"


@pytest.mark.parametrize(
    "changed",
    [
        {"options": ["left", "back"], "answer": "A"},  # its mirror image is no option
        {
            "options": ["left", "right"],
            "answer": "A",
            "question": "What is left of the cup?",
        },  # neither is the question
        {"options": ["front", "back"], "answer": "A"},
        {"answer_type": "regression", "options": [], "answer": "3"},
        {"options": ["left", "right"], "answer": "A", "shown_as": None},
    ],
)
def test_mirroring_leaves_out_what_it_cannot_decide(changed):
    assert not CONDITIONS["mirrored"].applies(CHOICE | changed)


def test_a_question_that_offers_both_sides_is_about_neither():
    asked = {"question": "Is the tv to my left, right, or back?", "options": ["right", "back", "left"], "answer": "A"}
    assert apply("mirrored", CHOICE | asked)[0]["answer"] == "C"
    assert not CONDITIONS["mirrored"].applies(CHOICE | asked | {"question": "I turn left. Is it left, right or back?"})


def test_sides_among_options_in_the_question_do_not_count_as_asked_about():
    listed = {"question": "Where is it? A. left B. right", "options": ["left", "right"], "answer": "A"}
    assert CONDITIONS["mirrored"].applies(CHOICE | listed | {"options_in_question": True})


def test_absent_objects_are_asked_about_in_place_of_those_there():
    record, _ = apply("unanswerable-absent", MARKED)
    assert any(record["question"] == f"How far is the {name}?\n{PERMISSION}" for name in ABSENT)
    assert CONDITIONS["unanswerable-absent"].abstain and not CONDITIONS["unanswerable-answerable"].abstain
    assert not CONDITIONS["unanswerable-absent"].applies(MARKED | {"task": "object_counting"})
    assert not CONDITIONS["unanswerable-absent"].applies(CHOICE)
    permitted, _ = apply("unanswerable-answerable", MARKED)
    assert permitted == MARKED | {"question": f"How far is the cup?\n{PERMISSION}"}


MASK = np.zeros((30, 40), dtype=bool)
MASK[10:20, 15:25] = True


@pytest.mark.parametrize(
    "region",
    [
        {"kind": "point", "point": [20, 15]},
        {"kind": "bbox", "bbox": [15, 10, 25, 20]},
        {"kind": "mask", "mask": encode_mask(MASK)},
    ],
)
def test_occluded_objects_leave_no_pixel_behind(region):
    region = {"frame_index": 4, "colour": "red", "point": None, "bbox": None, "mask": None} | region
    _, shown = apply("unanswerable-occluded", MARKED | {"regions": [region]})
    other = Shown(tuple(Image.new("RGB", (40, 30)) for _ in range(5)), noise().indices)
    _, black = apply("unanswerable-occluded", MARKED | {"regions": [region]}, other)
    assert shown.indices == (4,)
    inside = (slice(12, 18), slice(17, 23))
    assert np.array_equal(arrays(shown)[0][inside], arrays(black)[0][inside])
    assert not np.array_equal(arrays(shown)[0][:5], arrays(black)[0][:5])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("cannot tell", True),
        ("I can't determine that.", True),
        ("The giraffe is not visible.", True),
        ("It cannot be answered", True),
        ("There is not enough information", True),
        ("3 m", False),
        ("the can on the table", False),
        ("B", False),
        ("", False),
    ],
)
def test_abstaining_is_recognised(answer, expected):
    assert abstains(answer) is expected


def test_the_prior_knows_the_median_and_the_most_frequent():
    lengths = [("1", "m"), ("200", "cm"), ("9", "m")]
    rows = [COUNT | {"task": "absolute_distance", "answer": answer, "unit": unit} for answer, unit in lengths]
    choices = [CHOICE | {"answer": letter} for letter in "ABB"]
    assert prior_answers(rows + choices) == ["2 m", "200 cm", "2 m", "B", "B", "B"]
