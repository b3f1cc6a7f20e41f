"""The directories of the checkout, of the stack's state, and of the packages that it has downloaded."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("STACK_DIR", ROOT / ".stack")).absolute()
PACKAGES = STATE / "packages"
