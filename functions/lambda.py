"""Packs the three functions for AWS Lambda and checks what AWS would say too late.

    lambda.py arm64|x86_64 GLIBC FROM TO

takes FROM/<function>/bootstrap and writes TO/<function>/bootstrap.zip. Archives hold no time and
no owner, so the same program always gives the same bytes.
"""

import os
import re
import struct
import sys
import zipfile
from pathlib import Path

# Each function is a program of its own.
FUNCTIONS = sorted(path.stem for path in (Path(__file__).parent / "src" / "bin").glob("*.rs"))
# Field `e_machine` of an ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {"arm64": 183, "x86_64": 62}
# A cold start fetches and unpacks the archive: this is what we aim at. AWS itself takes 50 MB.
AIM_BYTES = 8 * 1000 * 1000


def refuse(reason: str):
    sys.exit(f"functions/lambda.py: {reason}")


def check_program(path: Path, architecture: str, glibc: str):
    """The program is what this architecture runs, and needs no newer C library than Lambda has."""
    if not os.access(path, os.X_OK):
        refuse(f"{path} is not executable")
    program = path.read_bytes()
    # The magic number, 64 bits, little-endian.
    if program[:6] != b"\x7fELF\x02\x01":
        refuse(f"{path} is no program for 64-bit Linux")
    (machine,) = struct.unpack_from("<H", program, 18)
    if machine != MACHINES[architecture]:
        refuse(f"{path} is for machine {machine}, not for {architecture}")
    needed = re.findall(rb"GLIBC_(\d+)\.(\d+)", program)
    newest = max((int(major), int(minor)) for major, minor in needed)
    if newest > tuple(int(part) for part in glibc.split(".")):
        refuse(f"{path} needs glibc {newest[0]}.{newest[1]}; Lambda has {glibc}")


def pack(program: Path, archive: Path):
    archive.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the mode counts
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    # A concurrent reader gets either the old file or the new one, never a part.
    unfinished = archive.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as file:
        file.writestr(entry, program.read_bytes(), compresslevel=9)
    unfinished.replace(archive)


def main(architecture: str, glibc: str, source: Path, target: Path):
    for function in FUNCTIONS:
        program = source / function / "bootstrap"
        archive = target / function / "bootstrap.zip"
        check_program(program, architecture, glibc)
        pack(program, archive)
        size = archive.stat().st_size
        remark = " (more than it should be: 8 MB)" if size > AIM_BYTES else ""
        print(f"{archive}  {architecture}, {size / 1e6:.1f} MB{remark}")


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
