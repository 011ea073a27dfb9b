"""The tensors are those of Qwen2.5-VL's processor on the same frames, and what cannot be prepared is refused."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen2_5_VLProcessor

from modeling_spacevista.regions import draw_regions
from modeling_spacevista.selection import Selection, selected_rate

from .test_decoding import decode_all, encode


def test_a_frame_becomes_twelve_tokens(processor, encode, frames):
    for size in ((224, 168), (448, 336)):
        batch = encode([frames(8, size)])
        assert batch["video_grid_thw"].tolist() == [[4, 6, 8]]
        assert (batch["input_ids"] == processor.video_token_id).sum() == 48


def test_batches_mix_prompts_with_and_without_video(processor, encode, frames):
    batch = encode([frames(4), None, frames(8)])
    assert batch["video_grid_thw"].tolist() == [[2, 6, 8], [4, 6, 8]]
    assert (batch["input_ids"] == processor.video_token_id).sum(1).tolist() == [24, 0, 48]
    assert (batch["mm_token_type_ids"] == 2).sum(1).tolist() == [24, 0, 48]
    assert batch["attention_mask"][1, 0] == 0 and batch["attention_mask"][:, -1].all()
    assert set(encode([None, None])) == {"input_ids", "attention_mask", "mm_token_type_ids"}


def test_no_warning_about_metadata_or_sampling(encode, frames, caplog, recwarn):
    encode([frames(4), None])
    assert [record.message for record in caplog.records] == []
    assert [str(w.message) for w in recwarn] == []


@pytest.mark.parametrize("nested", [False, True])
def test_frames_of_different_sizes_are_refused(processor, frames, nested):
    video = [*frames(2, (224, 168)), *frames(1, (168, 224))]
    message = r"expected \(224, 168\) as in frame 0, got \(168, 224\) in frame 2"
    with pytest.raises(ValueError, match=message):
        processor(text=["<|video_pad|>"], videos=[[video]] if nested else [video])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("processor") / "video.mp4")


@pytest.fixture
def qwen(processor):
    parts = (processor.image_processor, processor.tokenizer, processor.video_processor)
    return Qwen2_5_VLProcessor(*parts, chat_template=processor.chat_template)


def _assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        assert type(found[name]) is type(expected[name]), name
        assert torch.equal(torch.as_tensor(found[name]), torch.as_tensor(expected[name])), name


def _array(pictures):
    return np.stack([np.asarray(picture) for picture in pictures])


FORMS = {
    "pictures": lambda pictures: pictures,
    "array": _array,
    "tensor": lambda pictures: torch.from_numpy(_array(pictures)),
    "channels_first": lambda pictures: torch.from_numpy(_array(pictures)).permute(0, 3, 1, 2),
    "float": lambda pictures: torch.from_numpy(_array(pictures)).permute(0, 3, 1, 2).float(),
    "arrays": lambda pictures: [np.asarray(picture) for picture in pictures],
}
ONE, TWO = "<|vision_start|><|video_pad|><|vision_end|>one", "<|vision_start|><|image_pad|><|vision_end|>two"
BATCHES = {
    "image": ([TWO], [1], []),
    "images": ([TWO + TWO, TWO], [1, 1, 1], []),
    "video": ([ONE], [], [4]),
    "odd": ([ONE], [], [5]),
    "single": ([ONE], [], [1]),
    "videos": ([ONE, ONE + ONE], [], [4, 7, 4]),
    "mixed": ([ONE + TWO, "text", TWO + ONE], [1, 1], [3, 6]),
    "text": (["text", "alone"], [], []),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("return_tensors", ["pt", "np"])
def test_tensors_are_those_of_qwen_whatever_the_frames_come_as(processor, qwen, frames, form, batch, return_tensors):
    text, images, videos = BATCHES[batch]
    sizes = [(224, 168), (120, 300), (224, 168)]
    arguments = {
        "text": text,
        "images": [frames(1, size, seed)[0] for seed, (_, size) in enumerate(zip(images, sizes, strict=False))]
        or None,
        "videos": [
            FORMS[form](frames(number, size, seed))
            for seed, (number, size) in enumerate(zip(videos, sizes, strict=False))
        ]
        or None,
        "padding": True,
        "return_tensors": return_tensors,
    }
    _assert_equal(processor(**arguments), qwen(**arguments))


@pytest.mark.parametrize("read", [str, lambda path: path, lambda path: path.read_bytes()])
@pytest.mark.parametrize(
    "choice", [{}, {"num_frames": 16}, {"num_frames": 5}, {"fps": 2.5}, {"frame_indices": [3, 4, 50]}]
)
def test_tensors_of_a_file_are_those_of_qwen_on_its_frames(processor, qwen, path, read, choice):
    indices = Selection(**choice).indices(60, 30.0)
    rate = selected_rate(indices, 30.0)
    metadata = [{"total_num_frames": len(indices), "fps": rate, "frames_indices": list(range(len(indices)))}]
    expected = qwen(text=[ONE], videos=[decode_all(path)[indices]], video_metadata=metadata, return_tensors="pt")
    found = processor(text=[ONE], videos=[read(path)], return_tensors="pt", **choice)
    _assert_equal(found, expected)
    assert found["second_per_grid_ts"].tolist() == pytest.approx([2 / rate])
    _assert_equal(processor(text=[ONE], videos=[read(path)], return_tensors="pt", videos_kwargs=choice), expected)


@pytest.mark.parametrize("form", ["array", "tensor", "pictures", "batch"])
def test_a_video_need_not_be_in_a_list(processor, qwen, frames, form):
    pictures = frames(4)
    videos = np.stack([_array(pictures)]) if form == "batch" else FORMS[form](pictures)
    _assert_equal(
        processor(text=[ONE], videos=videos, return_tensors="pt"),
        qwen(text=[ONE], videos=[_array(pictures)], return_tensors="pt"),
    )


def test_metadata_of_given_frames_means_what_it_means_to_qwen(processor, qwen, frames):
    arguments = {
        "text": [ONE, ONE],
        "videos": [frames(4), frames(6)],
        "video_metadata": [
            [{"total_num_frames": 40, "fps": 20.0, "frames_indices": [0, 10, 20, 30]}],
            [{"total_num_frames": 6, "fps": 3.0}],
        ],
        "return_tensors": "pt",
        "return_metadata": True,
        "padding": True,
    }
    found, expected = processor(**arguments), qwen(**arguments)
    assert torch.equal(found["second_per_grid_ts"], expected["second_per_grid_ts"])
    assert [m.frames_indices for m in found["video_metadata"]] == [[0, 10, 20, 30], [0, 1, 2, 3, 4, 5]]


def _ask(*parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": "How far is the lamp?"}]}]


CHAT = {"tokenize": True, "return_dict": True, "return_tensors": "pt", "add_generation_prompt": True}
POINT = {"frame_index": 31, "kind": "point", "colour": "red", "point": [30, 20]}


def test_a_conversation_says_what_it_wants_of_each_video(processor, qwen, path, frames):
    image, given = frames(1)[0], frames(6)
    parts = [
        {"type": "video", "video": str(path), "num_frames": 4, "regions": [POINT]},
        {"type": "image", "image": image},
        {"type": "video", "video": given, "frame_indices": [0, 5]},
    ]
    conversation = _ask(*parts)
    before = [{**message, "content": [dict(part) for part in message["content"]]} for message in conversation]
    found = processor.apply_chat_template(conversation, **CHAT)
    assert conversation == before

    indices = Selection(num_frames=4).indices(60, required=[31])
    decoded = [Image.fromarray(frame) for frame in decode_all(path)[indices]]
    decoded[indices.index(31)] = draw_regions(decoded[indices.index(31)], [POINT])
    metadata = [
        {"total_num_frames": 4, "fps": selected_rate(indices, 30.0), "frames_indices": [0, 1, 2, 3]},
        {"total_num_frames": 2, "fps": None, "frames_indices": [0, 1]},
    ]
    prompt = processor.apply_chat_template(conversation, add_generation_prompt=True)
    expected = qwen(
        text=[prompt],
        images=[image],
        videos=[decoded, [given[0], given[5]]],
        video_metadata=metadata,
        return_tensors="pt",
    )
    _assert_equal(found, expected)


def test_arguments_of_a_call_are_for_all_videos_that_do_not_say_otherwise(processor, path):
    parts = [{"type": "video", "video": str(path)}, {"type": "video", "path": str(path), "fps": 10}]
    arguments = {"num_frames": 4, "padding": True}
    found = processor.apply_chat_template([_ask(parts[0]), _ask(parts[1])], processor_kwargs=arguments, **CHAT)
    assert found["video_grid_thw"][:, 0].tolist() == [2, 10]
    prompts = [processor.apply_chat_template(_ask(part), add_generation_prompt=True) for part in parts]
    called = processor(
        text=prompts,
        videos=[str(path), {"video": path.read_bytes(), "fps": 10}],
        num_frames=4,
        regions=[None, []],
        padding=True,
        return_tensors="pt",
    )
    _assert_equal(called, found)


def test_frames_with_regions_are_always_selected(processor, path):
    arguments = {"text": [ONE], "videos": [path], "num_frames": 4, "return_tensors": "pt", "return_metadata": True}
    plain, marked = processor(**arguments), processor(**arguments, regions=[[POINT]])
    assert plain["video_metadata"][0].frames_indices == [0, 20, 39, 59]
    assert marked["video_metadata"][0].frames_indices == [0, 20, 31, 59]
    assert not torch.equal(plain["pixel_values_videos"], marked["pixel_values_videos"])


def test_frames_that_are_already_sampled_stay_as_they_are(processor, frames):
    """As Qwen's own tools say it: the frame rate beside frames that are not to be sampled again."""
    batch = processor(text=[ONE], videos=[frames(6)], fps=2.0, do_sample_frames=False, return_tensors="pt")
    assert batch["video_grid_thw"][0, 0] == 3


@pytest.mark.parametrize(("limit", "most"), [("max_frame_pixels", 4000), ("max_video_pixels", 24000)])
def test_pixels_are_limited(processor, frames, limit, most):
    videos = [frames(6), frames(4, (112, 224)), frames(24)]
    batch = processor(text=[ONE * 3], videos=videos, **{limit: most}, return_tensors="pt")
    free = processor(text=[ONE * 3], videos=videos, return_tensors="pt")
    start = 0
    for video, grid, unlimited in zip(videos, batch["video_grid_thw"], free["video_grid_thw"], strict=True):
        _, height, width = (14 * grid).tolist()
        pixels = height * width * (len(video) if limit == "max_video_pixels" else 1)
        assert most / 6 < pixels <= most
        assert grid.prod() <= unlimited.prod()
        # Each for itself: the same as without the others in the batch.
        alone = processor(text=[ONE], videos=[video], **{limit: most}, return_tensors="pt")
        end = start + grid.prod()
        assert torch.equal(alone["pixel_values_videos"], batch["pixel_values_videos"][start:end])
        start = end


def test_limits_that_change_nothing_leave_the_tensors_of_qwen(processor, qwen, frames):
    arguments = {"text": [ONE], "videos": [frames(4)], "return_tensors": "pt"}
    _assert_equal(processor(**arguments, max_frame_pixels=10**9, max_video_pixels=10**9), qwen(**arguments))


def test_geometry_follows_the_tokens_of_images_then_videos(processor, path, frames):
    shapes = {"image": (1, 3, 4, 7), "given": (2, 3, 4, 7), "file": (2, 3, 4, 7)}
    geometry = {name: torch.rand(shape, generator=torch.manual_seed(0)) for name, shape in shapes.items()}
    parts = [
        {"type": "video", "video": frames(4), "geometry": geometry["given"]},
        {"type": "image", "image": frames(1)[0], "geometry": geometry["image"].numpy()},
        {"type": "video", "video": frames(60), "num_frames": 4, "geometry": geometry["file"]},
    ]
    batch = processor.apply_chat_template(_ask(*parts), **CHAT)
    ordered = [geometry["image"], geometry["given"], geometry["file"]]
    assert torch.equal(batch["image_geometry"], geometry["image"].flatten(0, 2))
    assert torch.equal(batch["video_geometry"], torch.cat([tokens.flatten(0, 2) for tokens in ordered[1:]]))
    visual = (batch["mm_token_type_ids"] > 0).sum()
    assert len(batch["image_geometry"]) + len(batch["video_geometry"]) == visual
    assert {"image_geometry", "video_geometry"} <= set(processor.model_input_names)
    arguments = {"text": [TWO + ONE + ONE], "images": [frames(1)[0]], "videos": [frames(4), frames(4)]}
    called = processor(**arguments, geometry=ordered, return_tensors="pt")
    assert all(torch.equal(called[name], batch[name]) for name in ("image_geometry", "video_geometry"))
    assert not {"image_geometry", "video_geometry"} & set(processor(**arguments, return_tensors="pt"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"geometry": [torch.ones(1, 3, 4, 2)]}, "expected (2, 3, 4, 2), got (1, 3, 4, 2)"),
        ({"geometry": []}, "geometry needs one tensor per image and video, expected 1, got 0"),
        ({"regions": []}, "regions needs one entry per video, expected 1, got 0"),
        ({"regions": [[{**POINT, "frame_index": 4}]]}, "a whole number from 0 to 3, got 4"),
        ({"num_frames": 5}, "the video has too few frames, expected num_frames=5, got 4"),
        ({"num_frames": 2, "fps": 1}, "give one of num_frames, fps and frame_indices"),
        ({"fps": 1}, "fps=1 needs the frame rate of the video"),
        ({"max_frame_pixels": 0}, "max_frame_pixels must be above 0, got 0"),
        ({"max_video_pixels": 1000}, "expected at most 250 pixels after resizing, got at least 28x28"),
        ({"video_metadata": [{"total_num_frames": 4}] * 2}, "one entry per video, expected 1, got 2"),
        (
            {"videos": ["https://example.org/a.mp4"]},
            "never fetched, got 'https://example.org/a.mp4'; download it first",
        ),
        ({"videos": [{"video": []}]}, "one video of at least one frame, expected 1, got 0"),
        ({"videos": [{"video": ["a.mp4", "b.mp4"]}]}, "one video of at least one frame, expected 1, got 2"),
        ({"videos": [np.zeros((0, 28, 28, 3), np.uint8)]}, "a video has no frames, expected at least one, got 0"),
        ({"videos": [np.zeros((2, 28, 28, 3), np.int32)]}, "must be uint8 or floating point, got int32"),
        (
            {
                "videos": [{"video": [Image.new("RGB", (28, 28))], "regions": [{**POINT, "frame_index": 0}]}],
                "regions": [[POINT]],
            },
            "regions of a video must be given once",
        ),
    ],
)
def test_bad_input_is_refused(processor, frames, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        processor(**{"text": [ONE], "videos": [frames(4)], **arguments}, return_tensors="pt")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "image", "image": None, "regions": [POINT]}, "an image takes geometry alone, got ['regions']"),
        ({"type": "image", "image": None, "geometry": torch.ones(1, 3, 4, 2)}, "expected 2, got 1"),
    ],
)
def test_bad_parts_are_refused(processor, frames, part, message):
    parts = [{**part, "image": frames(1)[0]}, {"type": "video", "video": frames(4)}]
    with pytest.raises(ValueError, match=re.escape(message)):
        processor.apply_chat_template(_ask(*parts), **CHAT)


def test_a_video_becomes_an_answer(model, processor, path):
    """The example of the README."""
    part = {"type": "video", "video": str(path), "num_frames": 4, "regions": [POINT]}
    inputs = processor.apply_chat_template(_ask(part), **CHAT)
    output = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    answer = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert len(answer) == 1 and isinstance(answer[0], str)
