import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dataset_builders.conversation import to_messages
from dataset_builders.errors import InputError

torch = pytest.importorskip("torch", reason="needs the model extra")
transformers = pytest.importorskip("transformers", reason="needs the model extra")
from evaluate_metrics.backends import BackendOptions, open_backend  # noqa: E402
from evaluate_metrics.backends.transformers import TransformersBackend  # noqa: E402


def opened(folder, max_new_tokens=1) -> TransformersBackend:
    return open_backend(BackendOptions("transformers", str(folder), max_new_tokens, folder))


def completed(backend, conversations) -> list[str]:
    completions = backend.complete(backend.prepare(conversations))
    assert all(completion.error is None for completion in completions)
    return [completion.text for completion in completions]


@pytest.fixture(scope="module")
def backend(model_dir):
    return opened(model_dir, 6)


@pytest.fixture(scope="module")
def conversations(records):
    noise = np.random.default_rng(0).integers(0, 256, (4, 56, 56, 3), dtype=np.uint8)
    frames = [Image.fromarray(picture) for picture in noise]
    return [to_messages(record, frames) for record in records[:5]]


def test_video_pixels_reach_the_model_and_blind_has_none(backend, conversations, records):
    seen = backend.prepare(conversations[:2])
    assert seen["video_grid_thw"].tolist() == [[2, 4, 4]] * 2
    assert seen["pixel_values_videos"].shape[0] == 2 * 2 * 4 * 4
    blind = backend.prepare([to_messages(record, None) for record in records[:2]])
    assert set(blind) & {"pixel_values_videos", "video_grid_thw", "pixel_values"} == set()
    video_token = backend._model.config.video_token_id
    assert (seen["input_ids"] == video_token).sum() == 2 * 2 * 2 * 2
    assert (blind["input_ids"] == video_token).sum() == 0


def test_prompts_are_those_of_the_processor_s_own_template(backend, conversations):
    ours = backend.prepare(conversations)
    theirs = backend._processor.apply_chat_template(
        conversations,
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_answer_does_not_depend_on_its_neighbours(backend, conversations, records):
    mixed = [*conversations, to_messages(records[5], None)]
    alone = [completed(backend, [conversation])[0] for conversation in mixed]
    assert completed(backend, mixed) == alone
    assert completed(backend, mixed[::-1]) == alone[::-1]


def written_ids(backend, conversation) -> list[int]:
    """Let the model answer one conversation by itself; return the tokens that it writes."""
    encoded = backend.prepare([conversation])
    return backend._model.generate(**encoded)[0, encoded["input_ids"].shape[1] :].tolist()


def decoded(backend, ids: list[int]) -> str:
    return backend._processor.tokenizer.decode(ids, skip_special_tokens=True)


def test_an_answer_stops_at_the_end_token(backend, conversations, monkeypatch):
    """Declare the first token that the model writes an end: the answer is that token alone, whoever is beside it."""
    before = [written_ids(backend, conversation) for conversation in conversations]
    assert completed(backend, conversations) == [decoded(backend, ids) for ids in before]
    first = before[0][0]
    assert len(before[0]) > 1 and any(first not in ids for ids in before)
    monkeypatch.setattr(backend._model.generation_config, "eos_token_id", [first])
    # Tokens, not text: pieces of a character all look alike once decoded.
    cut = [ids[: ids.index(first) + 1] if first in ids else ids for ids in before]
    expected = [decoded(backend, ids) for ids in cut]
    assert completed(backend, conversations) == expected and completed(backend, conversations[::-1]) == expected[::-1]


def test_gates_are_those_of_the_prompt_without_its_padding(backend, conversations, records):
    """The model itself tells the gates of a forward pass, of each conversation alone."""
    both = [conversations[0], to_messages(records[5], None)]
    found = [completion.gates for completion in backend.complete(backend.prepare(both))]
    for gates, conversation in zip(found, both, strict=True):
        own = backend._model(**backend.prepare([conversation]), output_gates=True).gates
        np.testing.assert_allclose(gates, own[:, 0].mean(dim=1).detach(), atol=1e-4)


def test_a_model_without_a_router_has_no_gates(backend, conversations, monkeypatch):
    monkeypatch.setattr(backend._model.config, "gate_mode", "off")
    assert backend.complete(backend.prepare(conversations[:1]))[0].gates is None


def test_sampling_of_the_folder_is_switched_off(model_dir, tmp_path, conversations, backend):
    folder = tmp_path / "sampling"
    shutil.copytree(model_dir, folder)
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(
        json.dumps(config | {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0})
    )
    sampling = opened(folder, 6)
    assert completed(sampling, conversations) == completed(backend, conversations)


def test_accelerate_lays_the_model_out(model_dir, conversations, backend, monkeypatch):
    """Make out to have two GPUs: accelerate then finds that there is a CPU only, and the answers are the same."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    spread = opened(model_dir, 6)
    assert spread.describe()["num_devices"] == 2
    assert completed(spread, conversations) == completed(backend, conversations)


def test_tokens_are_counted(backend, conversations):
    completions = backend.complete(backend.prepare(conversations))
    alone = [backend.prepare([conversation])["input_ids"].shape[1] for conversation in conversations]
    assert [completion.tokens_in for completion in completions] == alone
    written = [written_ids(backend, conversation) for conversation in conversations]
    assert [completion.tokens_out for completion in completions] == [len(ids) for ids in written]


def test_images_are_shown_as_images(backend, records):
    images = [{"type": "image", "image": Image.new("RGB", (56, 56), (index, 0, 0))} for index in range(3)]
    question = {"type": "text", "text": records[0]["question"]}
    conversations = [[{"role": "user", "content": [*images[:count], question]}] for count in (1, 3, 0)]
    prepared = backend.prepare(conversations)
    assert prepared["image_grid_thw"].tolist() == [[1, 4, 4]] * 4
    assert len(completed(backend, conversations)) == 3


def test_stock_qwen_runs_too(model_dir, tmp_path, conversations):
    processor = transformers.AutoProcessor.from_pretrained(model_dir, trust_remote_code=True)
    ours = transformers.AutoConfig.from_pretrained(model_dir, trust_remote_code=True)
    config = transformers.Qwen2_5_VLConfig(
        text_config=ours.text_config.to_dict(),
        vision_config=ours.vision_config.to_dict(),
        tie_word_embeddings=True,
        **{name: getattr(ours, name) for name in ("video_token_id", "image_token_id", "vision_start_token_id")},
    )
    torch.manual_seed(0)
    transformers.Qwen2_5_VLForConditionalGeneration(config).save_pretrained(tmp_path)
    parts = (processor.image_processor, processor.tokenizer, processor.video_processor)
    transformers.Qwen2_5_VLProcessor(*parts, chat_template=processor.chat_template).save_pretrained(tmp_path)
    backend = opened(tmp_path, 3)
    assert all(isinstance(text, str) for text in completed(backend, conversations))
    assert type(backend._model) is transformers.Qwen2_5_VLForConditionalGeneration


@pytest.fixture
def changed_model(model_dir, tmp_path):
    shutil.copytree(model_dir, tmp_path / "model")
    return tmp_path / "model"


def test_a_folder_without_model(tmp_path):
    with pytest.raises(InputError, match="--model: holds no config.json"):
        opened(tmp_path)


def test_a_config_of_no_model(changed_model):
    (changed_model / "config.json").write_text("{}")
    with pytest.raises(InputError, match="--model: cannot be loaded"):
        opened(changed_model)


def test_truncated_weights(changed_model):
    weights = changed_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InputError, match="--model: cannot be loaded"):
        opened(changed_model)


def test_missing_weights_are_not_made_up(changed_model):
    from safetensors.torch import load_file, save_file

    weights = load_file(changed_model / "model.safetensors")
    gone = sorted(name for name in weights if "layers.0.mlp.down_proj" in name)
    save_file(
        {name: value for name, value in weights.items() if name not in gone}, changed_model / "model.safetensors"
    )
    with pytest.raises(InputError, match=r"--model: .*lacks .*down_proj|down_proj.*weights that are missing"):
        opened(changed_model)


def test_a_missing_processor(changed_model):
    for pattern in ("tokenizer*", "processor_config.json"):
        for path in changed_model.glob(pattern):
            path.unlink()
    with pytest.raises(InputError, match="--model: cannot be loaded"):
        opened(changed_model)
