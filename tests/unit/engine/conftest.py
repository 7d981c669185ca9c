"""The values to test options with are a module that several tests here share."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).parent.parent.parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
