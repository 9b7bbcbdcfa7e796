"""Write requirements/{server,demo,dev}.txt: every package pinned, with hashes, for every platform."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What builds the editable install without asking the network again.
BUILD = "setuptools>=77,<83\nwheel>=0.45,<1\n"
# What deploy/Dockerfile installs, and what make demo and make test need.
TIERS = {"server": ("server", "postgres", "otel"), "demo": ("demo",), "dev": ("dev",)}


def main() -> None:
    for tier, extras in TIERS.items():
        target = ROOT / "requirements" / f"{tier}.txt"
        chosen = [word for extra in extras for word in ("--extra", extra)]
        command = [
            "uv", "pip", "compile", "setup.cfg", "-", *chosen, "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--upgrade", "--output-file", str(target),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, input=BUILD, text=True, stdout=subprocess.DEVNULL)
        kept = [line for line in target.read_text().splitlines() if not line.startswith(("-e ", "fenqi"))]
        target.write_text("\n".join(kept) + "\n")
        sys.stdout.write(f"{target.relative_to(ROOT)}: {sum('==' in line for line in kept)} packages\n")


if __name__ == "__main__":
    main()
