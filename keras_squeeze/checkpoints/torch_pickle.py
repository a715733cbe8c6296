"""Reads `pytorch_model.bin` without PyTorch and without running anything.

A pickle is a program. An allow-list in `pickle.Unpickler.find_class` restricts
the names it may import, but the unpickler still runs every other instruction.
This reader implements only the few instructions that `torch.save` writes for a
dictionary of tensors, gives the allowed names its own meaning, and rejects
everything else.
"""

import collections
import contextlib
import dataclasses
import io
import math
import mmap
import os
import pickletools
import struct
import zipfile
import zlib

import ml_dtypes
import numpy as np

# The first object in files that are not zip files.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_ZIP_SIGNATURE = b"PK\x03\x04"

# The pickle only describes the tensors, with about 150 bytes per tensor.
_MAX_PICKLE_BYTES = 16 * 2**20
# The maximum compression ratio of deflate.
_MAX_DEFLATE_RATIO = 1032
# A storage may be larger than its tensors, but not by far.
_PLAUSIBLE_BYTES = 2**20
_MAX_RANK = 32
_MAX_SIZE = 2**48
# The header of each storage in the older layout.
_ELEMENT_COUNT = struct.Struct("<q")

# NumPy has no bfloat16, so its bits are read as integers.
_BFLOAT16_STORAGE = "torch.BFloat16Storage"
_STORAGE_DTYPES = {
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.HalfStorage": np.dtype("<f2"),
    _BFLOAT16_STORAGE: np.dtype("<u2"),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.ShortStorage": np.dtype("<i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype("?"),
}
_CONSTRUCTORS = (
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
)


class TorchPickle:
    """The tensors of a file written by `torch.save`, read on access.

    Both layouts are read: the zip file of PyTorch 1.6 and later, and the
        older sequence of pickles. The file must contain a flat dictionary of
        tensors, as written by `torch.save(model.state_dict(), path)`.
    Nothing in it is executed.

    Args:
        path: string or `os.PathLike`. The file to read.

    Raises:
        ValueError: If the file is damaged or truncated, is not a PyTorch
            checkpoint, contains anything but tensors, or names a function or
            class that PyTorch does not use to store tensors.

    Example:

    ```python
    import torch

    torch.save({"bias": torch.zeros(3)}, "pytorch_model.bin")
    checkpoint = TorchPickle("pytorch_model.bin")
    for name in checkpoint:
        print(name, checkpoint.shape(name), checkpoint[name].dtype)
    ```
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        with self._errors_name_the_file():
            with open(self.path, "rb") as file:
                is_zip = file.read(len(_ZIP_SIGNATURE)) == _ZIP_SIGNATURE
            layout = _ZipLayout if is_zip else _SequentialLayout
            self._layout = layout(self.path)
            self._tensors = self._layout.content
            _check_state_dict(self._tensors)
            needed = collections.Counter()
            for tensor in self._tensors.values():
                needed[tensor.storage] += tensor.num_bytes
            for storage, num_bytes in needed.items():
                self._layout.check(storage, num_bytes)

    def __iter__(self):
        return iter(self._tensors)

    def shape(self, name):
        """Return the shape of a tensor, as a tuple, without reading data."""
        return self._tensors[name].shape

    def __getitem__(self, name):
        tensor = self._tensors[name]
        storage = tensor.storage
        dtype = _STORAGE_DTYPES[storage.kind]
        if self._layout.big_endian:
            dtype = dtype.newbyteorder(">")
        with self._errors_name_the_file():
            # The tensor may be a view of a larger storage.
            data = self._layout.read(
                storage,
                tensor.offset * dtype.itemsize,
                tensor.stop * dtype.itemsize,
            )
        array = np.ndarray(
            tensor.shape,
            dtype,
            buffer=data,
            strides=[stride * dtype.itemsize for stride in tensor.strides],
        )
        # Copy, since a view would keep the whole storage alive.
        array = array.astype(dtype.newbyteorder("="), order="C")
        if storage.kind == _BFLOAT16_STORAGE:
            array = array.view(ml_dtypes.bfloat16).astype(np.float32)
        return array

    @contextlib.contextmanager
    def _errors_name_the_file(self):
        try:
            yield
        except (
            ValueError,
            EOFError,
            # `zipfile` raises these on damaged directories and records.
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ) as e:
            raise ValueError(
                f"Cannot read `{self.path}` as a PyTorch checkpoint: {e}"
            ) from e


@dataclasses.dataclass(frozen=True)
class _Global:
    """An allowed name in the pickle. It is never imported."""

    name: str


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A block of elements that is stored outside the pickle."""

    kind: str
    key: str
    size: int

    @property
    def num_bytes(self):
        return self.size * _STORAGE_DTYPES[self.kind].itemsize


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """A strided view of a storage. All sizes count elements."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple

    @property
    def num_bytes(self):
        itemsize = _STORAGE_DTYPES[self.storage.kind].itemsize
        return math.prod(self.shape) * itemsize

    @property
    def stop(self):
        """The index after the last element."""
        if not math.prod(self.shape):
            return self.offset
        return (
            self.offset
            + 1
            + sum(
                (size - 1) * stride
                for size, stride in zip(self.shape, self.strides, strict=True)
            )
        )


class _ZipLayout:
    """The layout since PyTorch 1.6: a zip file with one record per storage."""

    def __init__(self, path):
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as e:
            # The directory is at the end of the file.
            raise ValueError(f"it is truncated or damaged: {e}") from e
        self._limit = os.path.getsize(path)
        # All records are in the same folder, whose name varies.
        names = [
            name
            for name in self._zip.namelist()
            if name.count("/") == 1 and name.endswith("/data.pkl")
        ]
        if len(names) != 1:
            raise ValueError(
                "it is a zip file without the record `data.pkl` that "
                "`torch.save` writes"
            )
        self._folder = names[0].removesuffix("data.pkl")
        byte_order = b"little"
        if self._folder + "byteorder" in self._zip.NameToInfo:
            byte_order = self._read_record("byteorder", len(b"little"))
        if byte_order not in (b"little", b"big"):
            raise ValueError("its record `byteorder` is damaged")
        self.big_endian = byte_order == b"big"
        pickle = self._read_record("data.pkl", _MAX_PICKLE_BYTES)
        self.content = _Unpickler().load(io.BytesIO(pickle))

    def check(self, storage, needed_bytes):
        record = self._record(f"data/{storage.key}")
        if record.file_size != storage.num_bytes:
            raise ValueError(
                f"its record `data/{storage.key}` has {record.file_size} "
                f"bytes where {storage.num_bytes} were expected"
            )
        # `torch.save` does not compress, and reading a tensor at the end of a
        # compressed record would decompress everything before it.
        is_plausible = record.file_size <= _PLAUSIBLE_BYTES + 4 * needed_bytes
        if record.compress_type and not is_plausible:
            raise ValueError(
                f"its record `data/{storage.key}` has {record.file_size} "
                f"bytes, but its tensors have {needed_bytes}"
            )

    def read(self, storage, start, stop):
        record = self._record(f"data/{storage.key}")
        with self._zip.open(record) as file:
            if start:
                file.seek(start)
            data = file.read(stop - start)
        if len(data) != stop - start:
            raise ValueError(f"its record `data/{storage.key}` is truncated")
        return data

    def _record(self, name):
        record = self._zip.NameToInfo.get(self._folder + name)
        if record is None:
            raise ValueError(f"its record `{name}` is missing")
        # Do not allocate memory for a size that the file cannot contain.
        ratio = _MAX_DEFLATE_RATIO if record.compress_type else 1
        if (
            record.compress_type
            not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            or record.flag_bits & 0x1
            or not 0 <= record.header_offset < self._limit
            or record.compress_size > self._limit
            or record.file_size > ratio * record.compress_size
        ):
            raise ValueError(f"its record `{name}` is damaged")
        return record

    def _read_record(self, name, max_bytes):
        record = self._record(name)
        if record.file_size > max_bytes:
            raise ValueError(
                f"its record `{name}` has {record.file_size} bytes, but at "
                f"most {max_bytes} are plausible"
            )
        with self._zip.open(record) as file:
            data = file.read(record.file_size)
        if len(data) != record.file_size:
            raise ValueError(f"its record `{name}` is truncated")
        return data


class _SequentialLayout:
    """The layout before PyTorch 1.6: several pickles, then the storages."""

    # The layout is little-endian on every machine.
    big_endian = False

    def __init__(self, path):
        self._path = path
        with open(path, "rb") as file:
            stream = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Reads return what is available, whatever size the pickle asks for.
        with stream:
            if _Unpickler().load(stream) != _MAGIC_NUMBER:
                raise ValueError("it does not begin like a `torch.save` file")
            if _Unpickler().load(stream) != _PROTOCOL_VERSION:
                raise ValueError("its protocol version is unknown")
            # The sizes of the C types, which are not needed.
            _Unpickler().load(stream)
            unpickler = _Unpickler()
            self.content = unpickler.load(stream)
            keys = _Unpickler().load(stream)
            self._starts = self._find_storages(
                stream, _expect(keys, list), unpickler.storages
            )

    def _find_storages(self, stream, keys, storages):
        starts = {}
        for key in keys:
            storage = storages.get(_expect(key, str))
            count = stream.read(_ELEMENT_COUNT.size)
            start = stream.tell()
            if storage is None or len(count) < _ELEMENT_COUNT.size:
                raise ValueError("its list of storages is damaged")
            if _ELEMENT_COUNT.unpack(count)[0] != storage.size:
                raise ValueError(f"its storage `{key}` is damaged")
            if start + storage.num_bytes > len(stream):
                raise ValueError("it is truncated")
            stream.seek(start + storage.num_bytes)
            starts[key] = start
        return starts

    def check(self, storage, needed_bytes):
        if storage.key not in self._starts:
            raise ValueError(f"its storage `{storage.key}` is missing")

    def read(self, storage, start, stop):
        with open(self._path, "rb") as file:
            file.seek(self._starts[storage.key] + start)
            return file.read(stop - start)


class _Unpickler:
    """Executes the known instructions of a pickle."""

    def __init__(self):
        self.storages = {}

    def load(self, stream):
        """Read a pickle from `stream`, which is left after its end."""
        try:
            return self._load(stream)
        except (IndexError, KeyError) as e:
            # The pickle used an empty stack or an unknown memo entry.
            raise ValueError("its pickle is damaged") from e

    def _load(self, stream):
        stack, marks, memo = [], [], {}

        def pop_to_mark():
            start = marks.pop()
            items = stack[start:]
            del stack[start:]
            return items

        for opcode, argument, _ in pickletools.genops(stream):
            match opcode.name:
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    return stack.pop()
                case "MARK":
                    marks.append(len(stack))
                case "NONE":
                    stack.append(None)
                case "NEWTRUE" | "NEWFALSE":
                    stack.append(opcode.name == "NEWTRUE")
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                    stack.append(argument)
                case "BINUNICODE" | "SHORT_BINUNICODE":
                    stack.append(argument)
                case "EMPTY_TUPLE":
                    stack.append(())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    size = int(opcode.name[-1])
                    items = tuple(stack.pop() for _ in range(size))
                    stack.append(items[::-1])
                case "TUPLE":
                    stack.append(tuple(pop_to_mark()))
                case "EMPTY_LIST":
                    stack.append([])
                case "APPEND":
                    item = stack.pop()
                    _expect(stack[-1], list).append(item)
                case "APPENDS":
                    items = pop_to_mark()
                    _expect(stack[-1], list).extend(items)
                case "EMPTY_DICT":
                    stack.append({})
                case "SETITEM":
                    value, key = stack.pop(), stack.pop()
                    _expect(stack[-1], dict)[_expect(key, str)] = value
                case "SETITEMS":
                    items = pop_to_mark()
                    for key, value in zip(items[::2], items[1::2], strict=True):
                        _expect(stack[-1], dict)[_expect(key, str)] = value
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "GLOBAL":
                    stack.append(_find_global(*argument.split(" ", 1)))
                case "STACK_GLOBAL":
                    name, module = stack.pop(), stack.pop()
                    stack.append(
                        _find_global(_expect(module, str), _expect(name, str))
                    )
                case "REDUCE":
                    arguments = _expect(stack.pop(), tuple)
                    function = _expect(stack.pop(), _Global)
                    stack.append(_construct(function.name, arguments))
                case "BINPERSID":
                    stack.append(self._find_storage(stack.pop()))
                case "BUILD":
                    # Attributes of a dictionary, such as `_metadata` of a state
                    # dict, which are not needed for the tensors.
                    stack.pop()
                    _expect(stack[-1], dict)
                case _:
                    raise ValueError(
                        f"the instruction {opcode.name} is not allowed, "
                        "because tensors do not need it"
                    )

    def _find_storage(self, identifier):
        tag, kind, key, _, size, *view = _expect(identifier, tuple)
        if tag != "storage" or any(item is not None for item in view):
            # PyTorch 0.4 removed views of storages.
            raise ValueError("it refers to something other than a storage")
        kind = _expect(kind, _Global).name
        if kind not in _STORAGE_DTYPES:
            raise ValueError(f"`{kind}` is not a storage type")
        storage = _Storage(kind, _expect(key, str), _expect_size(size))
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"its storage `{key}` has two types or sizes")
        return storage


def _find_global(module, name):
    full_name = f"{module}.{name}"
    if full_name not in _CONSTRUCTORS and full_name not in _STORAGE_DTYPES:
        raise ValueError(
            f"`{full_name:.200}` is not allowed, because PyTorch does not use "
            "it to store tensors. A checkpoint must contain only tensors, as "
            "written by `torch.save(model.state_dict(), path)`"
        )
    return _Global(full_name)


def _construct(function, arguments):
    """Make the result of a call of one of `_CONSTRUCTORS`."""
    if function == "collections.OrderedDict" and not arguments:
        return {}
    if function == "torch._utils._rebuild_parameter":
        tensor, _, _ = arguments
        return _expect(tensor, _Tensor)
    if function == "torch._utils._rebuild_tensor":
        return _construct_tensor(arguments)
    if function == "torch._utils._rebuild_tensor_v2":
        # The other arguments are about gradients.
        return _construct_tensor(arguments[:4])
    raise ValueError(f"its call of `{function}` is not valid in a checkpoint")


def _construct_tensor(arguments):
    storage, offset, shape, strides = arguments
    storage = _expect(storage, _Storage)
    offset = _expect_size(offset)
    shape = tuple(_expect_size(size) for size in _expect(shape, tuple))
    strides = tuple(_expect_size(size) for size in _expect(strides, tuple))
    if len(shape) != len(strides) or len(shape) > _MAX_RANK:
        raise ValueError("the shape of a tensor is damaged")
    num_elements = math.prod(shape)
    tensor = _Tensor(storage, offset, shape, strides)
    # A tensor with more elements than its storage repeats some of them. Weights
    # never do, and a small file could use up all memory.
    if num_elements > storage.size or (
        num_elements and tensor.stop > storage.size
    ):
        raise ValueError(
            f"a tensor reaches beyond the end of its storage `{storage.key}`"
        )
    return tensor


def _check_state_dict(content):
    if not isinstance(content, dict):
        raise ValueError(
            "a dictionary of tensors was expected, but it contains an object "
            f"of type `{_type_name(type(content))}`"
        )
    for name, value in content.items():
        if not isinstance(value, _Tensor):
            raise ValueError(
                f"its entry `{name:.200}` is of type "
                f"`{_type_name(type(value))}`, not a tensor. Only flat state "
                "dicts are supported, as written by "
                "`torch.save(model.state_dict(), path)`"
            )


def _expect(value, kind):
    if not isinstance(value, kind):
        raise ValueError(
            f"its pickle must have type `{_type_name(kind)}` here, but has "
            f"`{_type_name(type(value))}`"
        )
    return value


def _expect_size(value):
    if not 0 <= _expect(value, int) <= _MAX_SIZE:
        raise ValueError("its pickle is damaged: a size is out of range")
    return value


def _type_name(kind):
    # Errors name types instead of values, whose text could be endless.
    return kind.__name__.strip("_").lower()
