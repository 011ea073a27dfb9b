import io
import json
import pickle
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from dataset_builders.errors import InputError
from hub_cards.safety import check_file, holds_pickle


class Calls:
    def __reduce__(self):
        return print, ("this ran",)


def dumped(protocol: int) -> bytes:
    return pickle.dumps(Calls(), protocol)


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def tarred(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("pickle")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def array(values) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *((f"protocol{number}.txt", dumped(number)) for number in range(6)),
        ("model.safetensors", zipped("archive/data.pkl", b"(lp0\n.")),
        ("weights.pt", zipped("archive/data", dumped(2))),
        ("image.png", zipped("anything", dumped(0))),
        ("old.pt", tarred(dumped(2))),
        ("objects.npy", array(np.array([Calls()], dtype=object))),
        ("pytorch_model.bin", b"anything at all"),
    ],
)
def test_pickles_are_found_whatever_the_file_is_called(tmp_path, name, data, capsys):
    (tmp_path / name).write_bytes(data)
    assert holds_pickle(tmp_path / name)
    with pytest.raises(InputError, match=f"{name}: pickle: holds a pickle"):
        check_file(tmp_path / name, name)
    assert capsys.readouterr().out == "", "nothing was unpickled"


def test_what_torch_saves_is_a_pickle_in_a_zip_file(tmp_path):
    torch = pytest.importorskip("torch")
    for name, zip_file in (("new.bin", True), ("old.safetensors", False)):
        torch.save({"weight": torch.zeros(2)}, tmp_path / name, _use_new_zipfile_serialization=zip_file)
        assert holds_pickle(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [b"Hello there.", b"N.", b"{}", b"", b"\x80", b"cos\nsystem", zipped("a.txt", b"plain"), array(np.arange(3))],
)
def test_other_files_are_no_pickles(tmp_path, data):
    (tmp_path / "file.json").write_bytes(data)
    assert not holds_pickle(tmp_path / "file.json")


HOMES = ["/home/ada/run", "/Users/ada/x", "/tmp/run1", "/mnt/disk/data", "C:\\\\Users\\\\ada", "file:///etc/passwd"]


@pytest.mark.parametrize("place", HOMES)
def test_absolute_paths_are_found(tmp_path, place):
    (tmp_path / "training.json").write_text(json.dumps({"output_dir": place.replace("\\\\", "\\")}))
    with pytest.raises(InputError, match=r"training\.json: absolute path: names a place on one machine"):
        check_file(tmp_path / "training.json", "training.json")


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/datasets/home/x",
        "1/2 and and/or",
        "see docs/home/x.md",
        "a/tmp/b",
        "</data>",
        "~/tmp/x",
    ],
)
def test_other_slashes_are_no_paths(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    check_file(tmp_path / "README.md", "README.md")


SECRETS = [
    "hf_" + "a1B2" * 9,
    "sk-proj-" + "a1B2" * 6,
    "ghp_" + "a" * 36,
    "glpat-" + "a" * 20,
    "AKIA" + "A1" * 8,
    "AIza" + "b" * 35,
    "xoxb-123456789012",
    "-----BEGIN RSA PRIVATE KEY-----",
    "https://ada:secret@example.org/x",
    'WANDB_API_KEY = "0123456789abcdef0123"',
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_found_and_not_repeated(tmp_path, secret):
    (tmp_path / "README.md").write_text(f"x {secret} y")
    with pytest.raises(InputError, match=r"README\.md: secret: looks like an? ") as caught:
        check_file(tmp_path / "README.md", "README.md")
    assert secret not in str(caught.value)


def test_the_own_token_and_folder_are_found(tmp_path):
    (tmp_path / "README.md").write_text("trained in deep/thought")
    with pytest.raises(InputError, match="holds your token or the path of your folders"):
        check_file(tmp_path / "README.md", "README.md", own=["deep/thought"])


def test_secrets_inside_tables_and_headers_of_weights_are_found(tmp_path):
    nested = pa.table({"a": [{"b": [{"c": "fine"}, {"c": SECRETS[0]}]}], "n": [1]})
    pq.write_table(nested, tmp_path / "rows.parquet")
    save_file({"w": np.zeros(1, np.float32)}, tmp_path / "model.safetensors", {"from": "/home/ada/run"})
    for name, field in (("rows.parquet", "secret"), ("model.safetensors", "absolute path")):
        with pytest.raises(InputError, match=f"{name}: {field}"):
            check_file(tmp_path / name, name)


def test_pieces_of_a_vocabulary_are_words_not_paths(tmp_path):
    (tmp_path / "vocab.json").write_text('{"/home/index": 7}')
    check_file(tmp_path / "vocab.json", "vocab.json")
