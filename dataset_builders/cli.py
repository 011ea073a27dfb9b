"""The command of this package: `python -m dataset_builders build | audit`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_builders.audit import run_audit
from dataset_builders.build import BuildSettings, build_dataset
from dataset_builders.errors import CommandParser, InputError, run_command
from dataset_builders.sources import Source
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks import TASKS

# Which options mean something for which source; the others are refused rather than ignored.
SOURCE_OPTIONS = {
    "synthetic": {"num_frames", "frame_size"},
    "vsi-meta": {"input"},
    "rgbd": {"input", "num_frames"},
}
NUM_SCENES, NUM_FRAMES, FRAME_SIZE = 50, 16, (448, 336)
EXAMPLE = "example: python -m dataset_builders build --source synthetic --num-scenes 50 --output build/spacevista"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; bad input ends in one line on stderr and code 2."""
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.command(arguments), ", nothing was written")


def open_source(arguments: argparse.Namespace) -> tuple[Source, dict]:
    """Return the source that the arguments name, and the options that shape its scenes.

    Raises:
        InputError: if an option is missing, or given for a source that has no use for it.
    """
    meaningful = SOURCE_OPTIONS[arguments.source]
    for name in ("input", "num_frames", "frame_size"):
        if name not in meaningful and getattr(arguments, name) is not None:
            raise InputError(f"--source {arguments.source}", f"--{name.replace('_', '-')}", "has no use", "drop it")
    if "input" in meaningful and arguments.input is None:
        raise InputError(f"--source {arguments.source}", "--input", "is missing", "name the folder with the scenes")
    num_frames, (width, height) = arguments.num_frames or NUM_FRAMES, arguments.frame_size or FRAME_SIZE
    if arguments.source == "vsi-meta":
        return VsiMetaSource(arguments.input), {}
    if arguments.source == "rgbd":
        return RgbdSource(arguments.input, num_frames), {"num_frames": num_frames}
    options = {"num_frames": num_frames, "frame_size": f"{width}x{height}"}
    return SyntheticSource(arguments.num_scenes or NUM_SCENES, arguments.seed, num_frames, (width, height)), options


def _build(arguments: argparse.Namespace) -> None:
    tasks = dict.fromkeys(name for word in arguments.tasks for name in word.split(",") if name)
    settings = (
        BuildSettings(  # before the source is read, which may take long, so that an unknown task is refused early
            tasks=tuple(tasks) or TASKS,
            num_scenes=arguments.num_scenes,
            max_per_scene=arguments.max_per_scene,
            num_proc=arguments.num_proc,
            seed=arguments.seed,
            strict=arguments.strict,
        )
    )
    source, options = open_source(arguments)
    report = build_dataset(source, arguments.output, replace(settings, source_options=options))
    sys.stdout.write(f"{report.text()}\n\n{arguments.output}\n")
    if report.quarantined:
        total = report.quarantined + report.scenes.total()
        where = Path(arguments.output) / "quarantine.jsonl"
        sys.stderr.write(f"warning: {report.quarantined} of {total} scenes are broken and left out, see {where}\n")


def _audit(arguments: argparse.Namespace) -> None:
    report = run_audit(arguments.scenes, arguments.questions)
    if arguments.json is not None:
        try:
            arguments.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(arguments.json, "--json", problem, "name a file in a folder that exists") from None
    sys.stdout.write(f"{report.text()}\n")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m dataset_builders", description=__doc__, epilog=EXAMPLE)
    commands = parser.add_subparsers(required=True, metavar="build | audit")
    _add_build(commands.add_parser("build", help="scenes to a dataset folder", epilog=EXAMPLE))
    audit = commands.add_parser("audit", help="answer published questions from the scenes and compare")
    audit.add_argument("--scenes", required=True, type=Path, metavar="DIR", help="folder of the VSI meta info")
    audit.add_argument("--questions", required=True, type=Path, metavar="FILE", help="published questions")
    audit.add_argument("--json", type=Path, metavar="FILE", help="also write the agreement as JSON")
    audit.set_defaults(command=_audit)
    return parser


def _add_build(build: argparse.ArgumentParser) -> None:
    add = build.add_argument
    add("--source", required=True, choices=list(SOURCE_OPTIONS), help="where scenes come from")
    add("--input", metavar="DIR", help="folder of the scenes (vsi-meta, rgbd)")
    add("--output", required=True, metavar="DIR", help="new folder; appears complete or not at all")
    add("--tasks", nargs="+", default=[], metavar="TASK", help=f"some of {', '.join(TASKS)} (default: all)")
    add("--num-scenes", type=_positive, metavar="N", help=f"most scenes (default: all; synthetic: {NUM_SCENES})")
    add("--max-per-scene", type=_positive, default=42, metavar="N", help="most questions per scene (default: 42)")
    add("--num-proc", type=_positive, default=1, metavar="N", help="worker processes; the result is the same")
    add("--seed", type=_natural, default=0, metavar="N", help="of scenes, questions, options and splits")
    add("--num-frames", type=_positive, metavar="N", help=f"frames per scene (synthetic, rgbd; default: {NUM_FRAMES})")
    add("--frame-size", type=_frame_size, metavar="WxH", help="pixels (synthetic; default: 448x336)")
    add("--strict", action="store_true", help="refuse a source with a broken scene instead of quarantining it")
    build.set_defaults(command=_build)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("0 is too few, use at least 1")
    return int(text)


def _frame_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return _positive(width), _positive(height)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, for example 448x336") from None
