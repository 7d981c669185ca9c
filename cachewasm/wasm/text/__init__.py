"""The text format: lexer, parser and printer (specification, chapter 6).

Text is parsed to a `ModuleSource` and encoded, so whatever a module was written as, decoder and
validator judge its binary.
"""
