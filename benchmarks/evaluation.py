"""How fast and how right our scorer is: `python benchmarks/evaluation.py [--thinking-in-space DIR] [--runs N]`.

Scoring: 5,130 predictions, the real questions of VSI-Bench in ../shared/data/vsibench_qa topped up by repetition.
Every second answer is right, the others are those of other questions of the task, in five forms that models answer in.
Our scorer and the public ones take turns on the same rows in one process. Ratios are of median processor time, which
other work on the machine disturbs less than wall time. thinking-in-space is timed where a checkout of it is given,
lmms-eval where it is installed; both by their own functions, as their harness calls them. Public scorers read nothing
but bare answers rightly, so only there is the work the same. No two replies of "prose" and "remark"
are equal. Ours works out once per call what they have in common: how "prose" ends; of "remark" it reads every one in
full, where the public ones look at the first word. The resamples of scenes are drawn by the first call of a process,
timed apart.

Oracle: the questions that geometry decides, answered by the code that makes our own questions from the published
rooms, and scored by our scorer: what a perfect model would get. Distances are measured between the points that
VSI-Bench samples in the boxes, as it measures them, and once more between the solid boxes, as our own questions do.
"""

import argparse
import importlib.util
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of a product of matrices that wait count as processor time

from counts import at_least
from machine import describe_machine

from dataset_builders.record import LETTERS
from dataset_builders.scene import Scene
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.vsibench import NOT_FROM_BOXES, PublishedRow, Unanswerable, answer, read_questions
from dataset_builders.vsibench_points import with_sampled_points
from evaluate_metrics.bootstrap import SceneBootstrap
from evaluate_metrics.metrics.vsi_bench.vsi_bench import vsi_bench

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
NUM_QUESTIONS = 5130
UTILS = "lmms_eval/tasks/vsibench/utils.py"
FORMS = {
    "bare": "{}",
    "sentence": "The answer is {}.",
    "reasoning": "<think>I see 4 of them in frame {place}, then 5.</think><answer>{}</answer>",
    "prose": "Frame {place} shows it from the side, so I conclude that the answer is {}.",
    "remark": "It is {} here, as frame {place} shows from the side.",
}
LMMS_METRICS = (
    "overall",
    "object_counting_mra",
    "object_abs_distance_mra",
    "object_size_estimation_mra",
    "room_size_estimation_mra",
    "object_rel_distance_accuracy",
    "object_rel_direction_accuracy",
    "route_planning_accuracy",
    "obj_appearance_order_accuracy",
)


def references(rows: list[PublishedRow]) -> list[dict]:
    """Return the rows of `vsi_bench`."""
    return [
        {
            "id": str(place),
            "scene_id": row.scene_id,
            "task": row.kind,
            "answer": as_text(row.answer, row.options),
            "options": list(row.options),
        }
        for place, row in enumerate(rows)
    ]


def said(questions: list[dict]) -> list[str]:
    """Return answers of which every second one is right, and the others are right for another question of the task."""
    of_task = defaultdict(list)
    for row in questions:
        of_task[row["task"]].append(row["answer"])
    return [
        row["answer"] if place % 2 else of_task[row["task"]][7 * place % len(of_task[row["task"]])]
        for place, row in enumerate(questions)
    ]


def as_text(value: str | float, options: tuple[str, ...]) -> str:
    """Write an answer as a model does: the letter of an option, or a number."""
    if options:
        return LETTERS[options.index(value)]
    return f"{value:g}" if float(value).is_integer() else repr(float(value))


def scorers(checkout: Path | None) -> dict[str, Callable[[list[str], list[dict]], object]]:
    """Return what is timed: ours, and the public scorers that are there."""
    ours = {
        "robust, with intervals": lambda texts, rows: vsi_bench(texts, rows),
        "robust": lambda texts, rows: vsi_bench(texts, rows, num_resamples=0),
        "published": lambda texts, rows: vsi_bench(texts, rows, "published"),
        "lmms": lambda texts, rows: vsi_bench(texts, rows, "lmms"),
    }
    installed = importlib.util.find_spec("lmms_eval")
    if checkout:
        ours["public: thinking-in-space"] = _thinking_in_space(checkout / UTILS)
    if installed:
        ours["public: lmms-eval"] = _lmms_eval(Path(installed.submodule_search_locations[0]).parent / UTILS)
    return ours


def time_scorers(timed: dict[str, Callable], rows: list[PublishedRow], runs: int) -> dict:
    """Return the median seconds of each scorer on each form of answer, and how many times faster ours are."""
    questions = references(rows)
    report = {}
    for form, pattern in FORMS.items():
        texts = [pattern.format(answer, place=place) for place, answer in enumerate(said(questions))]
        wall, cpu = ({name: [] for name in timed} for _ in range(2))
        for _ in range(runs):
            for name, scorer in timed.items():
                started = time.perf_counter(), time.process_time()
                scorer(texts, questions)
                wall[name].append(time.perf_counter() - started[0])
                cpu[name].append(time.process_time() - started[1])
        medians = {name: round(median(one), 4) for name, one in cpu.items()}
        public = [name for name in timed if name.startswith("public")]
        report[form] = {
            "wall_seconds": {name: round(median(one), 4) for name, one in wall.items()},
            "cpu_seconds": medians,
            "times_faster": {
                f"{name} over {theirs.removeprefix('public: ')}": round(medians[theirs] / medians[name], 1)
                for theirs in public
                for name in timed
                if name not in public
            },
        }
    return report


def time_draws(rows: list[PublishedRow]) -> float:
    """Return the processor time of the first intervals over these scenes, in seconds."""
    started = time.process_time()
    SceneBootstrap([row.scene_id for row in rows])
    return round(time.process_time() - started, 4)


def oracle(rows: list[PublishedRow]) -> dict:
    """Score the answers that geometry gives to the questions that it decides."""
    source = VsiMetaSource(DATA / "vsi_meta_info")
    boxes = {ref.scene_id: source.load(ref) for ref in source.refs()}
    points = {name: with_sampled_points(scene) for name, scene in boxes.items()}
    rows = [row for row in rows if row.kind not in NOT_FROM_BOXES]
    result, reasons = answered(rows, points)
    exact, _ = answered([row for row in rows if row.kind == "object_abs_distance"], boxes)
    return {
        "columns": result["columns"],
        "directions": result["directions"],
        "between_solid_boxes": exact["columns"],
        "unanswerable": dict(reasons),
        "questions": result["coverage"]["questions"],
    }


def answered(rows: list[PublishedRow], scenes: dict[str, Scene]) -> tuple[dict, Counter]:
    """Answer questions from scenes; return the scores, and why some have no answer."""
    texts, reasons = [], Counter()
    for row in rows:
        try:
            texts.append(as_text(answer(row, scenes[row.scene_id]), row.options))
        except Unanswerable as reason:
            texts.append(None)
            reasons[f"{row.kind}: {reason}"] += 1
    return vsi_bench(texts, references(rows)), reasons


def main() -> None:
    """Measure, print, and write `evaluation.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thinking-in-space", type=Path, metavar="DIR", help="a checkout, whose scorer is run")
    parser.add_argument("--runs", type=at_least(1), default=9, help="turns of each scorer (default: %(default)s)")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit("error: ../shared/data: is missing; its rooms and questions of VSI-Bench are what is scored")
    published = read_questions(DATA / "vsibench_qa" / "eval_vsibench.json")
    rows = (published * -(-NUM_QUESTIONS // len(published)))[:NUM_QUESTIONS]
    timed = scorers(options.thinking_in_space)
    missing = {"public: thinking-in-space", "public: lmms-eval"} - timed.keys()
    report = {
        "machine": describe_machine() | {"versions": {name: version(name) for name in ("numpy", "pandas")}},
        "questions": len(rows),
        "distinct_questions": len(published),
        "not_timed": sorted(name.removeprefix("public: ") for name in missing),
        "draws_cpu_seconds": time_draws(rows),
        "scoring": time_scorers(timed, rows, options.runs),
        "oracle": oracle(published),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _module(path: Path):
    spec = importlib.util.spec_from_file_location(path.parent.name + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.eval_logger.remove()
    return module


def _documents(rows: list[dict]) -> list[dict]:
    return [{"question_type": row["task"], "ground_truth": row["answer"], "options": row["options"]} for row in rows]


def _thinking_in_space(path: Path) -> Callable:
    module = _module(path)

    def run(texts: list[str], rows: list[dict]) -> dict:
        processed = map(module.vsibench_process_results, _documents(rows), [[text] for text in texts])
        return module.vsibench_aggregate_results([one["vsibench_score"] for one in processed])

    return run


def _lmms_eval(path: Path) -> Callable:
    module = _module(path)

    def run(texts: list[str], rows: list[dict]) -> list[float]:
        processed = list(map(module.vsibench_process_results, _documents(rows), [[text] for text in texts]))
        documents = [one["vsibench_overall"] for one in processed]
        return [getattr(module, f"vsibench_aggregate_{name}")(documents) for name in LMMS_METRICS]

    return run


if __name__ == "__main__":
    main()
