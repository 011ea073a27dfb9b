import pytest
import torch
from transformers import Qwen2_5_VLProcessor


def test_tensors_are_those_of_qwen(processor, frames):
    parts = (processor.image_processor, processor.tokenizer, processor.video_processor)
    qwen = Qwen2_5_VLProcessor(*parts, chat_template=processor.chat_template)
    arguments = {
        "text": ["<|vision_start|><|video_pad|><|vision_end|>one", "<|vision_start|><|image_pad|><|vision_end|>two"],
        "videos": [frames(5)],
        "images": [frames(1, seed=1)[0]],
        "padding": True,
        "return_tensors": "pt",
    }
    expected, found = qwen(**arguments), processor(**arguments)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


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
