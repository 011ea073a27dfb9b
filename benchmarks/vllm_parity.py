"""Does vLLM write what transformers writes? `python benchmarks/vllm_parity.py --model FOLDER` [--tokens N, --dtype D].

Both sides decode greedily, one after the other on the same GPU: a text prompt, an image, and a video of frames made
here. Tokens are compared one by one; in less than float32, rounding alone may part the two sides after some tokens.
The exit code is 0 where all tokens agree, 1 where some do not, 2 without vLLM or a GPU.
"""

import argparse
import gc
import json
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

import modeling_spacevista  # noqa: F401  (registers the classes)

QUESTION = "How far is the lamp from the table, in centimetres?"
NUM_FRAMES, SIZE = 8, (360, 480)
METADATA = {"fps": 2.0, "duration": NUM_FRAMES / 2, "total_num_frames": NUM_FRAMES, "video_backend": "opencv"}
METADATA["frames_indices"] = list(range(NUM_FRAMES))


def make_prompts(processor) -> dict[str, dict]:
    """Return {kind: prompt and data}, as vLLM takes them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (NUM_FRAMES, SIZE[0] // 20, SIZE[1] // 20, 3), dtype=np.uint8)
    video = coarse.repeat(20, axis=1).repeat(20, axis=2)
    data = {
        "text": {},
        "image": {"image": Image.fromarray(video[0])},
        "video": {"video": (video, {**METADATA, "do_sample_frames": False})},
    }
    prompts = {}
    for kind, given in data.items():
        content = [*({"type": name} for name in given), {"type": "text", "text": QUESTION}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        prompts[kind] = {"prompt": text, "multi_modal_data": given}
    return prompts


def write_with_transformers(folder, processor, prompts, num_tokens, dtype) -> tuple[dict[str, list[int]], list[int]]:
    """Return {kind: tokens}, and the tokens that end a text; the model is gone from the GPU afterwards."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, device_map="cuda").eval()
    own = model.generation_config
    config = GenerationConfig(
        max_new_tokens=num_tokens, min_new_tokens=num_tokens, eos_token_id=own.eos_token_id, pad_token_id=0
    )
    written = {}
    for kind, prompt in prompts.items():
        data = prompt["multi_modal_data"]
        media = {"images": [data["image"]]} if "image" in data else {}
        if "video" in data:
            media = {"videos": [data["video"][0]], "video_metadata": [METADATA], "do_sample_frames": False}
        inputs = processor(text=[prompt["prompt"]], return_tensors="pt", **media).to("cuda", dtype)
        output = model.generate(**inputs, generation_config=config)
        written[kind] = output[0, inputs["input_ids"].shape[1] :].tolist()
    eos = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
    del model
    gc.collect()
    torch.cuda.empty_cache()
    return written, eos


def write_with_vllm(folder, prompts, num_tokens, dtype, eos) -> dict[str, list[int]]:
    """Return {kind: tokens}; `eos` may not end a text before `num_tokens`, as on the other side."""
    from vllm import LLM, SamplingParams

    engine = LLM(model=str(folder), dtype=dtype, seed=0, limit_mm_per_prompt={"image": 1, "video": 1})
    sampling = SamplingParams(temperature=0, max_tokens=num_tokens, min_tokens=num_tokens, stop_token_ids=eos)
    outputs = engine.generate(list(prompts.values()), sampling)
    return {kind: list(output.outputs[0].token_ids) for kind, output in zip(prompts, outputs, strict=True)}


def count_agreeing(ours: list[int], theirs: list[int]) -> int:
    """Count the tokens before the first that differs."""
    differing = (place for place, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1])
    return next(differing, len(ours))


def main() -> None:
    """Compare, print a line per prompt, write `vllm_parity.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a folder that save_pretrained wrote")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to write per prompt (default: 64)")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    arguments = parser.parse_args()
    if not torch.cuda.is_available() or find_spec("vllm") is None:
        missing = "vLLM (pip install vllm)" if torch.cuda.is_available() else "a GPU"
        sys.stderr.write(f"error: this comparison needs {missing}, which is not here\n")
        sys.exit(2)
    processor = AutoProcessor.from_pretrained(arguments.model)
    prompts, dtype = make_prompts(processor), arguments.dtype
    ours, eos = write_with_transformers(arguments.model, processor, prompts, arguments.tokens, getattr(torch, dtype))
    theirs = write_with_vllm(arguments.model, prompts, arguments.tokens, dtype, eos)
    agreeing = {kind: count_agreeing(ours[kind], theirs[kind]) for kind in prompts}
    for kind, number in agreeing.items():
        sys.stdout.write(f"{kind}: {number} of {arguments.tokens} tokens agree before the first that differs\n")
    machine = describe_machine() | {"gpu": torch.cuda.get_device_name()}
    machine["versions"] = {name: version(name) for name in ("torch", "transformers", "vllm")}
    results = {"machine": machine, "dtype": dtype, "tokens": arguments.tokens, "agreeing": agreeing}
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    sys.exit(int(any(number < arguments.tokens for number in agreeing.values())))


if __name__ == "__main__":
    main()
