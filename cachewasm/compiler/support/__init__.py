"""The support image: everything native that must exist before any module is compiled.

Entry from Python and back, traps and the signal handler, the builtins that modules call, and the
slots of the Python type `Func`, as LLVM IR. It is compiled once per target, cached and loaded like
any artifact, and never unmapped.

One generic entry serves every function type: it converts arguments by the type's Signature into a
buffer of 16-byte slots and calls the type's thunk, which each module brings along. So the delicate
parts (setjmp, the GIL, the activation record, error paths) exist once, and a type costs a module
only two short trampolines.
"""
