"""Reading answers, scoring them, and running a model over a dataset folder."""

from dataset_builders.agreement import mean_relative_accuracy
from evaluate_metrics.parsing import extract_answer, parse_choice, parse_measure, parse_number
from evaluate_metrics.scoring import Score, chance, score
from evaluate_metrics.summary import format_table, summarize

__all__ = [
    "Score",
    "chance",
    "extract_answer",
    "format_table",
    "mean_relative_accuracy",
    "parse_choice",
    "parse_measure",
    "parse_number",
    "score",
    "summarize",
]
