"""What to build from a source."""

from dataclasses import dataclass, field

from dataset_builders.errors import InputError
from dataset_builders.tasks import RULES, TASKS, Rule
from dataset_builders.vst import CONFIGS


@dataclass(frozen=True)
class BuildSettings:
    """What to ask, of which scenes.

    Attributes:
        tasks: Names of tasks that have rules, or of rules.
        config: A key of `CONFIGS`, whose rules are used instead of the default ones; None for these.
        num_scenes: Only the first so many scenes of the source; None for all.
        max_per_scene: Most questions per scene (VSI-Bench has at most 6 per scene and task; 42 is that for 7 tasks).
        max_wordings: Only the first so many templates of each wording; None for all.
        num_proc: Worker processes; does not change the result.
        seed: Of questions, options and splits.
        excluded: Scene ids that must not be trained on, as benchmarks list them.
        debias: Take out questions that text alone answers.
        unify_focal: Resize all frames to this focal length, pixels, see `fov`; None to leave them as they are.
        strict: Refuse a source with a broken scene, where otherwise that scene is quarantined.
        source_options: How the source was opened, kept in the report.
    """

    tasks: tuple[str, ...] = TASKS
    config: str | None = None
    num_scenes: int | None = None
    max_per_scene: int = 42
    max_wordings: int | None = None
    num_proc: int = 1
    seed: int = 0
    excluded: frozenset[str] = frozenset()
    debias: bool = False
    unify_focal: float | None = None
    strict: bool = False
    source_options: dict = field(default_factory=dict)

    def __post_init__(self):
        """Refuse what cannot be built.

        Raises:
            InputError: if a task is unknown or a number below its least.
        """
        if self.config is not None and self.config not in CONFIGS:
            raise InputError("--config", self.config, "is not a set of rules", f"use one of {', '.join(CONFIGS)}")
        rules = {rule.name for rule in self._known_rules}
        for task in self.tasks:
            if task not in TASKS and task not in rules:
                raise InputError("--tasks", task, "is not a task with rules", f"use some of {', '.join(TASKS)}")
        if self.unify_focal is not None and not 0 < self.unify_focal < float("inf"):
            raise InputError("settings", "unify_focal", f"is {self.unify_focal}", "give a positive number of pixels")
        least = {"num_scenes": 1, "max_per_scene": 1, "max_wordings": 1, "num_proc": 1, "seed": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise InputError("settings", name, f"is {value}", f"use at least {lowest}")

    @property
    def rules(self) -> list[Rule]:
        """The rules of the tasks, and those that are named themselves."""
        return [rule for rule in self._known_rules if rule.task in self.tasks or rule.name in self.tasks]

    @property
    def _known_rules(self) -> tuple[Rule, ...]:
        return RULES if self.config is None else CONFIGS[self.config]

    def recorded(self, source: str) -> dict:
        """Return what decides the content of the dataset, as JSON."""
        return {
            "source": source,
            **self.source_options,
            **({} if self.config is None else {"config": self.config}),
            "tasks": list(self.tasks),
            "num_scenes": self.num_scenes,
            "max_per_scene": self.max_per_scene,
            "max_wordings": self.max_wordings,
            "seed": self.seed,
            "debias": self.debias,
            **({} if self.unify_focal is None else {"unify_focal": self.unify_focal}),
            "strict": self.strict,
        }
