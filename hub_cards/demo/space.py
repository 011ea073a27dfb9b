"""The page as a Space: app.py, requirements, card, our packages as a wheel, and sample scenes that may be shared."""

import json
import re
from importlib.metadata import requires, version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from packaging.requirements import Requirement

from dataset_builders.errors import InputError
from dataset_builders.inspection.files import read_group
from dataset_builders.inspection.overview import SceneEntry
from dataset_builders.staging import staged_folder
from hub_cards.demo.limits import Limits
from hub_cards.demo.samples import Samples
from hub_cards.demo.wheel import DISTRIBUTION, write_wheel
from hub_cards.licenses import license_metadata, read_terms
from hub_cards.templating import render

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w./-]+)?", re.ASCII)
EXTRAS = ("model", "page")
MOST_SAMPLES = 10
SAMPLES = "samples"


def write_space(folder: Path | str, model: str, dataset: Path | None, limits: Limits) -> None:
    """Write the folder of a Space; it appears complete or not at all.

    Args:
        folder: New folder.
        model: Hub id, perhaps with `@revision`: a Space loads its weights from the Hub.
        dataset: Folder from which sample scenes are taken, as many as may be shared and `MOST_SAMPLES` at most.
        limits: Of uploads and answers.

    Raises:
        InputError: if the model is no Hub id, the dataset has no scene that may be shared, or the folder is taken.
    """
    if Path(model).exists() or not HUB_ID.fullmatch(model):
        problem = "is not a Hub id, and a Space loads its model from the Hub"
        raise InputError(model, "--model", problem, "publish the model first, then give owner/name")
    with staged_folder(folder) as staged:
        terms = [] if dataset is None else _write_samples(staged / SAMPLES, dataset)
        write_wheel(staged)
        values = {
            "model": model,
            "samples": SAMPLES if dataset is not None else None,
            "limits": limits,
            "gradio": version("gradio"),
            "terms": sorted(set(terms)),
            "license": license_metadata(["Apache-2.0", *terms]),
        }
        (staged / "app.py").write_text(render("space_app.py.jinja", **values), encoding="utf-8")
        (staged / "README.md").write_text(render("space_card.md.jinja", **values), encoding="utf-8")
        (staged / "requirements.txt").write_text("\n".join([*_requirements(), ""]), encoding="utf-8")


def _requirements() -> list[str]:
    """List what our packages need to serve the page; gradio is the Space's own, see `sdk_version`."""
    found = set()
    for line in requires(DISTRIBUTION) or ():
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in EXTRAS):
            found.add(f"{needed.name}{needed.specifier}")
    return sorted(one for one in found if not one.startswith("gradio"))


def _write_samples(folder: Path, dataset: Path) -> list[str]:
    """Copy sample scenes with their questions; return their terms."""
    samples = Samples(dataset, MOST_SAMPLES)
    scenes, questions, terms = [], [], []
    for entry in samples.entries:
        scene = read_group(entry.group).slice(entry.row, 1)
        licence = scene["license"][0].as_py()
        if not read_terms(licence, entry.source).frames_withheld:
            scenes.append(scene)
            questions += [_own(read_group(group), entry) for group in entry.question_groups]
            terms.append(licence)
    if not scenes:
        problem = "allow no sharing of their frames"
        raise InputError(dataset, "licence of the scenes", problem, "leave --dataset out, or give another one")
    for name, tables in (("scenes", scenes), ("questions", questions)):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.concat_tables(tables), folder / name / "test-00000-of-00001.parquet")
    # The folder is read as any dataset is; of the whole one, nothing is claimed here.
    report = {"num_scenes": len(scenes), "num_questions": sum(map(len, questions)), "shortcuts": {}}
    (folder / "build_report.json").write_text(json.dumps(report), encoding="utf-8")
    return terms


def _own(questions: pa.Table, entry: SceneEntry) -> pa.Table:
    of_scene = pc.equal(questions["scene_id"], pa.scalar(entry.scene_id))
    return questions.filter(pc.and_(of_scene, pc.equal(questions["source"], pa.scalar(entry.source))))
