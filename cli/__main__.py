"""`python -m cachewasm_cli`: the command where no console script is installed."""

from .main import console

console()
