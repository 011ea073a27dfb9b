"""Rows of general data, in the forms in which public datasets hold them."""

import io
import pickle

import pytest
from PIL import Image

from dataset_builders.conversation import to_messages
from dataset_builders.general import RowError, general_messages, row_name

RED, BLUE = Image.new("RGB", (8, 6), "red"), Image.new("L", (4, 4))


def _stored(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def _shape(messages):
    """What the messages hold, pictures by their size."""
    return [
        (message["role"], [part.get("text") or part[part["type"]].size for part in message["content"]])
        for message in messages
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<image>Which colour, and <image> which size?",
        [
            {"type": "image", "text": None},
            {"type": "text", "text": "Which colour, and "},
            {"type": "image", "text": None},
            {"type": "text", "text": " which size?"},
        ],
    ],
)
@pytest.mark.parametrize("images", [[RED, BLUE], [_stored(RED), _stored(BLUE)]])
def test_images_stand_where_the_messages_have_places(content, images):
    row = {
        "messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "Red."}],
        "images": images,
    }
    asked = ("user", [(8, 6), "Which colour, and ", (4, 4), " which size?"])
    assert _shape(to_messages(row, None, True)) == [asked, ("assistant", ["Red."])]
    assert _shape(to_messages(row, None)) == [asked]
    assert all(part["image"].mode == "RGB" for part in general_messages(row)[0]["content"] if part["type"] == "image")


def test_without_places_images_come_first_in_the_first_question():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]
    row = {"messages": messages, "images": [RED, BLUE], "videos": None}
    assert _shape(general_messages(row)) == [("system", ["Be brief."]), ("user", [(8, 6), (4, 4), "What?"])]
    assert messages[1] == {"role": "user", "content": "What?"}


def test_a_mark_is_text_where_there_are_no_images():
    row = {"messages": [{"role": "user", "content": "What does <image> mean in HTML?"}]}
    assert _shape(general_messages(row)) == [("user", ["What does <image> mean in HTML?"])]


def test_a_video_is_a_list_of_pictures_or_a_file():
    row = {"messages": [{"role": "user", "content": "<video>What?"}], "videos": [[_stored(RED), RED]]}
    [part, _] = general_messages(row)[0]["content"]
    assert [frame.size for frame in part["video"]] == [(8, 6), (8, 6)]
    for video, expected in (({"bytes": b"mp4", "path": None}, b"mp4"), ({"bytes": None, "path": "a.mp4"}, "a.mp4")):
        [part, _] = general_messages({**row, "videos": [video]})[0]["content"]
        assert part == {"type": "video", "video": expected}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, "r1: images: holds 0 for 1 places in the messages; give one for each"),
        ({"images": [RED, RED]}, "r1: images: holds 2 for 1 places"),
        ({"images": [{"bytes": b"no picture", "path": None}]}, "r1: image 0: cannot be decoded (cannot identify"),
        ({"images": [{"bytes": _stored(RED)["bytes"][:40], "path": None}]}, "r1: image 0: cannot be decoded ("),
        ({"messages": []}, "r1: messages: are none"),
        ({"messages": [{"role": "tool", "content": "3"}]}, "r1: messages: role 'tool' is unknown"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(change, message):
    part = [{"type": "image"}, {"type": "text", "text": "What?"}]
    row = {"id": "r1", "messages": [{"role": "user", "content": part}], "images": [RED], **change}
    with pytest.raises(RowError) as caught:
        general_messages(row)
    assert str(caught.value).startswith(message)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_error_survives_the_worker_of_a_data_loader():
    """It arrives as the text of a traceback, from which PyTorch makes an error of the same class."""
    error = RowError("scene 7", "frame 2", "cannot be decoded (broken: data; end)", "repair or remove it")
    trace = f"Original Traceback:\n  raise error\ndataset_builders.general.RowError: {error}\n"
    again = RowError(f"Caught RowError in DataLoader worker process 0.\n{trace}")
    assert (str(again), again.place, again.fix) == (str(error), "scene 7", "repair or remove it")


def test_a_row_without_an_id_is_named_by_its_text():
    assert row_name({"messages": [{"role": "user", "content": [{"type": "text", "text": "What  is\nit?"}]}]}) == (
        "row 'What is it?'"
    )
