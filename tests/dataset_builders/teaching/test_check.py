"""What a teacher may write, and what not."""

import pytest

from dataset_builders.teaching.check import is_same_answer, rejection

THOUGHT = (
    "In the first image I see a bed on the left and a lamp beside it. The second image shows the bed again, now on "
    "the right, and a door is new in it. So the lamp stands between the bed and the door, and the door is farther "
    "back. Facing the lamp from the bed, I have the door on my right hand, which makes it the northeast."
)
ROW = {
    "question": "If the lamp is north of the bed, in which direction from the bed is the door?",
    "options": ["south", "northeast", "north"],
    "answer": "B",
    "unit": "",
    "regions": [],
}
LENGTH = ROW | {"question": "How far is the door from the bed?", "options": [], "answer": "2.4", "unit": "m"}


def test_a_good_explanation_is_kept():
    assert rejection(ROW, THOUGHT, "northeast", 2) is None
    assert rejection(LENGTH, THOUGHT.replace("the northeast", "2.4 m"), "2.4 m", 2) is None
    assert rejection(ROW, THOUGHT.replace("first image", "image").replace("second image", "view"), "B", 1) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("the northeast.", "the north.", "rationale does not end in the answer"),
        ("the northeast.", "the northeast. Or the south.", "rationale does not end in the answer"),
        ("a lamp beside it", "a lamp 2 m from it", "rationale has a number of its own"),
        ("farther back", "farther back by two and a half meters", "rationale has a number of its own"),
        ("farther back", "farther back by twenty to thirty degrees", "rationale has a number of its own"),
        ("farther back", "farther back by half a metre", "rationale has a number of its own"),
        ("farther back", "one of two doors", None),
        ("farther back", "farther along the z-axis", "rationale speaks of axes or coordinates"),
        ("farther back", "farther along Z", "rationale speaks of axes or coordinates"),
        ("farther back", "at larger coordinates", "rationale speaks of axes or coordinates"),
        ("farther back", "farther up in the top view", "rationale speaks of the view from above"),
        ("farther back", "farther up in the bird's-eye view", "rationale speaks of the view from above"),
        ("farther back", "farther up in the drawing", "rationale speaks of the view from above"),
        ("farther back", "farther back according to the ground truth", "rationale speaks of given answers"),
        ("farther back", "in line with the given answer", "rationale speaks of given answers"),
        ("farther back", "the blue dot", "rationale speaks of coloured dots"),
        ("I have the door on my", "the door is on the", None),
        ("farther back", "**farther** back", "rationale has markup"),
        ("farther back", "farther back\x1b[2J", "rationale has markup"),
        ("farther back", "门在后面", "rationale is in another language"),
        ("The second image shows", "It also shows", "rationale does not describe the images in their order"),
    ],
)
def test_what_an_explanation_must_not_say(old, new, reason):
    assert old in THOUGHT
    assert rejection(ROW, THOUGHT.replace(old, new), "northeast", 2) == reason


@pytest.mark.parametrize(
    ("thought", "reason"),
    [
        ("", "rationale is empty"),
        (THOUGHT * 20, "rationale is too long"),
        (
            "Im ersten Bild sehe ich links ein Bett und daneben eine Lampe. Im zweiten Bild (second image) ist das "
            "Bett rechts. Auch die Tür ist da. Also liegt sie von der first image aus northeast",
            "rationale is in another language",
        ),
        (THOUGHT.replace("I ", "one ").replace("my", "the"), "rationale is not in the first person"),
        ("In the first image I see it and in the second image, so it is northeast.", "rationale is too short"),
        (
            "In the second image I see the bed. It is there. In the first image it is not. It is to the northeast.",
            "rationale does not describe the images in their order",
        ),
    ],
)
def test_an_explanation_has_four_parts_in_the_first_person_and_in_english(thought, reason):
    assert rejection(ROW, thought, "northeast", 2).startswith(reason)


@pytest.mark.parametrize(
    ("row", "answer", "same"),
    [
        (ROW, "northeast", True),
        (ROW, "B", True),
        (ROW, "B. northeast", True),
        (ROW, "b) Northeast.", True),
        (ROW, "A", False),
        (ROW, "north", False),
        (ROW, "A. northeast", False),
        (ROW, "northeast or south", False),
        (LENGTH, "2.4 m", True),
        (LENGTH, "2.5 m", False),
        (LENGTH, "2.4", False),
        (LENGTH, "2.4 cm", False),
    ],
)
def test_the_answer_must_be_the_computed_one(row, answer, same):
    assert is_same_answer(row, answer) is same
    thought = THOUGHT if row is ROW else THOUGHT.replace("the northeast", "2.4 m")
    assert rejection(row, thought, answer, 2) == (None if same else "answer changed")


def test_marks_and_names_of_the_question_may_be_spoken_of():
    marked = ROW | {"regions": [{"kind": "point"}]}
    assert rejection(marked, THOUGHT.replace("farther back", "at the red point"), "B", 2) is None
    assert (
        rejection(ROW, THOUGHT.replace("farther back", "by the map"), "B", 2)
        == "rationale speaks of the view from above"
    )
    assert rejection(ROW, THOUGHT.replace("farther back", "by the map"), "B", 2, ["map"]) is None
