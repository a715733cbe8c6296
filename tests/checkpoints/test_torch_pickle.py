"""Tests against PyTorch, and on files that PyTorch would never write."""

import collections
import io
import os
import pickle
import shutil
import struct
import subprocess
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
import transformers

from keras_squeeze.checkpoints.torch_pickle import TorchPickle
from tests.backends import only_on
from tests.model_oracle import squeeze_bert_config
from tests.processes import run_python

LAYOUTS = ("zip", "sequence")


def save(content, path, layout, **kwargs):
    torch.save(
        content,
        path,
        _use_new_zipfile_serialization=layout == "zip",
        **kwargs,
    )


def assert_same_tensors(checkpoint, expected):
    assert list(checkpoint) == list(expected)
    for name, tensor in expected.items():
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        assert checkpoint.shape(name) == tuple(tensor.shape)
        value = checkpoint[name]
        assert value.dtype == tensor.numpy().dtype
        assert value.flags.c_contiguous and value.flags.writeable
        np.testing.assert_array_equal(value, tensor.numpy())


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pytorch_model.bin"


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    ],
)
def test_dtypes(path, layout, dtype):
    values = torch.linspace(-100, 100, 24).reshape(2, 3, 4)
    tensors = {
        "values": values.abs().to(dtype)
        if dtype == torch.uint8
        else values.to(dtype),
        "scalar": torch.tensor(3).to(dtype),
        "empty": torch.zeros((0, 5), dtype=dtype),
    }
    save(tensors, path, layout)
    assert_same_tensors(TorchPickle(path), tensors)


def test_views_of_shared_storages(path, layout):
    base = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "base": base,
        "tied": base,
        "rows": base[1:3],
        "columns": base[:, 2:4],
        "transposed": base.t(),
        "every_other": base.t()[::2, 1::2],
        "element": base[2, 3],
    }
    save(tensors, path, layout)
    assert_same_tensors(TorchPickle(path), tensors)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_state_dict_of_a_model(path, layout, protocol):
    config = squeeze_bert_config(num_hidden_layers=1)
    state_dict = transformers.SqueezeBertForMaskedLM(config).state_dict()
    assert state_dict._metadata
    save(state_dict, path, layout, pickle_protocol=protocol)
    assert_same_tensors(TorchPickle(path), state_dict)


def test_parameters(path, layout):
    parameters = dict(torch.nn.Linear(3, 2).named_parameters())
    save(parameters, path, layout)
    assert_same_tensors(TorchPickle(path), parameters)


def rewrite_zip(path, edit=lambda name, data: data, **kwargs):
    """Replace the records of a zip file by the results of `edit`."""
    with zipfile.ZipFile(path) as file:
        records = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", **kwargs) as file:
        for name, data in records.items():
            data = edit(name.partition("/")[2], data)
            if data is not None:
                file.writestr(name, data)


def test_big_endian(path):
    tensors = {
        "float": torch.linspace(0, 1, 5),
        "bfloat16": torch.linspace(0, 1, 5).bfloat16(),
    }
    save(tensors, path, "zip")

    def swap(name, data):
        if name == "byteorder":
            return b"big"
        width = {"data/0": 4, "data/1": 2}.get(name)
        if width:
            return np.frombuffer(data, f"u{width}").byteswap().tobytes()
        return data

    rewrite_zip(path, swap)
    assert torch.equal(torch.load(path)["float"], tensors["float"])
    assert_same_tensors(TorchPickle(path), tensors)


def test_before_there_was_a_byte_order(path):
    tensors = {"a": torch.linspace(0, 1, 5)}
    save(tensors, path, "zip")
    rewrite_zip(path, lambda name, data: None if name == "byteorder" else data)
    assert_same_tensors(TorchPickle(path), tensors)


def test_compressed_records(path):
    tensors = {"a": torch.zeros(1000), "b": torch.randn(3)}
    save(tensors, path, "zip")
    rewrite_zip(path, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 4000
    assert_same_tensors(TorchPickle(path), tensors)


def test_view_of_a_large_storage(path, layout):
    num_bytes = 2**24
    base = torch.arange(num_bytes / 4)
    save({"view": base[1000:1006].reshape(2, 3).t()}, path, layout)
    del base
    tracemalloc.start()
    try:
        view = TorchPickle(path)["view"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert view.tolist() == [[1000, 1003], [1001, 1004], [1002, 1005]]
    # Only a part of the file is read.
    assert peak < num_bytes / 4


def test_storage_that_inflates_beyond_its_tensors(path):
    save({"view": torch.zeros(2**20)[-48:]}, path, "zip")
    rewrite_zip(path, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(
        ValueError, match="4194304 bytes, but its tensors have 192"
    ):
        TorchPickle(path)


def test_memory_is_that_of_one_tensor(path, layout):
    num_bytes = 2**20
    save(
        {str(i): torch.full((num_bytes // 4,), float(i)) for i in range(16)},
        path,
        layout,
    )
    tracemalloc.start()
    try:
        checkpoint = TorchPickle(path)
        for i, name in enumerate(checkpoint):
            assert checkpoint[name][-1] == i
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The bytes of a tensor in the file, and a copy of them.
    assert peak < 3 * num_bytes


@only_on(
    "torch",
    reason="it runs in its own process, with TensorFlow; once is enough",
)
def test_needs_no_torch(tmp_path):
    for layout in LAYOUTS:
        save({"a": torch.arange(3.0)}, tmp_path / layout, layout)
    # Keras imports SciPy, which inspects a torch in `sys.modules`, so the
    # module must be impossible to find.
    code = (
        "import importlib.abc, sys\n"
        "class NoTorch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from keras_squeeze.checkpoints.torch_pickle import TorchPickle\n"
        "for path in sys.argv[1:]:\n"
        "    print(TorchPickle(path)['a'].tolist())\n"
    )
    paths = [tmp_path / layout for layout in LAYOUTS]
    result = run_python("-c", code, *paths, KERAS_BACKEND="tensorflow")
    assert result.stdout == "[0.0, 1.0, 2.0]\n" * len(LAYOUTS)


class Call:
    """Is pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Makes the object callable, so that it is pickled as a function."""


class Identifier:
    """Is pickled as a persistent id, as `torch.save` does for storages."""

    def __init__(self, *identifier):
        self.identifier = identifier


class Pickler(pickle._Pickler):
    def persistent_id(self, item):
        return item.identifier if isinstance(item, Identifier) else None


def dumps(content, protocol=2):
    stream = io.BytesIO()
    Pickler(stream, protocol).dump(content)
    return stream.getvalue()


def write(path, layout, program, data=bytes(8), key="0"):
    """Write a checkpoint with one storage and an arbitrary pickle."""
    if layout == "zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/version", "3\n")
            file.writestr("archive/data.pkl", program)
            file.writestr(f"archive/data/{key}", data)
    else:
        header = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        path.write_bytes(
            b"".join(pickle.dumps(item, 2) for item in header)
            + program
            + pickle.dumps([key], 2)
            + struct.pack("<q", len(data) // 4)
            + data
        )


def tensor(
    storage=("storage", torch.FloatStorage, "0", "cpu", 2),
    offset=0,
    shape=(2,),
    strides=(1,),
):
    return Call(
        torch._utils._rebuild_tensor_v2,
        Identifier(*storage),
        offset,
        shape,
        strides,
        False,
        collections.OrderedDict(),
    )


def test_what_the_hostile_files_start_from(path, layout):
    storage = ["storage", torch.FloatStorage, "0", "cpu", 2]
    if layout == "sequence":
        # The position of views, which PyTorch still expects.
        storage.append(None)
    program = dumps({"a": tensor(storage)})
    write(path, layout, program, np.float32([1, 2]).tobytes())
    assert TorchPickle(path)["a"].tolist() == [1, 2]
    assert torch.load(path, weights_only=True)["a"].tolist() == [1, 2]


def test_tensors_of_the_first_versions(path):
    storage = Identifier("storage", torch.FloatStorage, "0", "cpu", 2, None)
    old = Call(torch._utils._rebuild_tensor, storage, 0, (2,), (1,))
    program = dumps({"a": old})
    write(path, "sequence", program, np.float32([1, 2]).tobytes())
    assert TorchPickle(path)["a"].tolist() == [1, 2]
    assert torch.load(path, weights_only=True)["a"].tolist() == [1, 2]


def attacks(canary):
    touch = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').close()"
    os_module = Call(__import__, "os")
    return {
        "system": Call(os.system, touch),
        "eval": Call(eval, code),
        "exec": Call(exec, code),
        "nested getattr": Call(Call(getattr, os_module, "system"), touch),
        "subprocess": Call(subprocess.check_call, ["touch", str(canary)]),
        "torch function": Call(torch.save, 0, str(canary)),
    }


@pytest.mark.parametrize("name", attacks("canary"))
def test_runs_nothing(path, layout, tmp_path, name):
    canary = tmp_path / "canary"
    attack = attacks(canary)[name]
    metadata = collections.OrderedDict(a=tensor())
    metadata._metadata = attack
    for protocol in range(6):
        for content in (
            attack,
            {"a": tensor(), "b": attack},
            {"a": tensor(shape=attack)},
            {"a": tensor(storage=("storage", attack, "0", "cpu", 2))},
            metadata,
        ):
            write(path, layout, dumps(content, protocol))
            with pytest.raises(ValueError, match="is not allowed") as error:
                TorchPickle(path)
            assert str(path) in str(error.value)
            assert not canary.exists()
    # Check that the attack works.
    pickle.loads(dumps(attack))
    assert canary.exists()


@pytest.mark.parametrize(
    "value, name",
    [
        (Call(os.system, "true"), "system"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (np.zeros(2), "numpy._core.multiarray._reconstruct"),
        (torch.zeros(1).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
        (torch.zeros(1, dtype=torch.uint16), "_rebuild_tensor_v3"),
        (torch.device("cpu"), "torch.device"),
        (collections.Counter, "collections.Counter"),
    ],
)
def test_names_the_refused_global(path, layout, value, name):
    if isinstance(value, Call):
        write(path, layout, dumps({"a": value}))
    else:
        save({"a": value}, path, layout)
    with pytest.raises(ValueError, match=rf"`\S*{name}` is not allowed"):
        TorchPickle(path)


@pytest.mark.parametrize(
    "program",
    [
        # Attributes of an object that is not a dictionary.
        b"\x80\x02]}X\x01\x00\x00\x00aK\x01sb.",
        b"\x80\x02ctorch\nFloatStorage\n}b.",
        # Other operations that call and construct.
        b"(i__main__\nA\n.",
        b"(c__main__\nA\no.",
        b"\x80\x02ccollections\nOrderedDict\n)\x81.",
        b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
        # Invalid calls of names that are allowed.
        b"\x80\x02ctorch\nFloatStorage\n)R.",
        b"\x80\x02ccollections\nOrderedDict\n](\x85R.",
        b"\x80\x02ccollections\nOrderedDict\n]\x85R.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02ctorch._utils\n_rebuild_parameter\n]NN\x87R.",
        b"\x80\x02]Q.",
        b"\x80\x02)Q.",
        # Reading values that were never stored.
        b"\x80\x020.",
        b"\x80\x02.",
        b"\x80\x02t.",
        b"\x80\x02h\x07.",
        b"\x80\x02q\x07.",
        b"\x80\x02a.",
        b"\x80\x02}]]s.",
        b"\x80\x02}(]u.",
        # Strings and numbers longer than the file.
        b"\x80\x02X\xff\xff\xff\xffab.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fab.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7fab.",
        b"\x80\x02\x8b\xff\xff\xff\x7fab.",
        b"\x80\x02X\x02\x00\x00\x00\xff\xff.",
        b"\x80\x02c\xff\n\xff\n.",
        b"\x80\x02",
        b"\xff\xff\xff",
        b"",
    ],
)
def test_other_instructions(path, layout, program):
    write(path, layout, program)
    with pytest.raises(ValueError, match="as a PyTorch checkpoint"):
        TorchPickle(path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 1.0},
        {"offset": 2**63},
        {"shape": (3,)},
        {"shape": (-1,)},
        {"shape": (2, 1)},
        {"shape": [2]},
        {"shape": ("2",)},
        {"shape": 2},
        {"strides": (2,)},
        {"strides": (-1,)},
        {"strides": (None,)},
        # All available memory, from eight bytes.
        {"shape": (2**40,), "strides": (0,)},
        {"shape": (2**30, 2**30, 2**30), "strides": (0, 0, 0)},
        {"shape": (1,) * 100, "strides": (1,) * 100},
        {"shape": (10**300,) * 30, "strides": (0,) * 30},
        {"storage": ("storage", torch.FloatStorage, "0", "cpu", 3)},
        {"storage": ("storage", torch.FloatStorage, "0", "cpu", -2)},
        {"storage": ("storage", torch.FloatStorage, "0", "cpu", 2**62)},
        {"storage": ("storage", torch.DoubleStorage, "0", "cpu", 2)},
        {"storage": ("storage", torch.FloatStorage, "1", "cpu", 2)},
        {"storage": ("storage", torch.FloatStorage, "../0", "cpu", 2)},
        {"storage": ("storage", torch.FloatStorage, 0, "cpu", 2)},
        {"storage": ("storage", "FloatStorage", "0", "cpu", 2)},
        {"storage": ("storage", collections.OrderedDict, "0", "cpu", 2)},
        {"storage": ("module", torch.FloatStorage, "0", "cpu", 2)},
        {
            "storage": (
                "storage",
                torch.FloatStorage,
                "0",
                "cpu",
                2,
                ("1", 0, 1),
            )
        },
        {"storage": ("storage",)},
    ],
)
def test_tensors_out_of_bounds(path, layout, arguments):
    write(path, layout, dumps({"a": tensor(**arguments)}))
    with pytest.raises(ValueError, match="as a PyTorch checkpoint"):
        TorchPickle(path)


def test_storage_of_two_types(path, layout):
    other = ("storage", torch.IntStorage, "0", "cpu", 2)
    write(path, layout, dumps({"a": tensor(), "b": tensor(storage=other)}))
    with pytest.raises(ValueError, match="two types or sizes"):
        TorchPickle(path)


def test_bombs(path, layout):
    # Each doubles its predecessor when it is printed, compared or hashed.
    bomb = ()
    for _ in range(200):
        bomb = (bomb, bomb)
    programs = [
        dumps({"a": bomb}),
        dumps({"a": tensor(shape=bomb)}),
        dumps(bomb)[:-1] + b"N\x86}N\x86.",
        b"\x80\x02}" + dumps(bomb)[2:-1] + b"Ns.",
        # An index of four billion in the memo.
        b"\x80\x02}r\xfe\xff\xff\xff]r\xff\xff\xff\xff.",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    ]
    tracemalloc.start()
    try:
        for program in programs:
            write(path, layout, program)
            with pytest.raises(ValueError, match="as a PyTorch") as error:
                TorchPickle(path)
            assert len(str(error.value)) < 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 * 2**20


@pytest.mark.parametrize(
    "content, message",
    [
        (
            {"state_dict": {"a": torch.zeros(2)}},
            "`state_dict` is of type `dict`",
        ),
        ({"a": torch.zeros(2), "loss": 0.5}, "`loss` is of type `float`"),
        ({"a": torch.zeros(2), "epoch": 3}, "`epoch` is of type `int`"),
        ([torch.zeros(2)], "an object of type `list`"),
        (torch.zeros(2), "an object of type `tensor`"),
        ({0: torch.zeros(2)}, "must have type `str` .* has `int`"),
    ],
)
def test_other_contents(path, layout, content, message):
    save(content, path, layout)
    with pytest.raises(ValueError, match=message):
        TorchPickle(path)


@pytest.fixture
def contents(path, layout):
    """The parts of a real file with some tensors."""
    save(
        {str(i): torch.randn(5, 3) for i in range(4)}
        | {"half": torch.randn(7).half()},
        path,
        layout,
    )
    return path.read_bytes()


def test_cut_off(path, contents):
    for size in [*range(0, len(contents), 23), len(contents) - 1]:
        path.write_bytes(contents[:size])
        with pytest.raises(ValueError, match="as a PyTorch") as error:
            TorchPickle(path)
        assert str(path) in str(error.value)


def test_damaged(path, contents):
    generator = np.random.default_rng(0)
    num_refused = 0
    for _ in range(400):
        damaged = bytearray(contents)
        for _ in range(generator.integers(1, 4)):
            position = generator.integers(len(damaged))
            damaged[position] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            checkpoint = TorchPickle(path)
            values = [checkpoint[name] for name in checkpoint]
        except ValueError as error:
            assert str(path) in str(error)
            num_refused += 1
        else:
            # The numbers of the older layout have no checksum.
            assert len(values) <= 5
    assert num_refused > 100


def test_missing_records(path):
    save({"a": torch.zeros(3)}, path, "zip")
    shutil.copy(path, path.with_suffix(".whole"))
    for missing in ("data/0", "data.pkl"):
        shutil.copy(path.with_suffix(".whole"), path)
        rewrite_zip(
            path,
            lambda name, data, missing=missing: (
                None if name == missing else data
            ),
        )
        with pytest.raises(ValueError, match=f"record `{missing}`"):
            TorchPickle(path)


@pytest.mark.parametrize("compression", [0, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["data.pkl", "data/0", "byteorder"])
def test_sizes_that_lie(path, name, compression):
    save({"a": torch.zeros(3)}, path, "zip")
    rewrite_zip(path, compression=compression)
    contents = bytearray(path.read_bytes())
    directory = contents.index(b"PK\x01\x02")
    entry = contents.index(f"/{name}".encode(), directory)
    entry = contents.rindex(b"PK\x01\x02", 0, entry)
    contents[entry + 24 : entry + 28] = b"\xfe\xff\xff\xff"
    path.write_bytes(contents)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=name):
            TorchPickle(path)["a"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_other_files(path, tmp_path):
    def refused():
        with pytest.raises(ValueError, match="as a PyTorch checkpoint"):
            TorchPickle(path)

    path.write_bytes(b"")
    refused()
    path.write_text("<!DOCTYPE html><html></html>")
    refused()
    path.write_bytes(pickle.dumps({"a": 1}))
    refused()
    path.write_bytes(np.random.default_rng(0).bytes(1000))
    refused()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "Hello")
    refused()
    with pytest.raises(FileNotFoundError):
        TorchPickle(tmp_path / "nowhere.bin")
