"""What a build did, counted: the JSON that stays with the dataset and the table that the command prints."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataset_builders.errors import InputError
from dataset_builders.record import ENGINE_VERSION
from dataset_builders.scene import Scene
from dataset_builders.tasks.rule import Rule
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from dataset_builders.turns import transcript, turns_of

COUNTERS = ("questions", "splits", "scenes", "letters", "skipped", "licenses", "skills", "conversations", "left_out")


@dataclass
class BuildReport:
    """Counts of one shard, or of a whole build.

    Attributes:
        source: Name of the source.
        arguments: What the build was asked for, without paths and without what does not change the result.
        questions: (task, scale) → questions.
        splits: Split → questions.
        scenes: Split → scenes.
        letters: (number of options, letter) → questions whose right option has that letter.
        skipped: (task, reason) → scenes without a question of the task.
        licenses: (source, terms) → scenes.
        skills: Rule → questions.
        conversations: (rule, number of turns) → questions that begin a conversation; above, these count once, but the
            letters of every turn count.
        left_out: (rule, what and why) → how many of it the rule could not ask about.
        repeated: Questions whose scene has another one in the same words.
        quarantine: Broken scenes that were left out: scene_id, place, field, problem, fix.
        hashes: Scene id → perceptual hashes of its frames; of a shard only.
        shortcuts: What text alone scores, see `shortcuts`; of a whole build only.
    """

    source: str = ""
    arguments: dict = field(default_factory=dict)
    questions: Counter = field(default_factory=Counter)
    splits: Counter = field(default_factory=Counter)
    scenes: Counter = field(default_factory=Counter)
    letters: Counter = field(default_factory=Counter)
    skipped: Counter = field(default_factory=Counter)
    licenses: Counter = field(default_factory=Counter)
    skills: Counter = field(default_factory=Counter)
    conversations: Counter = field(default_factory=Counter)
    left_out: Counter = field(default_factory=Counter)
    repeated: int = 0
    quarantine: list[dict] = field(default_factory=list)
    hashes: dict[str, list[int]] = field(default_factory=dict)
    shortcuts: dict = field(default_factory=dict)

    def add_scene(self, scene: Scene, split: str, skipped: dict[str, str], hashes: list[int]) -> None:
        """Count a scene."""
        self.hashes[scene.scene_id] = hashes
        self.scenes[split] += 1
        self.licenses[scene.source, scene.license] += 1
        self.skipped.update(skipped.items())

    def add_left_out(self, scene: Scene, rules: Sequence[Rule]) -> None:
        """Count what of a scene the rules cannot ask about, where they count it."""
        for rule in rules:
            if rule.left_out is not None and scene.scale in rule.scales:
                counts = rule.left_out(scene).items()
                self.left_out.update({(rule.name, reason): count for reason, count in counts if count})

    def add_questions(self, split: str, records: Sequence[dict]) -> None:
        """Count the rows of one scene."""
        self.repeated += len(records) - len({transcript(record) for record in records})
        for record in records:
            self._count(split, record)

    def _count(self, split: str, record: dict) -> None:
        self.splits[split] += 1
        self.questions[record["task"], record["scale"]] += 1
        rule = json.loads(record["provenance"]).get("rule", record["task"])
        self.skills[rule] += 1
        turns = turns_of(record)
        if len(turns) > 1:
            self.conversations[rule, len(turns)] += 1
        for turn in turns:
            if turn["options"]:
                self.letters[len(turn["options"]), turn["answer"]] += 1

    def add_broken(self, scene_id: str, error: InputError) -> None:
        """Note a scene that was left out."""
        row = {"scene_id": scene_id, "place": error.place, "field": error.field}
        self.quarantine.append(row | {"problem": error.problem, "fix": error.fix})

    def recount_questions(self, split: str, records: Sequence[dict]) -> None:
        """Count the rows of a shard anew, after some were taken out."""
        for name in ("splits", "questions", "letters", "skills", "conversations"):
            setattr(self, name, Counter())
        for record in records:
            self._count(split, record)

    def merge(self, other: "BuildReport") -> None:
        """Add the counts of another part of the same build."""
        for name in COUNTERS:
            getattr(self, name).update(getattr(other, name))
        self.repeated += other.repeated
        self.quarantine += other.quarantine

    def counts(self) -> dict:
        """Return the counts of a shard as JSON, from which `from_counts` restores them."""
        kept = {name: [[_as_list(key), count] for key, count in getattr(self, name).items()] for name in COUNTERS}
        rows = {"questions": self.splits.total(), "scenes": self.scenes.total()}
        return {
            **rows,
            "counters": kept,
            "repeated": self.repeated,
            "quarantine": self.quarantine,
            "hashes": self.hashes,
        }

    @classmethod
    def from_counts(cls, content: dict) -> "BuildReport":
        """Restore what `counts` returned."""
        counters = {
            name: Counter({tuple(key) if isinstance(key, list) else key: count for key, count in rows})
            for name, rows in content["counters"].items()
        }
        return cls(
            **counters, repeated=content["repeated"], quarantine=content["quarantine"], hashes=content["hashes"]
        )

    def to_json(self) -> dict:
        """Return what build_report.json holds; keys in a fixed order."""
        by_task, by_scale = Counter(), Counter()
        for (task, scale), count in self.questions.items():
            by_task[task] += count
            by_scale[scale] += count
        terms: dict[str, list[str]] = {}
        for source, text in sorted(self.licenses):
            terms.setdefault(source, []).append(text)
        return {
            "source": self.source,
            "seed": self.arguments["seed"],
            "engine": ENGINE_VERSION,
            "num_scenes": self.scenes.total(),
            "num_questions": self.splits.total(),
            "by_task": {task: by_task[task] for task in TASK_NAMES if by_task[task]},
            "by_scale": {scale: by_scale[scale] for scale in SCALE_NAMES if by_scale[scale]},
            "by_task_and_scale": _nested(self.questions),
            # A default build has a rule per way to ask; of a set of skills, each rule is one.
            **({"by_skill": dict(sorted(self.skills.items()))} if "config" in self.arguments else {}),
            **({"conversations": _nested(self.conversations)} if self.conversations else {}),
            "by_split": dict(sorted(self.splits.items())),
            "scenes_by_split": dict(sorted(self.scenes.items())),
            "letters": _nested(self.letters),
            "repeated": self.repeated,
            "shortcuts": self.shortcuts,
            "skipped": _nested(self.skipped),
            **({"left_out": _nested(self.left_out)} if self.left_out else {}),
            "quarantined": len(self.quarantine),
            "licenses": {source: "; ".join(texts) for source, texts in terms.items()},
            "arguments": self.arguments,
        }

    @classmethod
    def from_json(cls, content: dict) -> "BuildReport":
        """Restore from build_report.json what `text` shows."""
        return cls(
            content["source"],
            content["arguments"],
            questions=_flat(content["by_task_and_scale"]),
            skills=Counter(content.get("by_skill", {})),
            conversations=Counter(
                {(rule, int(turns)): count for (rule, turns), count in _flat(content.get("conversations", {})).items()}
            ),
            splits=Counter(content["by_split"]),
            scenes=Counter(content["scenes_by_split"]),
            skipped=_flat(content["skipped"]),
            left_out=_flat(content.get("left_out", {})),
            repeated=content["repeated"],
            quarantine=[{}] * content["quarantined"],
            shortcuts=content["shortcuts"],
        )

    def text(self) -> str:
        """Lay out the counts: tasks by scales with their share, then what was skipped and why."""
        scales = [scale for scale in SCALE_NAMES if any(key[1] == scale for key in self.questions)]
        tasks = [task for task in TASK_NAMES if any(key[0] == task for key in self.questions)]
        total = self.splits.total()
        rows = [["task", *scales, "all", "share"]]
        for task in tasks:
            counts = [self.questions[task, scale] for scale in scales]
            rows.append([task, *map(str, counts), str(sum(counts)), f"{sum(counts) / total:.1%}"])
        sums = [sum(self.questions[task, scale] for task in tasks) for scale in scales]
        rows.append(["all", *map(str, sums), str(total), f"{1:.1%}"])
        lines = [_table(rows), ""]
        if "config" in self.arguments:
            lines += [
                _table([["skill", "all"], *([name, str(count)] for name, count in sorted(self.skills.items()))]),
                "",
            ]
        if self.conversations:
            turns = sum(number * count for (_, number), count in self.conversations.items())
            lines.append(f"{self.conversations.total()} of the questions begin conversations, of {turns} turns in all")
        lines.append(f"{self.scenes.total()} scenes, {len(self.quarantine)} quarantined")
        lines.append(f"identical (scene, question) pairs: {self.repeated} of {total} ({self.repeated / total:.4%})")
        for (task, reason), count in sorted(self.skipped.items()):
            lines.append(f"skipped: {task} in {count} scenes ({reason})")
        for (rule, reason), count in sorted(self.left_out.items()):
            lines.append(f"left out: {rule}: {reason}: {count}")
        return "\n".join([*lines, "", *_shortcut_lines(self.shortcuts)])


def _shortcut_lines(shortcuts: dict) -> list[str]:
    """Lay out what text alone scores: choices against chance, then numbers."""
    rows = [["text alone, %", "questions", "chance", "majority or median", "prior", "shortcut", "± SE"]]
    for kind, tasks in shortcuts.items():
        for task, row in tasks.items():
            values = [
                str(row["questions"]),
                *(f"{row[name]:.1f}" for name in ("chance", "plain", "prior", "shortcut", "error")),
            ]
            rows.append([f"{task} ({kind})", *values])
    return [_table(rows)] if len(rows) > 1 else []


def _as_list(key: str | tuple) -> str | list:
    return list(key) if isinstance(key, tuple) else key


def _flat(nested: dict[str, dict[str, int]]) -> Counter:
    return Counter({(outer, inner): count for outer, row in nested.items() for inner, count in row.items()})


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
