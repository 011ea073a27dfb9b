"""The rows of the ablation: what each adds to the model, and the stages by which it trains."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONFIGS = Path(__file__).resolve().parent.parent / "trl_recipes" / "configs"
WARM, BASE = "warm", "vanilla SFT"
VANILLA = {"num_experts": 0, "expert_scales": [], "dense_encoder": "none"}
FOUR = ["tiny_tabletop", "tabletop", "indoor", "outdoor"]


@dataclass(frozen=True)
class Sizes:
    """How long rows train and on how much they are asked.

    Attributes:
        num_scenes: Scenes of the dataset; one in ten is for testing.
        seeds: Models of each row.
        warm_steps: Of the model that all rows of a seed start from.
        steps: Of every row.
        grpo_steps: Of a row of reinforcement learning.
    """

    num_scenes: int = 500
    seeds: int = 3
    warm_steps: int = 400
    steps: int = 240
    grpo_steps: int = 40


QUICK = Sizes(num_scenes=60, seeds=1, warm_steps=30, steps=20, grpo_steps=1)


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: In the table.
        paper: What the paper gains on SpaceVista-Bench by it, in points; None where it has no such row.
        parts: Of the model's configuration, over `VANILLA`.
        stages: (stage, share of the steps, its arguments), one after the other.
        start: The row that it goes on from.
        plain: Whether it is a Qwen2.5-VL of the library's own class, as VST trains.
    """

    name: str
    paper: float | None
    parts: dict = field(default_factory=dict)
    stages: tuple[tuple[str, float, tuple[str, ...]], ...] = (("sft", 1.0, ()),)
    start: str = WARM
    plain: bool = False


def _experts(scales: list[str], **options) -> dict:
    return {"num_experts": len(scales), "expert_scales": scales, **options}


def _routed(**shared: str) -> tuple:
    """Half of the steps with forced gates, half with learned ones."""
    arguments = ("--scale_experts", json.dumps(shared))
    return (("experts", 0.5, arguments), ("router", 0.5, ()))


# The dense branch trains in the cold start alone, so that needs steps of its own.
WHOLE = (
    ("sft", 0.5, ("--gate_mode", "off")),
    ("experts", 0.25, ("--scale_experts", '{"drone": "outdoor"}')),
    ("router", 0.25, ()),
)


ALONE = (("sft", 1.0, ("--train_modules", "experts", "--gate_mode", "uniform", "--learning_rate", "0.004")),)
WEIGHTS = "--anchor_weights"
ROWS = (
    Row(BASE, None),
    Row("plain Qwen2.5-VL, as VST", None, plain=True),
    Row("+ dense branch", 1.1, {"dense_encoder": "dinov3"}),
    Row("single LoRA (1 expert)", -0.1, _experts(["indoor"]), ALONE),
    Row("experts, no router", None, _experts(FOUR), (("experts", 1.0, ("--scale_experts", '{"drone": "outdoor"}')),)),
    Row("4 experts, layer router", 3.5, _experts(FOUR), _routed(drone="outdoor")),
    Row("dense branch, then 4 experts", None, _experts(FOUR, dense_encoder="dinov3"), WHOLE),
    Row("4 experts, model router", 3.0, _experts(FOUR, router_level="model"), _routed(drone="outdoor")),
    Row(
        "2 experts, layer router",
        2.1,
        _experts(["tabletop", "indoor"]),
        _routed(tiny_tabletop="tabletop", outdoor="indoor", drone="indoor"),
    ),
    Row("6 experts, layer router", -4.3, _experts([*FOUR, "drone", "spare"]), _routed()),
    Row("GRPO, answer", 1.1, stages=(("grpo", 1.0, (WEIGHTS, "0", "0", "1")),), start=BASE),
    Row("GRPO, answer and scale", 3.8, stages=(("grpo", 1.0, (WEIGHTS, "0", "0.5", "0.5")),), start=BASE),
    Row("GRPO, answer, scale and semantics", 4.4, stages=(("grpo", 1.0, ()),), start=BASE),
)


def train_row(row: Row, folder: Path, start: Path | None, data: Path, seed: int, sizes: Sizes) -> dict:
    """Train a row of one seed and evaluate it; what an earlier call finished is read.

    Args:
        row: Which.
        folder: Of its models and results, emptied first.
        start: The model it goes on from; None for one from scratch.
        data: The dataset.
        seed: Of weights and order.
        sizes: How long.

    Returns:
        `micro` and `macro` scores and `by_scale`, in percent, and the trainable parameters of the last stage.

    Raises:
        RuntimeError: if a stage ends with an error; its words are in log.txt.
    """
    result = folder / "result.json"
    if result.is_file():
        return json.loads(result.read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _logged(folder / "log.txt"):
        model = _with_parts(row, folder / "start", start, data, seed)
        for place, (stage, share, arguments) in enumerate(row.stages):
            output = folder / f"{place}-{stage}"
            total = sizes.grpo_steps if stage == "grpo" else sizes.warm_steps if row.name == WARM else sizes.steps
            settings = ["--max_steps", str(max(1, round(share * total))), "--seed", str(seed), *arguments]
            paths = ["--dataset", str(data), "--model_name_or_path", str(model), "--output_dir", str(output)]
            config = ["--config", str(CONFIGS / f"{stage}_tiny.yaml"), "--disable_tqdm", "true"]
            _stage(stage)([*config, *paths, "--trust_remote_code", "true", *settings])
            model = output
        figures = _evaluate(model, data, folder / "evaluation")
    figures["model"] = str(model)
    result.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def _with_parts(row: Row, folder: Path, start: Path | None, data: Path, seed: int) -> Path:
    """Give the model that a row goes on from the parts of the row; new ones change nothing until they are trained."""
    if start is not None and not row.parts and not row.plain:
        return start
    import torch
    from datasets import load_dataset
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    from dataset_builders.conversation import completion_text, prompt_text
    from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration, build_tiny_model
    from trl_recipes.module_groups import DENSE, EXPERTS, FUSION, ROUTER, group_of

    if start is None:
        questions = load_dataset(str(data), "all", split="train")
        texts = (text for record in questions for text in (prompt_text(record), completion_text(record)))
        whole, processor = build_tiny_model(texts, seed)
        weights, given, generation = whole.state_dict(), whole.config.to_dict(), whole.generation_config
    else:
        processor = AutoProcessor.from_pretrained(start, trust_remote_code=True)
        saved = SpaceVistaForConditionalGeneration.from_pretrained(start)
        weights, given, generation = saved.state_dict(), saved.config.to_dict(), saved.generation_config
    added = {DENSE, EXPERTS, FUSION, ROUTER}
    torch.manual_seed(seed)
    config = SpaceVistaConfig(**{**given, **VANILLA, **row.parts})
    if row.plain:
        model = Qwen2_5_VLForConditionalGeneration(config.backbone_config())
    else:
        model = SpaceVistaForConditionalGeneration(config)
    if start is None:  # the parts of the whole model that the first one does without
        weights = {name: values for name, values in weights.items() if group_of(name) not in added}
    found = model.load_state_dict(weights, strict=False)
    strangers = [*found.unexpected_keys, *(name for name in found.missing_keys if group_of(name) not in added)]
    if strangers:
        raise RuntimeError(f"weights that belong to no new part: {', '.join(strangers)}")
    model.generation_config = generation
    for part in (model, processor):
        part.save_pretrained(folder)
    return folder


def _stage(name: str) -> Callable[[list[str]], None]:
    from importlib import import_module

    main = import_module(f"trl_recipes.{name}").main

    def run(argv: list[str]) -> None:
        if main(argv):
            raise RuntimeError(f"{name}.py refused its input")

    return run


def _evaluate(model: Path, data: Path, output: Path) -> dict:
    from evaluate_metrics.runner import RunArguments, run

    asked = RunArguments(
        model=str(model),
        dataset=str(data),
        split="test",
        output=output,
        num_frames=2,
        batch_size=64,
        max_new_tokens=48,
        controls=(),
    )
    results = run(asked)
    figures = {name: results["overall"][name]["model"] for name in ("micro", "macro")}
    return {**figures, "by_scale": {name: values["model"] for name, values in results["by_scale"].items()}}


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send what this process and its children print to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for place, original in zip((1, 2), kept, strict=True):
                os.dup2(original, place)
                os.close(original)
