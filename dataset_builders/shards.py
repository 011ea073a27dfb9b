"""A dataset in shards: scenes of one split and scale each, built alone, by any process, complete or not at all."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.fov import unify_scene
from dataset_builders.frames import scene_row
from dataset_builders.leakage import frame_hashes
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES, LetterBalance, to_record
from dataset_builders.report import BuildReport
from dataset_builders.settings import BuildSettings
from dataset_builders.sources import SceneRef, Source
from dataset_builders.splits import SPLITS, assign_splits
from dataset_builders.taxonomy import SCALE_NAMES
from dataset_builders.workspace import Workspace, write_whole
from dataset_builders.writer import PartWriter

FEATURES = {"questions": QUESTION_FEATURES, "scenes": SCENE_FEATURES}
ROWS_PER_GROUP = {"questions": 2000, "scenes": 16}
LEAST_SCENES, MOST_SHARDS = 4, 128


@dataclass(frozen=True)
class Shard:
    """Scenes that are built and written together.

    Attributes:
        split: Of all of them.
        scale: Of all of them.
        number: Among the shards of this split and scale, from 0.
        refs: In the order of the source.
    """

    split: str
    scale: str
    number: int
    refs: tuple[SceneRef, ...]

    @property
    def name(self) -> str:
        """What its files are called before it is known how many there are."""
        return f"{self.group}-{self.number:05d}"

    @property
    def group(self) -> str:
        """What the files of its split and scale begin with."""
        return f"{self.split}-{self.scale}"


def plan_shards(refs: Sequence[SceneRef], seed: int, excluded: Container[str] = ()) -> list[Shard]:
    """Divide scenes into splits and scales, and each of these into shards; the number of workers plays no part.

    >>> [(shard.name, len(shard.refs)) for shard in plan_shards([SceneRef(f"{i}", "indoor") for i in range(10)], 0)]
    [('train-indoor-00000', 4), ('train-indoor-00001', 4), ('validation-indoor-00000', 1), ('test-indoor-00000', 1)]
    """
    splits = assign_splits(refs, seed, excluded)
    size = max(LEAST_SCENES, ceil(len(refs) / MOST_SHARDS))
    shards = []
    for split, scale in product(SPLITS, SCALE_NAMES):
        members = [ref for ref in refs if (splits[ref.scene_id], ref.scale) == (split, scale)]
        shards += [
            Shard(split, scale, number, tuple(members[start : start + size]))
            for number, start in enumerate(range(0, len(members), size))
        ]
    return shards


def build_shard(
    source: Source, settings: BuildSettings, space: Workspace, shard: Shard, leaking: Mapping[str, str] | None = None
) -> BuildReport:
    """Build a shard, unless that was done before, and return what it counts.

    Its counts are written last: where they exist, the shard is complete.

    Args:
        source: Of the scenes.
        settings: What to ask.
        space: Where to build.
        shard: Which scenes.
        leaking: Scene id → the held-out scene that it looks like; such scenes are quarantined.

    Raises:
        InputError: if a scene is broken and `settings.strict` is set.
    """
    done = space.shards / f"{shard.name}.json"
    if done.exists():
        return BuildReport.from_counts(json.loads(done.read_text(encoding="utf-8")))
    report = BuildReport()
    parts = {config: space.dataset / config / f"{shard.name}.part" for config in FEATURES}
    questions, scenes = (PartWriter(parts[name], FEATURES[name], ROWS_PER_GROUP[name]) for name in FEATURES)
    with questions, scenes:
        for ref in shard.refs:
            try:
                _refuse_leak(ref, leaking or {})
                _build_scene(source, settings, ref, shard.split, questions, scenes, report)
            except InputError as error:
                if settings.strict:
                    raise
                report.add_broken(ref.scene_id, error)
    write_whole(done, json.dumps(report.counts()))
    return report


def _refuse_leak(ref: SceneRef, leaking: Mapping[str, str]) -> None:
    if ref.scene_id in leaking:
        problem = f"look like those of the held-out scene {leaking[ref.scene_id]}"
        raise InputError(ref.scene_id, "frames", problem, "nothing, it is left out so that it does not leak")


def _build_scene(
    source: Source,
    settings: BuildSettings,
    ref: SceneRef,
    split: str,
    questions: PartWriter,
    scenes: PartWriter,
    report: BuildReport,
) -> None:
    scene = source.load(ref)
    if settings.unify_focal is not None:
        scene = unify_scene(scene, settings.unify_focal)
    asked = ask(scene, settings.rules, settings.seed, settings.max_per_scene, settings.max_wordings)
    letters = LetterBalance(scene.scene_id)
    records = [to_record(question, scene, letters) for question in asked.questions]
    scenes.write(scene_row(scene))
    for record in records:
        questions.write(record)
    report.add_scene(scene, split, asked.skipped, frame_hashes(scene))
    report.add_left_out(scene, settings.rules)
    report.add_questions(split, records)


def finish_shards(space: Workspace, shards: Sequence[Shard]) -> None:
    """Give the parts that hold rows their final names, which tell how many there are; can be repeated."""
    for config in FEATURES:
        for group in dict.fromkeys(shard.group for shard in shards):
            names = [shard.name for shard in shards if shard.group == group]
            folder = space.dataset / config
            rows = [json.loads((space.shards / f"{name}.json").read_text(encoding="utf-8"))[config] for name in names]
            for name, count in zip(names, rows, strict=True):
                if not count:
                    (folder / f"{name}.part").unlink(missing_ok=True)
            kept = [name for name, count in zip(names, rows, strict=True) if count]
            for number, name in enumerate(kept):
                part = folder / f"{name}.part"
                if part.exists():
                    part.rename(folder / f"{group}-{number:05d}-of-{len(kept):05d}.parquet")
