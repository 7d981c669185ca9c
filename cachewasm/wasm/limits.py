"""Every limit of this implementation on what a module may contain.

The values are those that the JavaScript API standardises ("implementation-defined limits"), so a
module that browsers accept is accepted here; where a limit is ours, its comment says why it exists.
A count read from a module is compared with the limit *and* with the bytes that are left, before
anything is allocated. Exceeding a limit is `UnsupportedModule`, never `InvalidModule`: the language
itself sets no such bound. Nesting has no limit since nothing recurses on it.
"""

MODULE_SIZE = 1 << 30
TYPES = 1_000_000
IMPORTS = 1_000_000
FUNCTIONS = 1_000_000  # imported and defined, as for the other index spaces
TABLES = 100_000
MEMORIES = 100  # each reserves gigabytes of address space
GLOBALS = 1_000_000
TAGS = 1_000_000
CATCHES = 10_000  # of one try_table, or of one legacy try
EXPORTS = 1_000_000
ELEMENT_SEGMENTS = 10_000_000
DATA_SEGMENTS = 100_000

FUNCTION_SIZE = 7_654_321  # bytes of a body, locals included
LOCALS = 50_000  # of one function, parameters included
PARAMS = 1_000
RESULTS = 1_000

# The entries of one element segment and of a table. The latter is checked when an instance is made,
# since a module may declare any size.
SEGMENT_ENTRIES = 10_000_000
TABLE_ENTRIES = 10_000_000

MEMORY_PAGES = 65_536  # the language's own bound for 32-bit memories

# Ours: 65,520 labels are what browsers accept; a switch larger than that is no program.
BR_TABLE_LABELS = 65_520

# Ours: two bytes of a call may push a thousand results, so the bytes of a body do not bound the
# operand stack by themselves.
OPERAND_STACK = 1_000_000

# Ours, as browsers have it: bytes of the name of an import, export or custom section.
NAME_LENGTH = 100_000
