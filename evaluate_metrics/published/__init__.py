"""Scores as the public scorers of the benchmarks give them, bit for bit, for comparison with published figures.

Each module states the rule of one public scorer with its commit, its quirks included, and returns what that scorer
returns. `tests/evaluate_metrics/published/` holds recorded results of the scorers themselves.
"""
