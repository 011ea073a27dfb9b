from pathlib import Path

import numpy as np
import pytest

from dataset_builders.errors import InputError
from dataset_builders.sources.files import inside, read_array, scene_folders


@pytest.mark.parametrize("name", ["a.png", "images/a.png", "images/../a.png", "./a.png", "not there/b"])
def test_names_inside_are_found(tmp_path, name):
    assert inside(tmp_path, name) == (tmp_path / name).resolve()


@pytest.mark.parametrize(
    "name", ["../a.png", "/etc/passwd", "images/../../a.png", "a\0b", "../x\ny", "link/a.png", "loop/a"]
)
def test_names_outside_are_refused_in_one_line(tmp_path, name):
    folder = tmp_path / "scene"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    with pytest.raises(InputError, match=r"^scene/.*: file: (leads outside|cannot be the name)") as caught:
        inside(folder, name)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_neighbour_with_a_longer_name_is_outside(tmp_path):
    (tmp_path / "scene").mkdir()
    with pytest.raises(InputError, match="leads outside"):
        inside(tmp_path / "scene", "../scene2/a.png")


def test_scenes_are_the_folder_or_its_sub_folders(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        (tmp_path / name / "mark").touch()
    assert scene_folders(tmp_path, "mark") == {"a": tmp_path / "a", "b": tmp_path / "b"}
    (tmp_path / "mark").touch()
    assert scene_folders(tmp_path, "mark") == {tmp_path.name: tmp_path}
    with pytest.raises(InputError, match="mark: is neither here nor one level below"):
        scene_folders(tmp_path / "c", "mark")
    with pytest.raises(InputError, match="--input: is not a folder"):
        scene_folders(tmp_path / "nowhere", "mark")


class Trap:
    """Writes a file as soon as somebody unpickles it."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_arrays_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Trap(tmp_path / "sprung")]), allow_pickle=True)
    with pytest.raises(InputError, match="a.npy: array: is not a complete .npy file of numbers"):
        read_array(tmp_path / "a.npy", "a.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("size", [0, 5, 100, 130, 1000])
def test_cut_arrays_are_refused(tmp_path, size):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((50, 6), np.float32))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="is not a complete .npy file of numbers"):
        read_array(path, "a.npy", 6)


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((5, 5)), "has shape"),
        (np.zeros(6), "has shape"),
        (np.full((2, 6), np.nan), "not finite"),
        (np.full((2, 6), "x"), "not finite numbers"),
        (np.full((2, 6), 1j), "not finite numbers"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, array, problem):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=problem):
        read_array(tmp_path / "a.npy", "a.npy", 6)


@pytest.mark.parametrize("shape", [(10**12, 6), (2**62, 6), (2**63, 6), (-1, 6)])
def test_an_absurd_shape_allocates_nothing(tmp_path, shape):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.write(bytes(480))
    with pytest.raises(InputError, match="is not a complete"):
        read_array(tmp_path / "a.npy", "a.npy", 6)


@pytest.mark.parametrize(
    "header", [b"{'descr': '<f8', 'shape': (9", b"{{{{", b"1 +", b"\xff\xfe", b"__import__('os').abort()"]
)
def test_a_header_that_is_no_literal_is_refused(tmp_path, header):
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(80))
    with pytest.raises(InputError, match="is not a complete"):
        read_array(tmp_path / "a.npy", "a.npy", 6)


def test_an_array_may_have_no_rows(tmp_path):
    np.save(tmp_path / "a.npy", np.empty((0, 6)))
    assert read_array(tmp_path / "a.npy", "a.npy", 6).shape == (0, 6)
