"""What a task computes, a `Fact`, and what is asked about it, a `Question`: the fact in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Colours of drawn regions, in the order in which a question names them (published SpaceVista data uses the same).
REGION_COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 200, 0), "yellow": (255, 220, 0)}


@dataclass(frozen=True)
class Region:
    """A mark on one frame; pixel coordinates of that frame, x right, y down.

    Attributes:
        frame_index: Index into `Scene.frames`.
        kind: `point`, `bbox`, `mask` or `path`.
        colour: A key of `REGION_COLOURS`.
        point: [x, y], for kind `point`.
        bbox: [x1, y1, x2, y2], for kind `bbox`.
        mask: COCO run lengths {"size": [H, W], "counts": text}, for kind `mask`; see `masks`.
        path: [[x, y], …], for kind `path`, a polyline in the order in which it is walked.
    """

    frame_index: int
    kind: str
    colour: str
    point: tuple[float, float] | None = None
    bbox: tuple[float, float, float, float] | None = None
    mask: dict | None = None
    path: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class Fact:
    """What a rule computed from a scene: an answer, how sure it is, and the words in which it can be asked.

    Attributes:
        rule: Name of the rule that decided, e.g. `vsi.relative_distance`.
        task: One of `TASK_NAMES`.
        answer_type: `regression` (a number in `unit`), `multiple_choice` (one of `options`) or `free_form` (text).
        prompt_type: `text`, `point`, `bbox` or `mask`.
        answer: The number in `unit`, already rounded and printed, or the text of the answer or right option (letters
            are given out later, so that they balance).
        words: Fills the slots of the templates; every slot of every template of `wording` has a value.
        wording: Name of the templates, a key in `templates/<task>.yaml`; that of the rule if empty.
        unit: Unit of a regression answer (`""` for counts and choices).
        options: Texts of all options, the right one among them, in any order; empty unless multiple choice.
        open_ended: Whether a multiple-choice fact can also be asked without its options, to be answered in words.
        told_by_words: Whether a name or another word tells about how large the number is; among options it would then
            stand out.
        semantics: Names of the objects that the question is about; empty where none applies.
        needs_scale: Whether a metric estimate of the scene's scale helps (Eq. 3's second anchor).
        measured: JSON-able intermediate quantities, metres and degrees.
        margins: JSON-able distances from ambiguity, same units; positive, or zero at the edge.
        regions: Marks on frames.
        key_frames: Frames that the question cannot do without, besides those with regions.
        then: What is asked next, about the same frames, in a conversation that this fact begins; none of these facts
            has a `then` of its own, and the marks of all are drawn at once.
    """

    rule: str
    task: str
    answer_type: str
    prompt_type: str
    answer: str
    words: Mapping[str, str] = field(default_factory=dict)
    wording: str = ""
    unit: str = ""
    options: tuple[str, ...] = ()
    open_ended: bool = False
    told_by_words: bool = False
    semantics: tuple[str, ...] = ()
    needs_scale: bool = False
    measured: dict = field(default_factory=dict)
    margins: dict = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    key_frames: tuple[int, ...] = ()
    then: tuple["Fact", ...] = ()


@dataclass(frozen=True)
class Question:
    """A fact in words, and those that follow it in a conversation.

    Attributes:
        fact: What is asked about, in the form (answer type, options) in which it is asked.
        text: The question, without options.
        rationale: The computation in words, which ends in the answer.
        template: Which template, e.g. `vsi.object_size/12`.
        then: The facts that follow it, in words.
    """

    fact: Fact
    text: str
    rationale: str
    template: str
    then: tuple["Question", ...] = ()

    @property
    def transcript(self) -> str:
        """The texts of all turns, a line each: what no other question of a scene may say."""
        return "\n".join([self.text, *(turn.text for turn in self.then)])
