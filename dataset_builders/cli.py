"""The command of this package: `python -m dataset_builders COMMAND`, see `--help`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_builders.audit import run_audit
from dataset_builders.build import build_dataset
from dataset_builders.errors import CommandParser, InputError, run_command
from dataset_builders.fov import FOCAL
from dataset_builders.importers.command import EXAMPLE as IMPORT_EXAMPLE
from dataset_builders.importers.command import add_import
from dataset_builders.inspection.command import add_arguments as add_inspect
from dataset_builders.leakage import builtin_lists, excluded_scenes
from dataset_builders.pager import pages
from dataset_builders.rewriting.command import EXAMPLE as REWRITE_EXAMPLE
from dataset_builders.rewriting.command import add_arguments as add_rewrite
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.opening import NUM_FRAMES, NUM_SCENES, OPTIONS, SourceOptions, open_sources
from dataset_builders.tasks import TASKS
from dataset_builders.teaching.command import EXAMPLE as REASON_EXAMPLE
from dataset_builders.teaching.command import add_arguments as add_reason
from dataset_builders.vst import CONFIGS

EXAMPLE = "example: python -m dataset_builders build --source synthetic --num-scenes 50 --output build/spacevista"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; bad input ends in one line on stderr and code 2."""
    arguments = _parser().parse_args(argv)
    return run_command(lambda: arguments.command(arguments), ", give the same command again to go on")


def _build(arguments: argparse.Namespace) -> None:
    tasks = dict.fromkeys(name for word in arguments.tasks for name in word.split(",") if name)
    # Before the source is read, which may take long, so that an unknown task is refused early.
    settings = BuildSettings(
        tasks=tuple(tasks) or TASKS,
        config=arguments.config,
        num_scenes=arguments.num_scenes,
        max_per_scene=arguments.max_per_scene,
        max_wordings=arguments.max_wordings,
        num_proc=arguments.num_proc,
        seed=arguments.seed,
        excluded=excluded_scenes(arguments.exclude_scenes),
        debias=arguments.debias,
        unify_focal=arguments.unify_focal,
        strict=arguments.strict,
    )
    options = SourceOptions(
        inputs=arguments.input,
        num_scenes=arguments.num_scenes,
        seed=arguments.seed,
        num_frames=arguments.num_frames,
        frame_size=arguments.frame_size,
        no_media=arguments.no_media,
        gestures=arguments.gestures,
    )
    source = open_sources(arguments.source, options)
    report = build_dataset(source, arguments.output, replace(settings, source_options=options.recorded()))
    sys.stdout.write(f"{report.text()}\n\n{arguments.output}\n")
    broken = len(report.quarantine)
    if broken:
        total = broken + report.scenes.total()
        where = Path(arguments.output) / "quarantine.jsonl"
        sys.stderr.write(f"warning: {broken} of {total} scenes are broken and left out, see {where}\n")


def _audit(arguments: argparse.Namespace) -> None:
    report = run_audit(arguments.scenes, arguments.questions)
    if arguments.json is not None:
        try:
            arguments.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(arguments.json, "--json", problem, "name a file in a folder that exists") from None
    sys.stdout.write(f"{report.text()}\n")


def _templates(arguments: argparse.Namespace) -> None:
    for line in pages(arguments.task):
        sys.stdout.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m dataset_builders", description=__doc__, epilog=EXAMPLE)
    commands = parser.add_subparsers(
        required=True, metavar="build | audit | import | inspect | reason | rewrite | templates"
    )
    _add_build(commands.add_parser("build", help="scenes to a dataset folder", epilog=EXAMPLE))
    audit = commands.add_parser("audit", help="answer published questions from the scenes and compare")
    audit.add_argument("--scenes", required=True, type=Path, metavar="DIR", help="folder of the VSI meta info")
    audit.add_argument("--questions", required=True, type=Path, metavar="FILE", help="published questions")
    audit.add_argument("--json", type=Path, metavar="FILE", help="also write the agreement as JSON")
    audit.set_defaults(command=_audit)
    add_import(commands.add_parser("import", help="a published file to a dataset folder", epilog=IMPORT_EXAMPLE))
    add_inspect(commands.add_parser("inspect", help="look at a dataset folder in a browser"))
    add_reason(commands.add_parser("reason", help="have a teacher explain the answers", epilog=REASON_EXAMPLE))
    add_rewrite(commands.add_parser("rewrite", help="put a dataset in a model's words", epilog=REWRITE_EXAMPLE))
    templates = commands.add_parser("templates", help="page through the templates of questions and rationales")
    templates.add_argument("--task", metavar="TASK", help="only of this task")
    templates.set_defaults(command=_templates)
    return parser


def _add_build(build: argparse.ArgumentParser) -> None:
    add = build.add_argument
    add("--source", required=True, nargs="+", choices=list(OPTIONS), help="where scenes come from; several are joined")
    add("--input", nargs="+", default=[], metavar="DIR", help="folder of the scenes, for each source but synthetic")
    add("--output", required=True, metavar="DIR", help="new folder; appears complete or not at all")
    add(
        "--tasks",
        nargs="+",
        default=[],
        metavar="TASK",
        help=f"some of {', '.join(TASKS)}, or rules of them (default: all)",
    )
    add("--config", choices=list(CONFIGS), help="the rules of VST instead of the default ones (docs/vst.md)")
    add("--num-scenes", type=_positive, metavar="N", help=f"most scenes (default: all; synthetic: {NUM_SCENES})")
    add("--max-per-scene", type=_positive, default=42, metavar="N", help="most questions per scene (default: 42)")
    add("--max-wordings", type=_positive, metavar="N", help="most templates per kind of question (default: all)")
    add("--num-proc", type=_positive, default=1, metavar="N", help="worker processes; the result is the same")
    add("--seed", type=_natural, default=0, metavar="N", help="of scenes, questions, options and splits")
    add("--num-frames", type=_positive, metavar="N", help=f"frames per scene (synthetic, rgbd; default: {NUM_FRAMES})")
    add("--frame-size", type=_frame_size, metavar="WxH", help="pixels (synthetic; default: 448x336)")
    add("--no-media", action="store_true", help="boxes only, nothing rendered (synthetic)")
    add("--gestures", action="store_true", help="the camera makes single turns and movements (synthetic)")
    lists = f"scene ids, one per line, that must not be in train; built in: {', '.join(builtin_lists())}"
    add("--exclude-scenes", nargs="+", default=[], metavar="FILE", help=lists)
    add("--debias", action="store_true", help="take out questions that text alone answers")
    add(
        "--unify-focal",
        nargs="?",
        const=FOCAL,
        type=_positive_number,
        metavar="PIXELS",
        help=f"resize all frames to one focal length (docs/vst.md; without a number: {FOCAL:g})",
    )
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


def _positive_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def _frame_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return _positive(width), _positive(height)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, for example 448x336") from None
