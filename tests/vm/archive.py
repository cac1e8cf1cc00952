"""Files that a ramdisk has besides its own: an archive behind an archive, which the kernel unpacks after it."""

import subprocess
import tempfile
from pathlib import Path


def archive_behind(before, files):
    """The archive that goes behind these bytes: files at the top, by name, each a text with its mode."""
    with tempfile.TemporaryDirectory() as directory:
        for name, (text, mode) in files.items():
            path = Path(directory) / name
            path.write_text(text)
            path.chmod(mode)
        words = ["cpio", "--quiet", "--create", "--format=newc", "--owner=0:0"]
        names = "".join(f"{name}\n" for name in files).encode()
        packed = subprocess.run(words, input=names, cwd=directory, stdout=subprocess.PIPE, check=True)
    # An archive begins at a multiple of four (the kernel's Documentation/driver-api/early-userspace).
    return bytes(-len(before) % 4) + packed.stdout
