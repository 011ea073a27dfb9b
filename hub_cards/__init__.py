"""Cards of datasets and models, and the report of a run."""

from hub_cards.dataset_card import write_dataset_card
from hub_cards.model_card import write_model_card

__all__ = ["write_dataset_card", "write_model_card"]
