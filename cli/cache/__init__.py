"""`cachewasm cache`: a module for each of its verbs; verbs.py puts them together."""
