"""What the action stage adds to the settings of the supervised stages."""

from dataclasses import dataclass, field

from trl_recipes.arguments import SupervisedArguments

UNUSED = ("streaming", "scales")


@dataclass
class ActionArguments(SupervisedArguments):
    """Settings of the action stage; `dataset` is a folder of LIBERO's HDF5 files."""

    image_size: int = field(
        default=256, metadata={"help": "Side in pixels to which the pictures are resized (VST: 256)."}
    )

    def __post_init__(self):
        """Refuse what means nothing here.

        Raises:
            ValueError: the message quotes the value and names the fix.
        """
        super().__post_init__()
        if self.image_size < 28:
            raise ValueError(f"image_size must be at least 28, one visual token, got {self.image_size}")
        for name in UNUSED:
            if getattr(self, name):
                raise ValueError(f"{name} is for questions, not for demonstrations; leave it out")
        if self.model_name_or_path is None:
            raise ValueError("model_name_or_path is missing; give a Qwen2.5-VL or a SpaceVista, its folder or Hub id")
