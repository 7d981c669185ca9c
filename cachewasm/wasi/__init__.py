"""WASI preview 1 over a sandboxed directory tree."""
