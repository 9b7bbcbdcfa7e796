"""Write requirements/demo.txt and requirements/dev.txt: every package pinned, with hashes, for every platform."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What builds the editable install without asking the network again.
BUILD = "setuptools>=77,<83\nwheel>=0.45,<1\n"


def main() -> None:
    for tier in ("demo", "dev"):
        target = ROOT / "requirements" / f"{tier}.txt"
        command = [
            "uv", "pip", "compile", "setup.cfg", "-", "--extra", tier, "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--upgrade", "--output-file", str(target),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, input=BUILD, text=True, stdout=subprocess.DEVNULL)
        kept = [line for line in target.read_text().splitlines() if not line.startswith(("-e ", "fenqi"))]
        target.write_text("\n".join(kept) + "\n")
        sys.stdout.write(f"{target.relative_to(ROOT)}: {sum('==' in line for line in kept)} packages\n")


if __name__ == "__main__":
    main()
