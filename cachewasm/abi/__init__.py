"""The contract between compiled code and the runtime: layouts, trap codes, builtins, symbols."""
