"""What a build did, counted: the JSON that stays with the dataset and the table that the command prints."""

from collections import Counter
from dataclasses import dataclass, field

from dataset_builders.record import ENGINE_VERSION
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES


@dataclass
class BuildReport:
    """Counts, collected scene by scene.

    Attributes:
        source: Name of the source.
        arguments: What the build was asked for, without paths and without what does not change the result.
        questions: (task, scale) → questions.
        splits: Split → questions.
        scenes: Split → scenes.
        letters: (number of options, letter) → questions whose right option has that letter.
        skipped: (task, reason) → scenes without a question of the task.
        licenses: Terms of the scenes.
        quarantined: Broken scenes that were left out.
    """

    source: str
    arguments: dict
    questions: Counter = field(default_factory=Counter)
    splits: Counter = field(default_factory=Counter)
    scenes: Counter = field(default_factory=Counter)
    letters: Counter = field(default_factory=Counter)
    skipped: Counter = field(default_factory=Counter)
    licenses: set[str] = field(default_factory=set)
    quarantined: int = 0

    def add_scene(self, split: str, license_text: str, skipped: dict[str, str]) -> None:
        """Count a scene."""
        self.scenes[split] += 1
        self.licenses.add(license_text)
        self.skipped.update(skipped.items())

    def add_question(self, split: str, record: dict) -> None:
        """Count a row."""
        self.questions[record["task"], record["scale"]] += 1
        self.splits[split] += 1
        if record["options"]:
            self.letters[len(record["options"]), record["answer"]] += 1

    def to_json(self) -> dict:
        """Return what build_report.json holds; keys in a fixed order."""
        by_task, by_scale = Counter(), Counter()
        for (task, scale), count in self.questions.items():
            by_task[task] += count
            by_scale[scale] += count
        return {
            "source": self.source,
            "seed": self.arguments["seed"],
            "engine": ENGINE_VERSION,
            "num_scenes": self.scenes.total(),
            "num_questions": self.questions.total(),
            "by_task": {task: by_task[task] for task in TASK_NAMES if by_task[task]},
            "by_scale": {scale: by_scale[scale] for scale in SCALE_NAMES if by_scale[scale]},
            "by_split": dict(sorted(self.splits.items())),
            "scenes_by_split": dict(sorted(self.scenes.items())),
            "letters": _nested(self.letters),
            "skipped": _nested(self.skipped),
            "quarantined": self.quarantined,
            "licenses": {self.source: "; ".join(sorted(self.licenses))},
            "arguments": self.arguments,
        }

    def text(self) -> str:
        """Lay out the counts: tasks by scales, then what was skipped and why."""
        scales = [scale for scale in SCALE_NAMES if any(key[1] == scale for key in self.questions)]
        tasks = [task for task in TASK_NAMES if any(key[0] == task for key in self.questions)]
        rows = [["task", *scales, "all"]]
        for task in tasks:
            counts = [self.questions[task, scale] for scale in scales]
            rows.append([task, *map(str, counts), str(sum(counts))])
        sums = [sum(self.questions[task, scale] for task in tasks) for scale in scales]
        rows.append(["all", *map(str, sums), str(sum(sums))])
        lines = [_table(rows), "", f"{self.scenes.total()} scenes, {self.quarantined} quarantined"]
        for (task, reason), count in sorted(self.skipped.items()):
            lines.append(f"skipped: {task} in {count} scenes ({reason})")
        return "\n".join(lines)


def _nested(counts: Counter) -> dict:
    """Turn (outer, inner) → count into outer → inner → count, sorted, with JSON's string keys."""
    nested: dict[str, dict] = {}
    for (outer, inner), count in sorted(counts.items()):
        nested.setdefault(str(outer), {})[str(inner)] = count
    return nested


def _table(rows: list[list[str]]) -> str:
    """Align columns, the first to the left, numbers to the right, with a rule under the head.

    >>> print(_table([["task", "all"], ["room_size", "12"]]))
    task       all
    --------------
    room_size   12
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
