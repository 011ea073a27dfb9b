"""The page of this metric as a Space."""

from pathlib import Path

from evaluate_metrics.widget import page

if __name__ == "__main__":
    page(Path(__file__).resolve().parent).launch()
