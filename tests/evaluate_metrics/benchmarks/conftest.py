import io

import pytest
from PIL import Image


def grey(value: int, size=(64, 48)) -> Image.Image:
    return Image.new("RGB", size, (value,) * 3)


@pytest.fixture(scope="session")
def write_video():
    """Write a video whose frame k is grey of the k-th value; a key frame every `gop` frames."""
    av = pytest.importorskip("av", reason="needs the model extra")

    def write(path, values, gop=4):
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10, options={"crf": "0", "g": str(gop)})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for value in values:
                container.mux(stream.encode(av.VideoFrame.from_image(grey(value))))
            container.mux(stream.encode())

    return write


@pytest.fixture(scope="session")
def png():
    """The bytes of a grey image."""

    def make(value: int) -> bytes:
        buffer = io.BytesIO()
        grey(value).save(buffer, "PNG")
        return buffer.getvalue()

    return make
