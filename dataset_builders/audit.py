"""Agreement of published VSI-Bench answers with those of our own task code.

A measure is compared as computed, before the rounding of our own answers: the published one is rounded already, and
rounding both would count that loss twice. Published distances between objects are those between points sampled in
their boxes (`vsibench_points` gives all of them), so they exceed the distance between the solid boxes, which is ours.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dataset_builders.agreement import is_close, mean_relative_accuracy
from dataset_builders.errors import InputError
from dataset_builders.scene import Scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.vsibench import KINDS, PublishedRow, Unanswerable, answer, read_questions


@dataclass(frozen=True)
class Agreement:
    """How one type of question came out.

    Attributes:
        total: Rows.
        answered: Rows that the scenes can answer.
        agree: Answered rows with the published letter or count, or within 5 % of the published measure.
        mra: Mean relative accuracy of the answered rows; None for choices and where nothing was answered.
        unanswered: (row id, scene id, reason) of the rest.
    """

    total: int
    answered: int
    agree: int
    mra: float | None
    unanswered: tuple[tuple[int, str, str], ...]

    def to_json(self) -> dict:
        """Return the fields as JSON values."""
        unanswered = [{"id": row, "scene_id": scene, "reason": reason} for row, scene, reason in self.unanswered]
        numbers = {"total": self.total, "answered": self.answered, "agree": self.agree, "mra": self.mra}
        return {**numbers, "unanswered": unanswered}


@dataclass(frozen=True)
class AuditReport:
    """The agreement per type of question, in the order of the file."""

    kinds: dict[str, Agreement]

    def to_json(self) -> dict:
        """Return type → `total`, `answered`, `agree`, `mra` and the unanswered rows."""
        return {kind: agreement.to_json() for kind, agreement in self.kinds.items()}

    def text(self) -> str:
        """Return a table, and below it the rows that cannot be answered, by reason."""
        lines = [f"{'question type':<30}{'total':>7}{'answered':>10}{'agree':>7}{'':>9}{'MRA':>8}"]
        for kind, one in self.kinds.items():
            share = f"{100 * one.agree / one.answered:.1f} %" if one.answered else "-"
            mra = "-" if one.mra is None else f"{one.mra:.3f}"
            lines.append(f"{kind:<30}{one.total:>7}{one.answered:>10}{one.agree:>7}{share:>9}{mra:>8}")
        reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
        for kind, one in self.kinds.items():
            for row_id, _, reason in one.unanswered:
                reasons[kind, reason].append(row_id)
        lines += ["", "not answered: type, reason, rows" if reasons else "every row was answered"]
        lines += [f"  {kind}: {reason}: {len(rows)} ({_ranges(rows)})" for (kind, reason), rows in reasons.items()]
        return "\n".join(lines)


def run_audit(scenes_dir: Path | str, questions_file: Path | str) -> AuditReport:
    """Answer a file of published questions from the scenes of a folder.

    Args:
        scenes_dir: Holds the `*_meta_info_val.json` of VSI-Bench.
        questions_file: JSON list with problem_id, original_question_type, problem, options, solution and path.

    Raises:
        InputError: if a file is missing or truncated, or a row lacks a field.
    """
    source, rows = VsiMetaSource(scenes_dir), read_questions(Path(questions_file))
    refs, scenes = {ref.scene_id: ref for ref in source.refs()}, {}
    outcomes: dict[str, list] = defaultdict(list)
    for row in tqdm(rows, desc="audit", unit="question"):
        try:
            if row.scene_id not in scenes:
                scenes[row.scene_id] = _load(source, refs, row.scene_id)
            outcomes[row.kind].append((row, answer(row, scenes[row.scene_id])))
        except Unanswerable as reason:
            outcomes[row.kind].append((row, reason))
    return AuditReport({kind: _agreement(kind, pairs) for kind, pairs in outcomes.items()})


def _load(source: VsiMetaSource, refs: dict[str, SceneRef], scene_id: str) -> Scene:
    if scene_id not in refs:
        raise Unanswerable("its scene is not in the folder")
    try:
        return source.load(refs[scene_id])
    except InputError as error:
        raise Unanswerable(f"its scene is broken: {error}") from error


def _agreement(kind: str, outcomes: list[tuple[PublishedRow, str | float | Unanswerable]]) -> Agreement:
    answered = [(row, ours) for row, ours in outcomes if not isinstance(ours, Unanswerable)]
    compare = KINDS[kind].compare if kind in KINDS else "choice"
    agrees = is_close if compare == "measure" else lambda ours, published: ours == published
    scores = [] if compare == "choice" else [mean_relative_accuracy(ours, row.answer) for row, ours in answered]
    return Agreement(
        total=len(outcomes),
        answered=len(answered),
        agree=sum(agrees(ours, row.answer) for row, ours in answered),
        mra=round(sum(scores) / len(scores), 6) if scores else None,
        unanswered=tuple(
            (row.row_id, row.scene_id, str(ours)) for row, ours in outcomes if isinstance(ours, Unanswerable)
        ),
    )


def _ranges(rows: Iterable[int]) -> str:
    """Print row ids with runs joined.

    >>> _ranges([7, 1, 2, 3])
    '1-3, 7'
    """
    runs: list[list[int]] = []
    for row in sorted(rows):
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in runs)
