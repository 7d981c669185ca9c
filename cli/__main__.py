"""`python -m cachewasm_cli`: the command where no console script is installed."""

import sys

from .main import main

sys.exit(main())
