"""Command line: `python -m modeling_spacevista assemble`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from transformers import AutoProcessor

from .configuration_spacevista import DENSE_ENCODERS, FUSIONS, ROUTER_LEVELS, SpaceVistaConfig
from .modeling_spacevista import SpaceVistaForConditionalGeneration
from .processing_spacevista import SpaceVistaProcessor

EXAMPLE = (
    "example: python -m modeling_spacevista assemble --base Qwen/Qwen2.5-VL-3B-Instruct "
    "--dense facebook/dinov3-vitl16-pretrain-lvd1689m --output build/assembled"
)
PARTS = {
    "language model": ("language_model.", "lm_head."),
    "vision tower": ("model.visual.",),
    "dense encoder": ("dense_branch.",),
    "fusion": ("model.fusion.",),
    "experts": ("expert_a", "expert_b"),
    "router": (".router.",),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; input that cannot be used ends in one line on stderr and code 2."""
    options = vars(_parser().parse_args(argv))
    output, given = options.pop("output"), f"--base {options['base']}, --dense {options['dense']}"
    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(f"{output} exists and is not an empty folder; name another one")
        model, processor = _assemble(options)
    except (OSError, ValueError) as error:
        place = f"{given}: " if isinstance(error, OSError) else ""
        sys.stderr.write(f"error: {place}{' '.join(str(error).split())}\n")
        return 2
    model.save_pretrained(output)
    processor.save_pretrained(output)
    sys.stdout.write(f"{format_parameters(model)}\n\n{output}\n")
    return 0


def format_parameters(model) -> str:
    """Write a table of the parameters of each part, and of one expert beside its backbone."""
    counts = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        # The last that fits: experts and routers lie inside the language model.
        part = [part for part, marks in PARTS.items() if any(mark in name for mark in marks)][-1]
        counts[part] += parameter.numel()
    rows = [f"{part:<16}{count:>16,}" for part, count in counts.items()]
    if model.config.num_experts:
        expert = counts["experts"] / model.config.num_experts
        backbone = counts["language model"] + counts["vision tower"]
        rows.append(f"{'one expert':<16}{expert:>16,.0f}  {100 * expert / backbone:.2f} % of the backbone")
    return "\n".join(rows)


def _assemble(options: dict):
    base, dense, dtype = options.pop("base"), options.pop("dense"), options.pop("dtype")
    model = SpaceVistaForConditionalGeneration.from_backbones(base, dense, dtype=dtype, **options)
    qwen = AutoProcessor.from_pretrained(base)
    parts = (qwen.image_processor, qwen.tokenizer, qwen.video_processor)
    return model, SpaceVistaProcessor(*parts, chat_template=qwen.chat_template)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modeling_spacevista", epilog=EXAMPLE)
    command = parser.add_subparsers(required=True, metavar="assemble").add_parser(
        "assemble",
        help="make a SpaceVista of a Qwen2.5-VL and a dense encoder",
        description="Assembles a model that answers exactly as its backbone until it is trained.",
        epilog=EXAMPLE,
    )
    add, default = command.add_argument, SpaceVistaConfig
    add("--base", required=True, metavar="MODEL", help="Qwen2.5-VL, folder or Hub id")
    add("--dense", metavar="MODEL", help="DINOv3 ViT or DINOv2 with registers, folder or Hub id")
    add("--output", type=Path, required=True, metavar="DIR", help="new folder for the model and its processor")
    add("--dtype", default="auto", help="of the weights, such as bfloat16 (default: that of the base)")
    add("--dense-encoder", choices=DENSE_ENCODERS, default=default.dense_encoder, help="(default: %(default)s)")
    add("--geometry-hidden-size", type=int, metavar="N", help="width of precomputed geometry tokens")
    add("--fusion", choices=FUSIONS, default=default.fusion, help="(default: %(default)s)")
    for name in ("fusion_hidden_size", "fusion_num_layers", "fusion_num_heads", "num_experts", "expert_rank"):
        flag = f"--{name.replace('_', '-')}"
        add(flag, type=int, metavar="N", default=getattr(default, name), help="(default: %(default)s)")
    add("--expert-scales", nargs="+", metavar="SCALE", help="a scale for each expert (default: the first of the five)")
    add(
        "--router-hidden-size",
        type=int,
        metavar="N",
        default=default.router_hidden_size,
        help="(default: %(default)s)",
    )
    add("--router-level", choices=ROUTER_LEVELS, default=default.router_level, help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
