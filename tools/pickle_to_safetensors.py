#!/usr/bin/env python3
"""Takes the weights out of a model that PyTorch saved (torch.save), without running anything that is in the file.

    python pickle_to_safetensors.py model.pt lm.safetensors
    python pickle_to_safetensors.py model.pt lm.safetensors --vocab vocab.txt tokens.txt
    elman import lm.safetensors --vocab-file tokens.txt -o models/lm

The file may hold a state dict or a whole module, as neural-complexity and colorlessgreenRNNs save theirs, in PyTorch's zip format or
in the one before version 1.6. Needs Python alone: neither torch nor the program that trained the model. A pickle says which
functions to call; here every name stands for an empty class of this script, except those that put a tensor together.

--vocab copies a list of words, one a line, and doubles its backslashes, as `elman import --vocab-file` reads them.
"""

import argparse
import json
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict, namedtuple

MAGIC = 0x1950A86A20F9469CFC6C  # of files before PyTorch 1.6
TYPES = {"Float": ("F32", 4), "Double": ("F64", 8), "Half": ("F16", 2), "BFloat16": ("BF16", 2)}

Storage = namedtuple("Storage", "type key offset")
Tensor = namedtuple("Tensor", "storage offset shape stride")


class Stub(dict):
    """What stands in for any class or function of the file: it takes everything and does nothing."""

    def __new__(cls, *arguments, **more):
        return super().__new__(cls)

    def __init__(self, *arguments, **more):
        super().__init__()

    def __setstate__(self, state):
        self.state = state

    def append(self, item):
        pass

    def extend(self, items):
        pass


class Parameter(Stub):
    """torch.nn.Parameter, which is a tensor here."""

    def __new__(cls, data=None, *arguments):
        return data if isinstance(data, Tensor) else super().__new__(cls)


def tensor(storage, offset, shape, stride, *more):
    return Tensor(storage, offset, tuple(shape), tuple(stride))


KNOWN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): tensor,
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("torch._utils", "_rebuild_parameter"): lambda data, *more: data,
    ("torch.nn.parameter", "Parameter"): Parameter,
}


class Reader(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.sizes = {}  # bytes of a number in each storage

    def find_class(self, module, name):
        return KNOWN.get((module, name)) or type(name, (Stub,), {})

    def persistent_load(self, saved):
        kind, *about = saved
        if kind != "storage":  # the source of a module
            return about[0]
        name = about[0].__name__.removesuffix("Storage")
        view = about[4] if len(about) > 4 else None
        self.sizes[about[1]] = TYPES.get(name, (None, 1 if name in ("Byte", "Char", "Bool") else 8))[1]
        return Storage(name, about[1], view[1] if view else 0)


def read(path):
    """What was saved, and the bytes of each storage."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            folder = name.removesuffix("data.pkl")
            if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
                sys.exit(f"{path}: its numbers are big-endian")
            saved = Reader(archive.open(name)).load()
            data = {name.removeprefix(f"{folder}data/"): name for name in archive.namelist() if name.startswith(f"{folder}data/")}
            return saved, {key: archive.read(name) for key, name in data.items()}
    with open(path, "rb") as file:
        try:
            known = Reader(file).load() == MAGIC
        except Exception:
            known = False
        if not known:
            sys.exit(f"{path} was not written by torch.save")
        Reader(file).load()  # the version
        if Reader(file).load().get("little_endian") is not True:
            sys.exit(f"{path}: its numbers are big-endian")
        reader = Reader(file)
        saved = reader.load()
        storages = {}
        for key in Reader(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = file.read(count * reader.sizes[key])
        return saved, storages


def weights(saved, prefix=""):
    """Names and tensors of a module, of a state dict, or of a checkpoint or tuple that holds one."""
    about = getattr(saved, "state", None) if isinstance(saved, Stub) else None
    if isinstance(about, dict) and "_modules" in about:
        for name, value in about["_parameters"].items():
            # Before version 0.4 a parameter is an object with its tensor in its state.
            state = getattr(value, "state", None)
            parts = state if isinstance(state, tuple) else state.values() if isinstance(state, dict) else ()
            value = next((part for part in parts if isinstance(part, Tensor)), value)
            if isinstance(value, Tensor):
                yield prefix + name, value
        for name, module in about["_modules"].items():
            yield from weights(module, f"{prefix}{name}.")
    elif isinstance(saved, dict) and any(isinstance(value, Tensor) for value in saved.values()):
        yield from ((name, value) for name, value in saved.items() if isinstance(value, Tensor))
    elif not prefix:
        inside = saved.values() if isinstance(saved, dict) else saved if isinstance(saved, (tuple, list)) else ()
        for value in inside:
            found = dict(weights(value))
            if found:
                yield from found.items()
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("output", help="a safetensors file that does not exist")
    parser.add_argument("--vocab", nargs=2, metavar=("WORDS", "TOKENS"), help="copy a list of words for `elman import`")
    arguments = parser.parse_args()
    saved, storages = read(arguments.model)
    header, parts, end = {}, [], 0
    for name, found in weights(saved):
        if found.storage.type not in TYPES:
            print(f"{name}: {found.storage.type} numbers are left out", file=sys.stderr)
            continue
        kind, size = TYPES[found.storage.type]
        count, contiguous = 1, []
        for length in reversed(found.shape):
            contiguous.insert(0, count)
            count *= length
        if any(length > 1 and own != plain for length, own, plain in zip(found.shape, found.stride, contiguous)):
            sys.exit(f"{name} is not stored row by row: save it with .contiguous()")
        begin = (found.offset + found.storage.offset) * size
        data = storages[found.storage.key][begin : begin + count * size]
        if begin < 0 or len(data) != count * size:
            sys.exit(f"{arguments.model} is cut short: {name} is not complete")
        header[name] = {"dtype": kind, "shape": list(found.shape), "data_offsets": [end, end + len(data)]}
        parts.append(data)
        end += len(data)
    if not header:
        sys.exit(f"{arguments.model} holds no module and no state dict")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    outputs = {arguments.output: [struct.pack("<Q", len(text)) + text, *parts]}
    if arguments.vocab:
        words, tokens = arguments.vocab
        try:
            with open(words, encoding="utf-8", newline="\n") as file:
                lines = [line.strip() for line in file]
        except (OSError, UnicodeDecodeError) as error:
            sys.exit(f"{words}: {error}")
        outputs[tokens] = [(line.replace("\\", "\\\\") + "\n").encode() for line in lines if line]
    for output in outputs:
        if os.path.exists(output):
            sys.exit(f"{output} exists: choose another name")
    for output, content in outputs.items():
        with open(output, "xb") as file:
            file.writelines(content)
    for name, about in header.items():
        print(f"{name:32} {about['dtype']} {about['shape']}")


if __name__ == "__main__":
    main()
