import pytest
import torch
import transformers
from packaging.version import Version

from modeling_spacevista import SpaceVistaProcessor, build_tiny_model
from modeling_spacevista.tiny import REPLY_TAGS


def test_same_seed_and_texts_give_the_same_model(built):
    texts = ["one two three"] * 3
    state = torch.get_rng_state()
    (first, p), (second, q), (other, _) = (
        build_tiny_model(texts),
        build_tiny_model(iter(texts)),
        build_tiny_model(texts, 1),
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert p.tokenizer.get_vocab() == q.tokenizer.get_vocab()
    weights = [model.state_dict() for model in (first, second, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    name = "model.language_model.embed_tokens.weight"
    assert not torch.equal(weights[0][name], weights[2][name])


def test_digits_are_single_tokens_and_text_comes_back(processor):
    tokenizer = processor.tokenizer
    assert tokenizer.tokenize("12.5") == ["1", "2", ".", "5"]
    for text in ("There are 60 chairs.\n", "Ünïcödé → ≥ 3 m²", "<answer>A</answer>"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_reply_tags_are_one_token_each_and_survive_saving_and_decoding(processor, tmp_path):
    tags = [f"<{end}{name}>" for name in ("think", "semantics", "scale", "answer") for end in ("", "/")]
    assert sorted(tags) == sorted(REPLY_TAGS)
    reply = "<think>It is 9 cm.</think><semantics>cup</semantics><scale>62 cm</scale><answer>9 cm</answer>"
    processor.save_pretrained(tmp_path)
    for tokenizer in (processor.tokenizer, SpaceVistaProcessor.from_pretrained(tmp_path).tokenizer):
        ids = tokenizer(reply)["input_ids"]
        for tag in tags:
            (number,) = tokenizer(tag)["input_ids"]
            assert number == tokenizer.convert_tokens_to_ids(tag) and ids.count(number) == 1
        assert tokenizer.decode([*ids, tokenizer.eos_token_id], skip_special_tokens=True) == reply
        assert tokenizer(reply)["input_ids"] == processor.tokenizer(reply)["input_ids"]


def test_chat_template(processor):
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "video"}, {"type": "image"}, {"type": "text", "text": "Hi {{ x }}"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
    ]
    vision = "<|vision_start|><|video_pad|><|vision_end|><|vision_start|><|image_pad|><|vision_end|>"
    start = f"<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\n{vision}Hi {{{{ x }}}}<|im_end|>\n"
    prompt = processor.apply_chat_template(messages[:2], add_generation_prompt=True)
    assert prompt == start + "<|im_start|>assistant\n"
    assert processor.apply_chat_template(messages) == prompt + "Hello.<|im_end|>\n"


OLD = Version(transformers.__version__) < Version("5.23")


@pytest.mark.parametrize(
    "number",
    [0, pytest.param(4, marks=pytest.mark.skipif(OLD, reason="masks of older releases ignore the visual tokens"))],
)
def test_assistant_mask_covers_answer_and_end_of_turn(processor, encode, frames, number):
    videos = [frames(number) if number else None, None]
    batch = encode(videos, answer="12.5 cm", return_assistant_tokens_mask=True)
    masks = torch.as_tensor(batch["assistant_masks"]).bool()
    for ids, mask in zip(batch["input_ids"], masks, strict=True):
        assert processor.decode(ids[mask]) == "12.5 cm<|im_end|>"


def test_generation_never_writes_prompt_tokens(model, processor, encode, frames):
    config = model.generation_config
    names = ["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    assert config.suppress_tokens == processor.tokenizer.convert_tokens_to_ids(names)
    assert config.eos_token_id == processor.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    sampled = model.generate(**encode([frames(2)] * 4), do_sample=True, temperature=5.0, max_new_tokens=40)
    assert not torch.isin(sampled[:, -40:], torch.tensor(config.suppress_tokens)).any()


def test_it_is_small(model):
    assert sum(p.numel() for p in model.parameters()) < 500_000
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
