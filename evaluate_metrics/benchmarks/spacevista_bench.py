"""SpaceVista-Bench: `bench_final.json` or `bench_all_clean_corrected.json`, beside the frames that it names."""

from pathlib import Path

from dataset_builders.conversation import FORMAT
from dataset_builders.importers import bench
from dataset_builders.importers.base import to_record
from dataset_builders.importers.marks import FrameList
from dataset_builders.importers.reading import strip_markers
from evaluate_metrics.benchmarks.base import Definition, find_one, make_record, member
from evaluate_metrics.benchmarks.media import FrameFiles

FILES = ("bench_all_clean_corrected.json", "bench_final.json")
# The form of the answer as the published row states it; the published scripts guess it from the answer.
ASKS = {
    "mc": "Answer with the option's letter where options are given.",
    "numerical": "Answer with a number, and its unit if it has one.",
    "text": "Answer in a few words.",
}


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    path = find_one(folder, FILES, "questions")[0]
    records = []
    for row in bench.FORMAT.read(path):
        asked = bench.convert(row, folder)
        # From the published text, because the importer splits off options by comparing them with the answer.
        question = strip_markers(row.content["question"])
        frames = FrameList(row.content["videos"], row.place).paths
        kept = to_record(asked, row, bench.FORMAT.name)
        changed = {
            "id": str(asked.original_id),
            "question": question,
            "asks": row.content["answer_type"],
            "category": asked.original_task,
            "published": {
                "category": row.content["metadata"].get("category"),
                "answer_type": row.content["answer_type"],
                "unit": kept["unit"],
            },
            "options_in_question": True,
            "media": FrameFiles(tuple(member(folder, name, row.place) for name in frames)),
        }
        records.append(make_record(**kept | changed))
    return records, [path]


def prompt(record: dict) -> str:
    """Write question (which holds its options), form of the answer, and reply format."""
    return "\n".join([record["question"], ASKS[record["asks"]], FORMAT])


DEFINITION = Definition(
    "spacevista-bench",
    "SpaceVista/SpaceVista-Bench",
    read,
    prompt,
    "the published question with its options, the form of answer that its row states, and the reply format of "
    "SpaceVista; marked frames are always among those shown",
    "spacevista_bench",
)
