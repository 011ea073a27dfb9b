"""A tiny SpaceVista, random and from scratch: what the demo trains and the tests use where no weights can be had."""

from collections.abc import Iterable

import torch
from transformers import GenerationConfig, Qwen2Tokenizer
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

from .configuration_spacevista import SpaceVistaConfig
from .modeling_spacevista import SpaceVistaForConditionalGeneration
from .processing_spacevista import SpaceVistaProcessor

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"
IMAGE_PAD, VIDEO_PAD = "<|image_pad|>", "<|video_pad|>"
PROMPT_TOKENS = (TURN_START, VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD)
# The tags of a reply, one token each: a third of a reply would otherwise be their spelling.
REPLY_TAGS = [f"<{end}{tag}>" for tag in ("think", "semantics", "scale", "answer") for end in ("", "/")]
VOCAB_SIZE = 1024
# 12 merged tokens of 28 × 28 pixels: a frame of 224×168 or 448×336 becomes 112×84.
FRAME_PIXELS = {"shortest_edge": 4 * 28 * 28, "longest_edge": 12 * 28 * 28}

CHAT_TEMPLATE = """\
{%- macro parts(content) -%}
  {%- if content is string -%}{{ content }}
  {%- else -%}
    {%- for part in content -%}
      {%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
      {%- elif part.type == 'video' -%}<|vision_start|><|video_pad|><|vision_end|>
      {%- else -%}{{ part.text }}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
  {{- '<|im_start|>' + message.role + '\\n' -}}
  {%- if message.role == 'assistant' -%}
    {%- generation -%}{{ parts(message.content) }}<|im_end|>{%- endgeneration -%}
  {%- else -%}
    {{- parts(message.content) }}<|im_end|>
  {%- endif -%}
  {{- '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
"""


def build_tiny_model(
    texts: Iterable[str], seed: int = 0
) -> tuple[SpaceVistaForConditionalGeneration, SpaceVistaProcessor]:
    """Build a random SpaceVista of some 0.4 million parameters and a processor that writes `texts` in few tokens.

    Args:
        texts: what the tokenizer learns its vocabulary from.
        seed: of the weights; the same seed and texts give the same model, and the global random state is left alone.

    Returns:
        The model, in evaluation mode, and its processor, which pads on the left.
    """
    processor = _processor(_tokenizer(texts))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SpaceVistaForConditionalGeneration(_config(processor.tokenizer))
    model.generation_config = _generation_config(processor.tokenizer)
    return model.eval(), processor


def _tokenizer(texts: Iterable[str]) -> Qwen2Tokenizer:
    """Train Qwen's byte-level BPE (each digit a token of its own) on `texts`."""
    untrained = Qwen2Tokenizer(eos_token=TURN_END, padding_side="left")
    tokenizer = untrained.train_new_from_iterator(
        texts, vocab_size=VOCAB_SIZE, new_special_tokens=list(PROMPT_TOKENS), show_progress=False
    )
    tokenizer.add_tokens(REPLY_TAGS)
    return tokenizer


def _processor(tokenizer: Qwen2Tokenizer) -> SpaceVistaProcessor:
    return SpaceVistaProcessor(
        image_processor=Qwen2VLImageProcessor(size=FRAME_PIXELS),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=FRAME_PIXELS, cap_pixels_per_frame=False),
        chat_template=CHAT_TEMPLATE,
    )


def _generation_config(tokenizer: Qwen2Tokenizer) -> GenerationConfig:
    end, stop, *never = tokenizer.convert_tokens_to_ids([END_OF_TEXT, TURN_END, *PROMPT_TOKENS])
    return GenerationConfig(eos_token_id=[stop, end], pad_token_id=end, suppress_tokens=never, max_new_tokens=128)


def _config(tokenizer: Qwen2Tokenizer) -> SpaceVistaConfig:
    # About one over the square root of the widths; 0.02, meant for widths of thousands, hardly learns here.
    std = {"initializer_range": 0.1}
    names = {
        "pad_token_id": END_OF_TEXT,
        "eos_token_id": TURN_END,
        "image_token_id": IMAGE_PAD,
        "video_token_id": VIDEO_PAD,
        "vision_start_token_id": VISION_START,
        "vision_end_token_id": VISION_END,
    }
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    text = {
        **std,
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
        "bos_token_id": None,
        "eos_token_id": ids.pop("eos_token_id"),
        "pad_token_id": ids.pop("pad_token_id"),
    }
    vision = {
        **std,
        "depth": 1,
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_heads": 4,
        "out_hidden_size": text["hidden_size"],
        "fullatt_block_indexes": [0],
        # Frames without a frame rate count as 24 per second: this keeps frame pairs at distinct times.
        "tokens_per_second": 24,
    }
    dense = {**std, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
    return SpaceVistaConfig(
        text_config=text,
        vision_config=vision,
        dense_config=dense,
        fusion_hidden_size=48,
        fusion_num_layers=1,
        fusion_num_heads=2,
        num_experts=4,
        expert_rank=4,
        router_hidden_size=32,
        tie_word_embeddings=True,
        **ids,
    )
