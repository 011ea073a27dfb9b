"""A trained model as a policy: picture and instruction in, action out.

Legend: B pictures, L tokens, V tokens of the vocabulary, D dimensions of an action.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    LogitsProcessor,
    PreTrainedModel,
    ProcessorMixin,
)

from trl_recipes.actions.codec import ActionCodec
from trl_recipes.actions.encoder import action_messages, square


class OnlyActions(LogitsProcessor):
    """Leaves the tokens of actions to choose from, so that every reply is an action."""

    def __init__(self, codec: ActionCodec):
        """Take what says which these are."""
        self.tokens = codec.tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores (B, V) that are -inf for all other tokens."""
        kept = slice(self.tokens.start, self.tokens.stop)
        only = torch.full_like(scores, -torch.inf)
        only[:, kept] = scores[:, kept]
        return only


class ActionPolicy:
    """Asks a model for actions, greedily."""

    def __init__(self, model: PreTrainedModel, processor: ProcessorMixin, codec: ActionCodec, image_size: int = 256):
        """Take a model with its processor and codec, and the side of its training pictures in pixels."""
        self.model, self.processor, self.codec, self.image_size = model.eval(), processor, codec, image_size

    @classmethod
    def load(cls, folder: str | Path, image_size: int = 256, trust_remote_code: bool = False) -> "ActionPolicy":
        """Load what `action_sft.py` wrote.

        Raises:
            InputError: if the folder has no `actions.json`.
        """
        codec = ActionCodec.load(folder)
        model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=trust_remote_code)
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=trust_remote_code)
        return cls(model, processor, codec, image_size)

    def __call__(self, pictures: Sequence[Image.Image], instructions: Sequence[str]) -> np.ndarray:
        """Return the actions (B, D) for what is seen and wanted in each of several scenes."""
        messages = [
            action_messages(square(picture, self.image_size), instruction)
            for picture, instruction in zip(pictures, instructions, strict=True)
        ]
        inputs = self.processor.apply_chat_template(
            messages,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(self.model.device)
        asked = inputs["input_ids"].shape[1]
        with torch.no_grad():
            written = self.model.generate(
                **inputs,
                max_new_tokens=self.codec.size,
                do_sample=False,
                logits_processor=[OnlyActions(self.codec)],
            )
        return np.stack([self.codec.decode(tokens) for tokens in written[:, asked:].tolist()])
