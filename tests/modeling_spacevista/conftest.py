"""One tiny model for all tests of the package, conversations and batches to feed it, and the stock backbone."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import build_tiny_model

torch.set_num_threads(1)
TEXTS = [f"There are {n} chairs in the room; the table is {n * 7 % 90}.5 cm from the lamp." for n in range(60)]


@pytest.fixture(scope="session")
def built():
    """The untouched model and its processor; nobody writes to them."""
    return build_tiny_model(TEXTS)


@pytest.fixture
def model(built):
    """A copy that a test may change."""
    return copy.deepcopy(built[0])


@pytest.fixture
def processor(built):
    return built[1]


@pytest.fixture
def trained(model):
    """A copy whose fusion gate and experts do something, as after training."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("expert_b", "fusion.gate")):
                parameter.normal_(std=0.5, generator=generator)
    return model


@pytest.fixture(scope="session")
def frames():
    """frames(n, size, seed) → n PIL images, `size` = (width, height)."""

    def make(number, size=(224, 168), seed=0):
        noise = np.random.default_rng(seed).integers(0, 256, (number, size[1], size[0], 3), dtype=np.uint8)
        return [Image.fromarray(picture) for picture in noise]

    return make


@pytest.fixture
def encode(processor):
    """encode([video or None, …], answers=None, …) → a batch, one conversation per entry."""

    def make(videos, kind="video", answer=None, **kwargs):
        conversations = []
        for video in videos:
            parts = [] if video is None else [{"type": kind, kind: video}]
            turns = [{"role": "user", "content": [*parts, {"type": "text", "text": "How far is the lamp, 12.5 cm?"}]}]
            if answer:
                turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
            conversations.append(turns)
        return processor.apply_chat_template(
            conversations,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=answer is None,
            processor_kwargs={"padding": True},
            **kwargs,
        )

    return make


@pytest.fixture(scope="session")
def to_backbone():
    """to_backbone(model) → a stock Qwen2.5-VL with the weights that the model shares with it."""

    def make(model):
        backbone = Qwen2_5_VLForConditionalGeneration(model.config.backbone_config())
        weights = model.state_dict()
        backbone.load_state_dict({name: weights[name] for name in backbone.state_dict()})
        return backbone.eval()

    return make
