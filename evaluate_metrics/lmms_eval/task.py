"""SpaceVista-Bench as a task of lmms-eval: our loader, prompts, frames and scores behind its configuration file."""

import os
from collections.abc import Sequence

from datasets import Dataset, DatasetDict
from lmms_eval.api.task import ConfigurableMessagesTask

from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark
from evaluate_metrics.metrics.spacevista_bench.spacevista_bench import spacevista_bench

FOLDER = "SPACEVISTA_BENCH"
"""Environment variable: folder of the benchmark; without it, the published repository is fetched."""


class SpaceVistaBench(ConfigurableMessagesTask):
    """The only change w.r.t. `ConfigurableMessagesTask` is where questions and messages come from.

    Frames are sent as images, which all chat models of lmms-eval take.
    """

    def __init__(self, config: dict, model_name: str | None = None):
        """Read the questions.

        Raises:
            InputError: if the folder is not the benchmark.
        """
        super().__init__(
            config={name: value for name, value in config.items() if name != "class"}, model_name=model_name
        )

    def download(self, dataset_kwargs: dict | None = None) -> None:
        """Open the benchmark; a row of the dataset is what a score needs, frames are loaded when asked for."""
        num_frames = dataset_kwargs["num_frames"]
        definition = BENCHMARKS["spacevista-bench"]
        self._benchmark = open_benchmark(definition, os.environ.get(FOLDER), self.config.test_split, num_frames)
        rows = [
            {
                "row": place,
                "id": record["id"],
                "scene_id": record["scene_id"],
                "task": record["category"],
                "question": self._benchmark.prompt(record),
                "options": record["options"],
                "answer": record["answer"],
                **record["published"],
            }
            for place, record in enumerate(self._benchmark.records)
        ]
        self.dataset = DatasetDict({self.config.test_split: Dataset.from_list(rows)})
        self.dataset_no_image = self.dataset.copy()

    def doc_to_messages(self, doc: dict, **_) -> list[dict]:
        """Write a question with its frames, marks drawn, in the form of lmms-eval."""
        record = self._benchmark.records[doc["row"]]
        shown = self._benchmark.show(record)
        images = [{"type": "image", "url": image} for image in shown.images]
        return [{"role": "user", "content": [*images, {"type": "text", "text": doc["question"]}]}]


def process_results(doc: dict, results: Sequence[str]) -> dict[str, dict]:
    """Keep the completion beside its question, for every figure."""
    row = {"reference": {name: value for name, value in doc.items() if name != "question"}, "completion": results[0]}
    return dict.fromkeys(("micro", "macro", "published", *SCALES), row)


def micro(rows: Sequence[dict]) -> float:
    """Average over questions, percent, read in our way."""
    return _score(rows)["micro"]["score"]


def macro(rows: Sequence[dict]) -> float:
    """Average over tasks, percent, read in our way."""
    return _score(rows)["macro"]["score"]


def published(rows: Sequence[dict]) -> float:
    """Average over questions, percent, bit for bit as the scorer of the benchmark has it."""
    return 100 * _score(rows, protocol="published")["overall"]


def _scale(name: str, rows: Sequence[dict]) -> float:
    """Average over the questions of a scale, percent; 0 where there is none."""
    scales = _score(rows)["scales"]
    return scales[SCALES[name]]["score"] if SCALES[name] in scales else 0.0


def tiny_tabletop(rows: Sequence[dict]) -> float:
    """Average over the questions of scale mm."""
    return _scale("tiny_tabletop", rows)


def tabletop(rows: Sequence[dict]) -> float:
    """Average over the questions of scale cm."""
    return _scale("tabletop", rows)


def indoor(rows: Sequence[dict]) -> float:
    """Average over the questions of scale m."""
    return _scale("indoor", rows)


def outdoor(rows: Sequence[dict]) -> float:
    """Average over the questions of scale <km."""
    return _scale("outdoor", rows)


SCALES = {"tiny_tabletop": "TinyTabletop", "tabletop": "Tabletop", "indoor": "Indoor", "outdoor": "Outdoor"}


def _score(rows: Sequence[dict], **options) -> dict:
    return spacevista_bench([row["completion"] for row in rows], [row["reference"] for row in rows], **options)
