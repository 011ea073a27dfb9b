"""Sample scenes of a dataset folder, with the questions whose answers were computed from their geometry."""

from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.general import open_picture
from dataset_builders.inspection.above import scene_view
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.inspection.overview import Overview, SceneEntry
from dataset_builders.top_view import TopView
from hub_cards.demo.clip import Clip

MOST_SCENES = 40


@dataclass(frozen=True)
class Sample:
    """A scene with its questions.

    Attributes:
        clip: Its frames.
        questions: Rows about what its frames show, labels as names.
        scale: Name.
        license: Terms of its frames.
        view: From above; None where the geometry is not recorded.
    """

    clip: Clip
    questions: list[dict]
    scale: str
    license: str
    view: TopView | None


class Samples:
    """Scenes of the dataset that were not trained on, if it has such; else any."""

    def __init__(self, folder: Path | str, most: int = MOST_SCENES):
        """Read where the scenes are.

        Args:
            folder: What `python -m dataset_builders build` wrote.
            most: Scenes to offer, evenly spread over the scales.

        Raises:
            InputError: if the folder is no dataset, or has no scene with questions.
        """
        overview = Overview.read(DatasetFiles.open(folder))
        asked = [entry for entry in overview.scenes if entry.tasks]
        held_out = [entry for entry in asked if entry.split == "test"]
        self._overview = replace(overview, scenes=held_out or asked)
        self._chosen = self._overview.choose(most)
        if not self._chosen:
            raise InputError(folder, "questions", "are about no scene", "build more scenes")

    @property
    def entries(self) -> list[SceneEntry]:
        """The scenes on offer."""
        return [self._overview.scenes[number] for number in self._chosen]

    def open(self, number: int) -> Sample:
        """Read a scene.

        Args:
            number: Its place in `entries`.

        Raises:
            InputError: if its frames are missing or cannot be read.
        """
        entry = self.entries[number]
        row = self._overview.scene(entry)
        if not row["frames"]:
            raise InputError(entry.scene_id, "frames", "are not in the dataset", "choose another scene")
        frames = (open_picture(one, entry.scene_id, f"frame {place}") for place, one in enumerate(row["frames"]))
        questions = [question for question in self._overview.questions(entry) if question["video"] is not None]
        view = scene_view(row)
        return Sample(Clip(entry.scene_id, tuple(frames)), questions, row["scale"], row["license"], view)
