"""Vision-language-action models (VST, section 3.2): actions as tokens, demonstrations, and a toy world to try them."""

from trl_recipes.actions.codec import ActionCodec, reserved_tokens
from trl_recipes.actions.demonstrations import load_demonstrations
from trl_recipes.actions.encoder import ActionEncoder, action_messages
from trl_recipes.actions.policy import ActionPolicy

__all__ = [
    "ActionCodec",
    "ActionEncoder",
    "ActionPolicy",
    "action_messages",
    "load_demonstrations",
    "reserved_tokens",
]
