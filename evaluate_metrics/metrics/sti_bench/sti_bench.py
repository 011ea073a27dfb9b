"""STI-Bench (https://arxiv.org/abs/2503.23765): eight tasks of choices over indoor, desktop and outdoor videos."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import sti_bench as published

TASKS = (
    "Dimensional Measurement",
    "Spatial Relation",
    "3D Video Grounding",
    "Displacement & Path Length",
    "Speed & Acceleration",
    "Ego-Centric Orientation",
    "Trajectory Description",
    "Pose Estimation",
)
KINDS = dict.fromkeys(TASKS, bench.CHOICE)


def sti_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to STI-Bench.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them;
            `scene_id` is the name of the video file, from which the kind of scene is told.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is MINT-SJTU/STI-Bench, bit for bit.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `overall` (mean over questions), `macro` (mean of the tasks), `tasks`, `scenes` and `coverage`.
        Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.own}, protocol, predictions, references)
    scored = bench.break_down(predictions, references, KINDS, num_resamples)
    tasks = scored.by([row["task"] for row in references], TASKS)
    scenes = scored.by([published.scene_type(row["scene_id"]) for row in references])
    return {
        "overall": scored.all().to_json(),
        "macro": mean_of(tasks.values()).to_json(),
        "tasks": {task: figure.to_json() for task, figure in tasks.items()},
        "scenes": {scene: figure.to_json() for scene, figure in scenes.items()},
        "coverage": scored.coverage(),
    }


class StiBench(evaluate.Metric):
    """`sti_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=sti_bench.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return sti_bench(predictions, references, protocol, num_resamples)
