"""What is taken out once all shards are there: train scenes that look like held-out ones, and shortcuts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_builders.debias import questions_to_drop
from dataset_builders.items import read_items
from dataset_builders.leakage import near_duplicates
from dataset_builders.record import QUESTION_FEATURES, named
from dataset_builders.report import BuildReport
from dataset_builders.settings import BuildSettings
from dataset_builders.shards import Shard, build_shard
from dataset_builders.shortcuts import measure
from dataset_builders.sources import Source
from dataset_builders.workspace import Workspace, write_whole
from dataset_builders.writer import prune_part

MOST_MEASURED = 100_000
"""Questions from which the strength of shortcuts is measured."""


def sieve(
    source: Source,
    settings: BuildSettings,
    space: Workspace,
    shards: Sequence[Shard],
    reports: list[BuildReport],
) -> list[BuildReport]:
    """Take out near-duplicates, and shortcuts where the settings say so, and return the counts of what is left."""
    reports = _without_leaks(source, settings, space, shards, reports)
    return _without_shortcuts(space, shards, reports) if settings.debias else reports


def _without_leaks(
    source: Source, settings: BuildSettings, space: Workspace, shards: Sequence[Shard], reports: list[BuildReport]
) -> list[BuildReport]:
    """Build the shards that hold a near-duplicate again without it."""
    seen: dict[bool, dict] = {True: {}, False: {}}
    for shard, report in zip(shards, reports, strict=True):
        seen[shard.split == "train"] |= report.hashes
    leaking = near_duplicates(train=seen[True], held_out=seen[False])
    clean = []
    for shard, report in zip(shards, reports, strict=True):
        if any(ref.scene_id in leaking for ref in shard.refs):
            (space.shards / f"{shard.name}.json").unlink(missing_ok=True)
            report = build_shard(source, replace(settings, strict=False), space, shard, leaking)
        clean.append(report)
    return clean


def _without_shortcuts(space: Workspace, shards: Sequence[Shard], reports: list[BuildReport]) -> list[BuildReport]:
    """Prune the parts; what goes is decided once and kept, so that a build that was stopped decides the same."""
    parts = [space.dataset / "questions" / f"{shard.name}.part" for shard in shards]
    decided = space.folder / "dropped.json"
    if not decided.exists():
        items = read_items([part for part in parts if part.exists()])
        write_whole(decided, json.dumps(sorted(questions_to_drop(items))))
    keys = set(json.loads(decided.read_text(encoding="utf-8")))
    for shard, part, report in zip(shards, parts, reports, strict=True):
        if part.exists():
            left = prune_part(part, keys)
            report.recount_questions(shard.split, [named(row, QUESTION_FEATURES) for row in left])
            write_whole(space.shards / f"{shard.name}.json", json.dumps(report.counts()))
    return reports


def measure_shortcuts(paths: Sequence[Path]) -> dict:
    """Return what guessers score on the questions of finished files: `choices` and `numbers` → task → figures."""
    strengths = measure(read_items(paths, MOST_MEASURED))
    return {kind: {task: one.to_json() for task, one in tasks.items()} for kind, tasks in strengths.items()}
