"""The command line of cachewasm, installed as the package `cachewasm_cli`."""
