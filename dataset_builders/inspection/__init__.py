"""Pages that show a dataset folder: scenes, questions with what they were computed from, and statistics."""

from dataset_builders.inspection.command import inspect_dataset

__all__ = ["inspect_dataset"]
