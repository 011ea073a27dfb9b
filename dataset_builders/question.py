"""What a task writes: a question with its computed answer, before it becomes a row of the dataset."""

from dataclasses import dataclass, field

# Colours of drawn regions, in the order in which a question names them (published SpaceVista data uses the same).
REGION_COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 200, 0), "yellow": (255, 220, 0)}


@dataclass(frozen=True)
class Region:
    """A mark on one frame; pixel coordinates of that frame, x right, y down.

    Attributes:
        frame_index: Index into `Scene.frames`.
        kind: `point` or `bbox`.
        colour: A key of `REGION_COLOURS`.
        point: [x, y], for kind `point`.
        bbox: [x1, y1, x2, y2], for kind `bbox`.
    """

    frame_index: int
    kind: str
    colour: str
    point: tuple[float, float] | None = None
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Question:
    """A question whose answer was computed from the scene.

    Attributes:
        task: One of `TASK_NAMES`.
        answer_type: `regression` or `multiple_choice`.
        prompt_type: `text`, `point` or `bbox`.
        text: The question, without options.
        answer: The number in `unit`, already rounded and printed, or the text of the right option (letters are given
            out when all scenes are known, so that they balance over the whole dataset).
        unit: Unit of a regression answer (`""` for counts and choices).
        options: Texts of all options, the right one among them, in any order; empty for regression.
        semantics: Names of the objects that the question is about; empty where none applies.
        needs_scale: Whether a metric estimate of the scene's scale helps (Eq. 3's second anchor).
        rationale: The computation in words; ends before the answer is repeated in its tag.
        rule: Name of the rule that decided, e.g. `vsi.relative_distance`.
        measured: JSON-able intermediate quantities, metres and degrees.
        margins: JSON-able distances from ambiguity, same units.
        template: Which wording was used.
        regions: Marks on frames.
        frame_index: Frame that the text refers to, where it refers to one.
    """

    task: str
    answer_type: str
    prompt_type: str
    text: str
    answer: str
    rationale: str
    rule: str
    unit: str = ""
    options: tuple[str, ...] = ()
    semantics: tuple[str, ...] = ()
    needs_scale: bool = False
    measured: dict = field(default_factory=dict)
    margins: dict = field(default_factory=dict)
    template: str = ""
    regions: tuple[Region, ...] = ()
    frame_index: int | None = None
