"""Step of a demonstration → the tokens of its conversation: picture and instruction are read, the action is written.

VST, section 3.2: given an observation and an instruction, the model predicts the action, one token a dimension.
"""

from collections.abc import Sequence

from PIL import Image

from trl_recipes.actions.codec import ActionCodec
from trl_recipes.actions.demonstrations import read_picture
from trl_recipes.encoding import IGNORED, Sample, SampleEncoder


def action_prompt(instruction: str) -> str:
    """Write what the model is asked; with OpenVLA's wording of the question.

    >>> action_prompt("Reach the red block.")
    'What action should the robot take to reach the red block?'
    """
    instruction = instruction.strip().rstrip(".")
    return f"What action should the robot take to {instruction[:1].lower()}{instruction[1:]}?"


def action_messages(picture: Image.Image, instruction: str) -> list[dict]:
    """Write the conversation that an action answers, in the form that `processor.apply_chat_template` takes."""
    parts = [{"type": "image", "image": picture}, {"type": "text", "text": action_prompt(instruction)}]
    return [{"role": "user", "content": parts}]


def square(picture: Image.Image, side: int) -> Image.Image:
    """Resize a picture to `side` × `side` pixels, as LIBERO's square ones are (VST, appendix)."""
    return picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


class ActionEncoder(SampleEncoder):
    """The only change w.r.t. `SampleEncoder` is that a step of a demonstration is a row, and its action the reply.

    The tokens of the action alone carry a loss: their number is known, so that no token has to end them. General data
    that is mixed in is encoded as there.
    """

    def __init__(self, *args, codec: ActionCodec, image_size: int, **kwargs):
        """Take what `SampleEncoder` takes, the codec, and the side in pixels to which pictures are resized."""
        super().__init__(*args, **kwargs)
        self.codec, self.image_size = codec, image_size

    def encode(self, row: dict) -> Sample:
        """Encode one row; as in `SampleEncoder`."""
        if "action" not in row:
            return super().encode(row)
        picture = read_picture(row["path"], row["demonstration"], row["step"])
        return super().encode(self._conversation(row, square(picture, self.image_size)))

    def length(self, row: dict) -> int:
        """Count the tokens of `encode(row)` without reading its picture; as in `SampleEncoder`."""
        if "action" not in row:
            return super().length(row)
        return super().length(self._conversation(row, Image.new("RGB", (self.image_size, self.image_size))))

    def _conversation(self, row: dict, picture: Image.Image) -> dict:
        """Return a step as a row of general data whose reply is still to be written."""
        parts = [{"type": "image"}, {"type": "text", "text": action_prompt(row["instruction"])}]
        reply = {"role": "assistant", "content": [{"type": "text", "text": ""}]}
        name = f"{row['path']}: {row['demonstration']}, step {row['step']}"
        messages = [{"role": "user", "content": parts}, reply]
        return {"id": name, "messages": messages, "images": [picture], "action": row["action"]}

    def _tokens(
        self, pieces: list[tuple[str, bool]], sizes: dict[str, list[int]], row: dict
    ) -> tuple[list[int], list[int]]:
        if "action" not in row:
            return super()._tokens(pieces, sizes, row)
        asked, _ = super()._tokens(pieces[:1], sizes, row)
        action: Sequence[int] = self.codec.encode(row["action"])
        return [*asked, *action], [IGNORED] * len(asked) + [*action]
