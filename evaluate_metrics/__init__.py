"""Reading answers, scoring them, and running a model over a dataset folder."""

from evaluate_metrics.mra import mean_relative_accuracy
from evaluate_metrics.parsing import (
    Reading,
    extract_answer,
    parse_choice,
    parse_measure,
    parse_number,
    read_choice,
    read_number,
)
from evaluate_metrics.scoring import Score, chance, free_form_match, score, score_all
from evaluate_metrics.summary import format_table, summarize

__all__ = [
    "Reading",
    "Score",
    "chance",
    "extract_answer",
    "format_table",
    "free_form_match",
    "mean_relative_accuracy",
    "parse_choice",
    "parse_measure",
    "parse_number",
    "read_choice",
    "read_number",
    "score",
    "score_all",
    "summarize",
]
