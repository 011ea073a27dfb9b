"""Other dense encoders and fusions by configuration: closed, each leaves the backbone; open, each uses its tokens."""

import copy

import pytest
import torch
from transformers import AutoModelForImageTextToText

from modeling_spacevista import SpaceVistaForConditionalGeneration

WIDTH = 10
KINDS = [
    {"dense_encoder": "none"},
    {"fusion": "add"},
    {"fusion": "concat"},
    {"dense_encoder": "geometry"},
    {"dense_encoder": "geometry", "fusion": "add"},
    {"dense_encoder": "both"},
    {"dense_encoder": "both", "fusion": "concat"},
    {"dense_config": {"model_type": "dinov2_with_registers", "patch_size": 14, "image_size": 28, "hidden_size": 48}},
]


@pytest.fixture
def variant(built):
    """variant(**options) → a model of that kind with the backbone of the tiny one."""

    def make(options):
        config = copy.deepcopy(built[0].config).to_dict()
        config |= {"geometry_hidden_size": WIDTH, **options}
        if "dense_config" in options:
            sizes = {"num_hidden_layers": 1, "num_attention_heads": 2}
            config["dense_config"] = {**options["dense_config"], **sizes}
        torch.manual_seed(0)
        model = SpaceVistaForConditionalGeneration(type(built[0].config)(**config)).eval()
        model.load_state_dict(
            {k: v for k, v in built[0].state_dict().items() if not k.startswith(("model.fusion", "model.dense"))},
            strict=False,
        )
        model.generation_config = built[0].generation_config
        return model

    return make


@pytest.fixture
def geometry(encode, frames):
    """A batch of two videos and the geometry tokens for it."""
    batch = encode([frames(4), frames(3, (168, 224), seed=2)])
    tokens = int(batch["video_grid_thw"].prod(-1).sum()) // 4
    return batch, torch.randn(tokens, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_closed_equals_the_backbone_and_open_does_not(variant, geometry, to_backbone, options, tmp_path):
    model, (batch, tokens) = variant(options), geometry
    extra = {"video_geometry": tokens} if model.config.uses_geometry else {}
    expected = to_backbone(model)(**batch).logits
    assert (model(**batch, **extra).logits - expected).abs().max().item() == 0.0
    if model.config.dense_encoder == "none":
        assert not any("fusion" in name or "dense" in name for name in model.state_dict())
        return
    torch.nn.init.constant_(model.model.fusion.gate, 3.0)
    opened = model(**batch, **extra).logits
    assert (opened - expected).abs().max() > 1e-3
    first = model.generate(
        **batch, **extra, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True
    ).logits[0]
    torch.testing.assert_close(first, opened[:, -1], atol=1e-5, rtol=1e-5)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert torch.equal(loaded(**batch, **extra).logits, opened)


def test_geometry_reaches_the_video_it_belongs_to(variant, geometry):
    model, (batch, tokens) = variant({"dense_encoder": "geometry"}), geometry
    torch.nn.init.constant_(model.model.fusion.gate, 3.0)
    changed = tokens.clone()
    changed[24:] += 1  # the second video; the first has 2 pairs of 12 tokens
    before, after = (model(**batch, video_geometry=t).logits for t in (tokens, changed))
    assert torch.equal(before[0], after[0]) and not torch.allclose(before[1], after[1])


def test_images_take_geometry_too(variant, encode, frames):
    model = variant({"dense_encoder": "geometry"})
    torch.nn.init.constant_(model.model.fusion.gate, 3.0)
    batch = encode([frames(1)[0]], kind="image")
    one, other = (
        model(**batch, image_geometry=torch.full((12, WIDTH), 0.0) + t).logits for t in torch.randn(2, WIDTH)
    )
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"dense_encoder": "geometry"}, None, r"needs geometry tokens of shape \(48, 10\), got None"),
        ({"dense_encoder": "both"}, (47, WIDTH), r"needs geometry tokens of shape \(48, 10\), got \(47, 10\)"),
        ({"dense_encoder": "geometry"}, (48, 9), r"got \(48, 9\)"),
        ({}, (48, WIDTH), r"dense_encoder='dinov3' takes no geometry tokens, got some of shape \(48, 10\)"),
    ],
)
def test_geometry_that_does_not_fit(variant, geometry, options, shape, message):
    with pytest.raises(ValueError, match=message):
        variant(options)(**geometry[0], video_geometry=None if shape is None else torch.zeros(shape))


def test_a_still_picture_is_encoded_once(trained, encode, frames):
    """Both frames of its pair are the same, so one gives the same tokens."""
    batch = encode([frames(1)[0]], kind="image")
    seen = []
    encoder = trained.model.dense_branch.encoder
    hook = encoder.register_forward_hook(lambda _, args, out: seen.append(len(args[0])))
    once = trained.get_image_features(batch["pixel_values"], batch["image_grid_thw"]).pooler_output[0]
    as_video = trained.get_video_features(batch["pixel_values"], batch["image_grid_thw"]).pooler_output[0]
    hook.remove()
    assert seen == [1, 2]
    torch.testing.assert_close(once, as_video, atol=1e-5, rtol=1e-4)


def test_geometry_from_the_processor_reaches_the_model(variant, processor, frames):
    model = variant({"dense_encoder": "both"})
    torch.nn.init.constant_(model.model.fusion.gate, 3.0)
    grids = {"image": (1, 3, 4, WIDTH), "video": (2, 3, 4, WIDTH)}
    parts = [
        {"type": "image", "image": frames(1)[0], "geometry": torch.ones(grids["image"])},
        {"type": "video", "video": frames(4), "geometry": torch.randn(grids["video"])},
        {"type": "text", "text": "How far is the lamp?"},
    ]
    batch = processor.apply_chat_template(
        [{"role": "user", "content": parts}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    before = model(**batch).logits
    for name in ("image_geometry", "video_geometry"):
        after = model(**{**batch, name: batch[name] * torch.linspace(1, 2, WIDTH)}).logits
        assert not torch.allclose(before, after), name
    written = model.generate(**batch, max_new_tokens=2, do_sample=False, num_beams=2)
    assert written.shape[1] > batch["input_ids"].shape[1]
