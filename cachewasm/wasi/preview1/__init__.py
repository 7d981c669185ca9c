"""The functions of WASI preview 1; `table` names them all."""
