"""Scenes with known geometry become checkable questions, and questions become a dataset.

`import dataset_builders` also makes `datasets.load_dataset("spacevista-1m", data_dir=DIR)` work.
"""

from dataset_builders.agreement import mean_relative_accuracy
from dataset_builders.audit import run_audit
from dataset_builders.build import build_dataset
from dataset_builders.conversation import FrameStore, completion_text, draw_regions, prompt_text, to_messages
from dataset_builders.errors import InputError
from dataset_builders.packaged import register
from dataset_builders.question import Fact, Question, Region
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.settings import BuildSettings
from dataset_builders.sources import SceneRef, Source
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks import RULES, TASKS, Rule
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES

__all__ = [
    "QUESTION_FEATURES",
    "RULES",
    "SCALE_NAMES",
    "SCENE_FEATURES",
    "TASKS",
    "TASK_NAMES",
    "BuildSettings",
    "Camera",
    "Fact",
    "Frame",
    "FrameStore",
    "InputError",
    "Question",
    "Region",
    "RgbdSource",
    "Rule",
    "Scene",
    "SceneObject",
    "SceneRef",
    "Source",
    "SyntheticSource",
    "VsiMetaSource",
    "build_dataset",
    "completion_text",
    "draw_regions",
    "mean_relative_accuracy",
    "prompt_text",
    "run_audit",
    "to_messages",
]

register()
