"""Random valid programs: generate, run under an engine, compare what can be observed.

choices     bytes -> decisions: the one source of randomness, of hypothesis and of the long run
edges       values that compilers and programs get wrong
shape       what functions can refer to: types, memories, tables, globals, segments
operands    expressions: code that leaves values
statements  code that leaves none: control flow, stores, bulk operations
program     a whole module and the calls to make
observe     run a program under a package; the trace of everything that can be seen
"""
