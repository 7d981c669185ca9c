"""LLVM IR of the support image: everything native that must exist before any module is compiled.

Entry from Python and back (`func_vectorcall`, `invoke`, `host_call`), traps (`trap`, `on_signal`),
the builtins that modules call, and the slots of the Python type `Func`. It is compiled once per
target, cached and loaded like any artifact, and never unmapped.

One generic entry serves every function type: it converts arguments by the type's Signature into a
buffer of 16-byte slots and calls the type's thunk, which each module brings along. So the delicate
parts (setjmp, the GIL, the activation record, error paths) exist once, and a type costs a module
only two short trampolines.

The text below is LLVM IR with three macros, so that no offset is written down twice:

    %x = field T, %base, LAYOUT.name        load a field of a structure of abi/
    setfield T %value, %base, LAYOUT.name   store one
    %x = process T, name                    load a field of the process block
"""

import re

from cachewasm.abi import process, traps, vmctx
from cachewasm.abi.layout import Layout
from cachewasm.errors import InternalError

_LAYOUTS: dict[str, Layout] = {
    "CONTEXT": vmctx.CONTEXT,
    "HOST": vmctx.HOST,
    "STORE": vmctx.STORE,
    "RESERVATION": vmctx.RESERVATION,
    "MEMORY": vmctx.MEMORY,
    "TABLE": vmctx.TABLE,
    "SEGMENT": vmctx.SEGMENT,
    "IMPORTED_FUNC": vmctx.IMPORTED_FUNC,
    "FUNCREF": vmctx.FUNCREF,
    "SIGNATURE": vmctx.SIGNATURE,
    "DESCRIPTOR": vmctx.DESCRIPTOR,
    "FUNC_OBJECT": vmctx.FUNC_OBJECT,
    "THREAD": vmctx.THREAD,
    "ACTIVATION": vmctx.ACTIVATION,
}


class _Arch:
    """What differs between architectures in the support code."""

    def __init__(
        self, *, uc_pc: int, uc_fp: int, read_control: str, write_control: str, declares: str
    ) -> None:
        self.uc_pc = uc_pc  # offset of the program counter in ucontext_t
        self.uc_fp = uc_fp  # offset of the frame pointer
        self.read_control = read_control
        self.write_control = write_control
        self.declares = declares


# MXCSR: round to nearest, all exceptions masked, no FTZ, no DAZ; the six sticky flags are ignored.
# FPCR: all zero.
_ARCHS = {
    "x86_64": _Arch(
        uc_pc=168,
        uc_fp=120,
        read_control="""
  %cell = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %cell)
  %now32 = load i32, ptr %cell, align 4
  %now = zext i32 %now32 to i64
  %mode = and i64 %now, 65472
  %normal = icmp eq i64 %mode, 8064
  br i1 %normal, label %done, label %change
change:
  store i32 8064, ptr %cell, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %cell)
  br label %done
done:
  ret i64 %now""",
        write_control="""
  %cell = alloca i32, align 4
  %value32 = trunc i64 %value to i32
  store i32 %value32, ptr %cell, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %cell)
  ret void""",
        declares="""
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)""",
    ),
    "aarch64": _Arch(
        uc_pc=440,
        uc_fp=416,
        read_control="""
  %now = call i64 @llvm.aarch64.get.fpcr()
  %normal = icmp eq i64 %now, 0
  br i1 %normal, label %done, label %change
change:
  call void @llvm.aarch64.set.fpcr(i64 0)
  br label %done
done:
  ret i64 %now""",
        write_control="""
  call void @llvm.aarch64.set.fpcr(i64 %value)
  ret void""",
        declares="""
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)""",
    ),
}

_SI_CODE = 8
_SI_ADDR = 16
_SIGSEGV = 11
_SA_SIGINFO = 4
_PROT_READ_WRITE = 3
_MREMAP_MAYMOVE = 1
_SS_DISABLE = 2

# --- Func: the slots of its type, and the way in ------------------------------------------------

_FUNC = """
; vectorcallfunc of every Func that has code: convert, invoke, convert back.
define hidden ptr @func_vectorcall(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) #0 {
entry:
  %descriptor = field ptr, %self, FUNC_OBJECT.descriptor
  %signature = field ptr, %descriptor, DESCRIPTOR.signature
  %given = and i64 %nargsf, 9223372036854775807
  %params = field i32, %signature, SIGNATURE.param_count
  %count = zext i32 %params to i64
  %expected = add i64 %count, 1
  %right_count = icmp eq i64 %given, %expected
  %positional = icmp eq ptr %kwnames, null
  %well_formed = and i1 %right_count, %positional
  br i1 %well_formed, label %check_store, label %slow, !prof !0
check_store:
  %first = load ptr, ptr %args
  %store_object = field ptr, %descriptor, DESCRIPTOR.store_object
  %same_store = icmp eq ptr %first, %store_object
  br i1 %same_store, label %convert, label %slow, !prof !0
slow:
  %slow_result = call ptr @func_slow(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames)
  ret ptr %slow_result
convert:
  %slot_count = field i32, %signature, SIGNATURE.slots
  %slots = alloca [16 x i8], i32 %slot_count, align 16
  %kinds = getelementptr i8, ptr %signature, i64 {SIGNATURE.kinds}
  br label %next_arg
next_arg:
  %i = phi i64 [ 0, %convert ], [ %i_next, %converted ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one_arg, label %ready
one_arg:
  %i_next = add i64 %i, 1
  %arg_at = getelementptr ptr, ptr %args, i64 %i_next
  %arg = load ptr, ptr %arg_at
  %kind_at = getelementptr i8, ptr %kinds, i64 %i
  %kind = load i8, ptr %kind_at
  %slot = getelementptr [16 x i8], ptr %slots, i64 %i
  %ok = call i1 @unbox(ptr %store_object, i8 %kind, ptr %arg, ptr %slot)
  br i1 %ok, label %converted, label %failed, !prof !0
converted:
  br label %next_arg
ready:
  %status = call i32 @invoke(ptr %self, ptr %descriptor, ptr %slots)
  %returned = icmp eq i32 %status, 0
  br i1 %returned, label %results, label %failed, !prof !0
results:
  %result_count32 = field i32, %signature, SIGNATURE.result_count
  %result_count = zext i32 %result_count32 to i64
  %result_kinds = getelementptr i8, ptr %kinds, i64 %count
  switch i64 %result_count, label %many [ i64 0, label %none
                                          i64 1, label %single ]
none:
  %none_object = process ptr, _Py_NoneStruct
  %incref = process ptr, Py_IncRef
  call void %incref(ptr %none_object)
  ret ptr %none_object
single:
  %single_kind = load i8, ptr %result_kinds
  %single_object = call ptr @box(ptr %store_object, i8 %single_kind, ptr %slots)
  ret ptr %single_object
many:
  %new_list = process ptr, PyList_New
  %list = call ptr %new_list(i64 %result_count)
  %no_list = icmp eq ptr %list, null
  br i1 %no_list, label %failed, label %next_result
next_result:
  %j = phi i64 [ 0, %many ], [ %j_next, %set_result ]
  %more_results = icmp ult i64 %j, %result_count
  br i1 %more_results, label %one_result, label %all_results
one_result:
  %j_next = add i64 %j, 1
  %result_kind_at = getelementptr i8, ptr %result_kinds, i64 %j
  %result_kind = load i8, ptr %result_kind_at
  %result_slot = getelementptr [16 x i8], ptr %slots, i64 %j
  %object = call ptr @box(ptr %store_object, i8 %result_kind, ptr %result_slot)
  %no_object = icmp eq ptr %object, null
  br i1 %no_object, label %drop_list, label %set_result
set_result:
  %set_item = process ptr, PyList_SetItem
  %set = call i32 %set_item(ptr %list, i64 %j, ptr %object)
  br label %next_result
drop_list:
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %list)
  ret ptr null
all_results:
  ret ptr %list
failed:
  ret ptr null
}

; vectorcallfunc of a Func without code of its own, and of every call that is out of the ordinary:
; call_slowly(self, *args, **kwargs).
define hidden ptr @func_slow(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) #0 {
entry:
  %given = and i64 %nargsf, 9223372036854775807
  %callback = process ptr, call_slowly
  %no_keywords = icmp eq ptr %kwnames, null
  br i1 %no_keywords, label %copy, label %keywords
keywords:
  ; Keyword arguments follow the positional ones; call_slowly refuses them all alike.
  %with_self = alloca ptr, align 8
  store ptr %self, ptr %with_self
  %keyword_call = process ptr, PyObject_Vectorcall
  %refused = call ptr %keyword_call(ptr %callback, ptr %with_self, i64 1, ptr null)
  ret ptr %refused
copy:
  %total = add i64 %given, 1
  %all = alloca ptr, i64 %total, align 16
  store ptr %self, ptr %all
  br label %next
next:
  %i = phi i64 [ 0, %copy ], [ %i_next, %one ]
  %more = icmp ult i64 %i, %given
  br i1 %more, label %one, label %ready
one:
  %i_next = add i64 %i, 1
  %from = getelementptr ptr, ptr %args, i64 %i
  %arg = load ptr, ptr %from
  %to = getelementptr ptr, ptr %all, i64 %i_next
  store ptr %arg, ptr %to
  br label %next
ready:
  %vectorcall = process ptr, PyObject_Vectorcall
  %result = call ptr %vectorcall(ptr %callback, ptr %all, i64 %total, ptr null)
  ret ptr %result
}

define hidden i32 @func_traverse(ptr %self, ptr %visit, ptr %arg) #0 {
  %store = field ptr, %self, FUNC_OBJECT.store
  %empty = icmp eq ptr %store, null
  br i1 %empty, label %done, label %visit_store
visit_store:
  %status = call i32 %visit(ptr %store, ptr %arg)
  ret i32 %status
done:
  ret i32 0
}

; The collector may still let others see the object: from now on a call is an error.
define hidden i32 @func_clear(ptr %self) #0 {
  setfield ptr @func_slow, %self, FUNC_OBJECT.vectorcall
  setfield ptr null, %self, FUNC_OBJECT.descriptor
  %store = field ptr, %self, FUNC_OBJECT.store
  setfield ptr null, %self, FUNC_OBJECT.store
  %empty = icmp eq ptr %store, null
  br i1 %empty, label %done, label %release
release:
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %store)
  br label %done
done:
  ret i32 0
}

define hidden void @func_dealloc(ptr %self) #0 {
  %untrack = process ptr, PyObject_GC_UnTrack
  call void %untrack(ptr %self)
  %weakrefs = field ptr, %self, FUNC_OBJECT.weakrefs
  %unreferenced = icmp eq ptr %weakrefs, null
  br i1 %unreferenced, label %clear, label %clear_weakrefs
clear_weakrefs:
  %clear_all = process ptr, PyObject_ClearWeakRefs
  call void %clear_all(ptr %self)
  br label %clear
clear:
  %type_at = getelementptr i8, ptr %self, i64 8
  %type = load ptr, ptr %type_at
  %status = call i32 @func_clear(ptr %self)
  %free = process ptr, PyObject_GC_Del
  call void %free(ptr %self)
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %type)
  ret void
}

; Python object -> slot. False: an error is set.
define internal i1 @unbox(ptr %store_object, i8 %kind, ptr %object, ptr %slot) #0 {
entry:
  ; ob_type follows the reference count in every CPython with the GIL.
  %type_at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type_at
  switch i8 %kind, label %other [ i8 {KIND_I32}, label %integer
                                  i8 {KIND_I64}, label %integer
                                  i8 {KIND_F32}, label %float
                                  i8 {KIND_F64}, label %float ]
integer:
  %int_type = process ptr, PyLong_Type
  %is_int = icmp eq ptr %type, %int_type
  br i1 %is_int, label %take_int, label %other, !prof !0
take_int:
  %as_int = process ptr, PyLong_AsUnsignedLongLongMask
  %int = call i64 %as_int(ptr %object)
  store i64 %int, ptr %slot, align 16
  ret i1 true
float:
  %float_type = process ptr, PyFloat_Type
  %is_float = icmp eq ptr %type, %float_type
  br i1 %is_float, label %take_float, label %other, !prof !0
take_float:
  %as_double = process ptr, PyFloat_AsDouble
  %double = call double %as_double(ptr %object)
  %narrow = icmp eq i8 %kind, {KIND_F32}
  br i1 %narrow, label %store_single, label %store_double
store_single:
  %single = fptrunc double %double to float
  store float %single, ptr %slot, align 16
  ret i1 true
store_double:
  store double %double, ptr %slot, align 16
  ret i1 true
other:
  ; References, Val objects, bool and other subclasses: to_raw(store, kind, object) -> int.
  %kind_wide = zext i8 %kind to i64
  %new_int = process ptr, PyLong_FromLongLong
  %kind_object = call ptr %new_int(i64 %kind_wide)
  %no_kind = icmp eq ptr %kind_object, null
  br i1 %no_kind, label %failed, label %ask
ask:
  %arguments = alloca [3 x ptr], align 16
  %argument1 = getelementptr ptr, ptr %arguments, i64 1
  %argument2 = getelementptr ptr, ptr %arguments, i64 2
  store ptr %store_object, ptr %arguments
  store ptr %kind_object, ptr %argument1
  store ptr %object, ptr %argument2
  %callback = process ptr, to_raw
  %vectorcall = process ptr, PyObject_Vectorcall
  %raw_object = call ptr %vectorcall(ptr %callback, ptr %arguments, i64 3, ptr null)
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %kind_object)
  %no_raw = icmp eq ptr %raw_object, null
  br i1 %no_raw, label %failed, label %take_raw
take_raw:
  %raw_as_int = process ptr, PyLong_AsUnsignedLongLongMask
  %raw = call i64 %raw_as_int(ptr %raw_object)
  store i64 %raw, ptr %slot, align 16
  call void %decref(ptr %raw_object)
  ret i1 true
failed:
  ret i1 false
}

; Slot -> new Python object, or null with an error set.
define internal ptr @box(ptr %store_object, i8 %kind, ptr %slot) #0 {
entry:
  switch i8 %kind, label %reference [ i8 {KIND_I32}, label %i32
                                      i8 {KIND_I64}, label %i64
                                      i8 {KIND_F32}, label %f32
                                      i8 {KIND_F64}, label %f64 ]
i32:
  %narrow = load i32, ptr %slot, align 16
  %wide = sext i32 %narrow to i64
  br label %integer
i64:
  %long = load i64, ptr %slot, align 16
  br label %integer
integer:
  %int = phi i64 [ %wide, %i32 ], [ %long, %i64 ]
  %new_int = process ptr, PyLong_FromLongLong
  %int_object = call ptr %new_int(i64 %int)
  ret ptr %int_object
f32:
  %single = load float, ptr %slot, align 16
  %extended = fpext float %single to double
  br label %floating
f64:
  %double = load double, ptr %slot, align 16
  br label %floating
floating:
  %float = phi double [ %extended, %f32 ], [ %double, %f64 ]
  %new_float = process ptr, PyFloat_FromDouble
  %float_object = call ptr %new_float(double %float)
  ret ptr %float_object
reference:
  ; from_raw(store, kind, raw)
  %kind_wide = zext i8 %kind to i64
  %new_int_r = process ptr, PyLong_FromLongLong
  %kind_object = call ptr %new_int_r(i64 %kind_wide)
  %no_kind = icmp eq ptr %kind_object, null
  br i1 %no_kind, label %failed, label %make_raw
make_raw:
  %raw = load i64, ptr %slot, align 16
  %raw_object = call ptr %new_int_r(i64 %raw)
  %decref = process ptr, Py_DecRef
  %no_raw = icmp eq ptr %raw_object, null
  br i1 %no_raw, label %drop_kind, label %ask
drop_kind:
  call void %decref(ptr %kind_object)
  ret ptr null
ask:
  %arguments = alloca [3 x ptr], align 16
  %argument1 = getelementptr ptr, ptr %arguments, i64 1
  %argument2 = getelementptr ptr, ptr %arguments, i64 2
  store ptr %store_object, ptr %arguments
  store ptr %kind_object, ptr %argument1
  store ptr %raw_object, ptr %argument2
  %callback = process ptr, from_raw
  %vectorcall = process ptr, PyObject_Vectorcall
  %object = call ptr %vectorcall(ptr %callback, ptr %arguments, i64 3, ptr null)
  call void %decref(ptr %kind_object)
  call void %decref(ptr %raw_object)
  ret ptr %object
failed:
  ret ptr null
}

; callback(argument), its result dropped. True if it did not raise.
define internal i1 @notify(ptr %callback, ptr %argument, i64 %count) #0 {
  %arguments = alloca ptr, align 16
  store ptr %argument, ptr %arguments
  %vectorcall = process ptr, PyObject_Vectorcall
  %result = call ptr %vectorcall(ptr %callback, ptr %arguments, i64 %count, ptr null)
  %raised = icmp eq ptr %result, null
  br i1 %raised, label %failed, label %drop
drop:
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %result)
  ret i1 true
failed:
  ret i1 false
}
"""

# --- The activation: one per entry --------------------------------------------------------------

_INVOKE = """
; Run the function of `descriptor` on `slots`. 0: the results are in `slots`; 1: an error is set.
; Values that the trap path needs are read back from the activation record: what changes after
; _setjmp must not live in a register.
define internal i32 @invoke(ptr %self, ptr %descriptor, ptr %slots) #1 {
entry:
  %activation = alloca [{ACTIVATION_SIZE} x i8], align 16
  %store = field ptr, %descriptor, DESCRIPTOR.store
  %thread_known = call ptr @this_thread()
  %known = icmp ne ptr %thread_known, null
  br i1 %known, label %have_thread, label %new_thread, !prof !0
new_thread:
  %set_up = process ptr, set_up_thread
  %made = call i1 @notify(ptr %set_up, ptr null, i64 0)
  br i1 %made, label %find_thread, label %failed
find_thread:
  %thread_made = call ptr @this_thread()
  br label %have_thread
have_thread:
  %thread = phi ptr [ %thread_known, %entry ], [ %thread_made, %find_thread ]
  %owner = field ptr, %store, STORE.thread
  %idle = icmp eq ptr %owner, null
  %nested = icmp eq ptr %owner, %thread
  %allowed = or i1 %idle, %nested
  br i1 %allowed, label %enter, label %busy, !prof !0
busy:
  %busy_callback = process ptr, store_busy
  %never = call i1 @notify(ptr %busy_callback, ptr %self, i64 1)
  br label %failed
failed:
  ret i32 1
enter:
  %outer = field ptr, %thread, THREAD.activation
  %outer_limit = field i64, %store, STORE.stack_limit
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  setfield ptr %outer, %activation, ACTIVATION.previous
  setfield ptr %store, %activation, ACTIVATION.store
  setfield ptr %owner, %activation, ACTIVATION.previous_thread
  setfield i64 %outer_limit, %activation, ACTIVATION.previous_limit
  setfield ptr null, %activation, ACTIVATION.thread_state
  setfield ptr %frame, %activation, ACTIVATION.entry_frame
  setfield ptr null, %activation, ACTIVATION.exit_frame
  %control = call i64 @enter_float_mode()
  setfield i64 %control, %activation, ACTIVATION.float_control
  %frame_int = ptrtoint ptr %frame to i64
  %budget = field i64, %store, STORE.max_wasm_stack
  %wanted_limit = call i64 @llvm.usub.sat.i64(i64 %frame_int, i64 %budget)
  %floor = field i64, %thread, THREAD.stack_floor
  %limit = call i64 @llvm.umax.i64(i64 %wanted_limit, i64 %floor)
  setfield i64 %limit, %store, STORE.stack_limit
  setfield ptr %thread, %store, STORE.thread
  setfield ptr %activation, %thread, THREAD.activation
  %setjmp = process ptr, _setjmp
  %jumped = call i32 %setjmp(ptr %activation) #2
  %first_time = icmp eq i32 %jumped, 0
  br i1 %first_time, label %run, label %trapped
run:
  %funcref = field ptr, %descriptor, DESCRIPTOR.funcref
  %thunk = field ptr, %descriptor, DESCRIPTOR.thunk
  %code = field ptr, %funcref, FUNCREF.code
  %context = field ptr, %funcref, FUNCREF.context
  %flags = field i32, %funcref, FUNCREF.flags
  %bounded_bit = and i32 %flags, {FUNC_BOUNDED}
  %bounded = icmp ne i32 %bounded_bit, 0
  br i1 %bounded, label %call, label %release_gil
release_gil:
  %save_thread = process ptr, PyEval_SaveThread
  %state = call ptr %save_thread()
  setfield ptr %state, %activation, ACTIVATION.thread_state
  br label %call
call:
  call void %thunk(ptr %code, ptr %context, ptr %slots)
  br label %leave
trapped:
  %callers_control = field i64, %activation, ACTIVATION.float_control
  call void @write_float_control(i64 %callers_control)
  br label %leave
leave:
  %status = phi i32 [ 0, %call ], [ 1, %trapped ]
  %saved_state = field ptr, %activation, ACTIVATION.thread_state
  %held = icmp eq ptr %saved_state, null
  br i1 %held, label %restore, label %take_gil
take_gil:
  %restore_thread = process ptr, PyEval_RestoreThread
  call void %restore_thread(ptr %saved_state)
  br label %restore
restore:
  %store_again = field ptr, %activation, ACTIVATION.store
  %thread_again = field ptr, %store_again, STORE.thread
  %previous = field ptr, %activation, ACTIVATION.previous
  setfield ptr %previous, %thread_again, THREAD.activation
  %previous_thread = field ptr, %activation, ACTIVATION.previous_thread
  setfield ptr %previous_thread, %store_again, STORE.thread
  %previous_limit = field i64, %activation, ACTIVATION.previous_limit
  setfield i64 %previous_limit, %store_again, STORE.stack_limit
  %returned = icmp eq i32 %status, 0
  br i1 %returned, label %normal, label %raise
normal:
  %control_again = field i64, %activation, ACTIVATION.float_control
  %mode = and i64 %control_again, {CONTROL_MASK}
  %was_normal = icmp eq i64 %mode, {CONTROL_NORMAL}
  br i1 %was_normal, label %done, label %restore_control, !prof !0
restore_control:
  call void @write_float_control(i64 %control_again)
  br label %done
done:
  ret i32 0
raise:
  %trap_code = field i64, %thread_again, THREAD.trap_code
  %raised = icmp eq i64 %trap_code, {HOST_EXCEPTION}
  br i1 %raised, label %error, label %make_error
make_error:
  %raise_trap = process ptr, raise_trap
  %never2 = call i1 @notify(ptr %raise_trap, ptr %self, i64 1)
  br label %error
error:
  ret i32 1
}

define internal ptr @this_thread() #0 {
  %key64 = process i64, thread_key
  %key = trunc i64 %key64 to i32
  %get = process ptr, pthread_getspecific
  %thread = call ptr %get(i32 %key)
  ret ptr %thread
}

; Round to nearest, no flush to zero: as WebAssembly demands. Returns the control word found.
define internal i64 @enter_float_mode() #0 {
entry:{read_control}
}

define internal void @write_float_control(i64 %value) #0 {{write_control}
}
"""

# --- Calls out to Python ------------------------------------------------------------------------

_HOST = """
; Called by a host stub: arguments in `slots`, results go to `slots`. The GIL is taken if this
; entry had released it, and released again.
define hidden void @host_call(ptr %host, ptr %slots) #0 {
entry:
  %store = field ptr, %host, HOST.store
  %thread = field ptr, %store, STORE.thread
  %activation = field ptr, %thread, THREAD.activation
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  setfield ptr %frame, %activation, ACTIVATION.exit_frame
  %caller = field i64, %store, STORE.caller
  %store_object = field ptr, %store, STORE.object
  %signature = field ptr, %host, HOST.signature
  %kinds = getelementptr i8, ptr %signature, i64 {SIGNATURE.kinds}
  %params32 = field i32, %signature, SIGNATURE.param_count
  %params = zext i32 %params32 to i64
  %state = field ptr, %activation, ACTIVATION.thread_state
  %held = icmp eq ptr %state, null
  br i1 %held, label %have_gil, label %take_gil
take_gil:
  setfield ptr null, %activation, ACTIVATION.thread_state
  %restore_thread = process ptr, PyEval_RestoreThread
  call void %restore_thread(ptr %state)
  br label %have_gil
have_gil:
  ; One free place in front of the arguments (PY_VECTORCALL_ARGUMENTS_OFFSET), one for the caller.
  %places = add i64 %params, 2
  %all = alloca ptr, i64 %places, align 16
  %begin = getelementptr ptr, ptr %all, i64 1
  %wants_caller = field i64, %host, HOST.wants_caller
  %plain = icmp eq i64 %wants_caller, 0
  br i1 %plain, label %arguments, label %add_caller
add_caller:
  %new_int = process ptr, PyLong_FromLongLong
  %caller_object = call ptr %new_int(i64 %caller)
  %no_caller = icmp eq ptr %caller_object, null
  br i1 %no_caller, label %raised, label %put_caller
put_caller:
  store ptr %caller_object, ptr %begin
  br label %arguments
arguments:
  %extra = phi i64 [ 0, %have_gil ], [ 1, %put_caller ]
  %first = getelementptr ptr, ptr %begin, i64 %extra
  br label %next_arg
next_arg:
  %i = phi i64 [ 0, %arguments ], [ %i_next, %put_arg ]
  %more = icmp ult i64 %i, %params
  br i1 %more, label %one_arg, label %call
one_arg:
  %i_next = add i64 %i, 1
  %kind_at = getelementptr i8, ptr %kinds, i64 %i
  %kind = load i8, ptr %kind_at
  %slot = getelementptr [16 x i8], ptr %slots, i64 %i
  %arg = call ptr @box(ptr %store_object, i8 %kind, ptr %slot)
  %no_arg = icmp eq ptr %arg, null
  br i1 %no_arg, label %drop_some, label %put_arg
put_arg:
  %place = getelementptr ptr, ptr %first, i64 %i
  store ptr %arg, ptr %place
  br label %next_arg
drop_some:
  %some = add i64 %i, %extra
  call void @drop(ptr %begin, i64 %some)
  br label %raised
call:
  %total = add i64 %params, %extra
  %nargsf = or i64 %total, -9223372036854775808
  %callable = field ptr, %host, HOST.callable
  %vectorcall = process ptr, PyObject_Vectorcall
  %result = call ptr %vectorcall(ptr %callable, ptr %begin, i64 %nargsf, ptr null)
  call void @drop(ptr %begin, i64 %total)
  %no_result = icmp eq ptr %result, null
  br i1 %no_result, label %raised, label %take_result
take_result:
  %result_count32 = field i32, %signature, SIGNATURE.result_count
  %result_count = zext i32 %result_count32 to i64
  %result_kinds = getelementptr i8, ptr %kinds, i64 %params
  %decref = process ptr, Py_DecRef
  switch i64 %result_count, label %unpack [ i64 0, label %none
                                            i64 1, label %single ]
none:
  %none_object = process ptr, _Py_NoneStruct
  %is_none = icmp eq ptr %result, %none_object
  br i1 %is_none, label %finished, label %unpack
single:
  %single_kind = load i8, ptr %result_kinds
  %single_ok = call i1 @unbox(ptr %store_object, i8 %single_kind, ptr %result, ptr %slots)
  br i1 %single_ok, label %finished, label %drop_result
unpack:
  ; unpack_results(count, result) -> tuple of that length
  %new_int2 = process ptr, PyLong_FromLongLong
  %count_object = call ptr %new_int2(i64 %result_count)
  %no_count = icmp eq ptr %count_object, null
  br i1 %no_count, label %drop_result, label %ask
ask:
  %pair = alloca [2 x ptr], align 16
  %pair1 = getelementptr ptr, ptr %pair, i64 1
  store ptr %count_object, ptr %pair
  store ptr %result, ptr %pair1
  %callback = process ptr, unpack_results
  %tuple = call ptr %vectorcall(ptr %callback, ptr %pair, i64 2, ptr null)
  call void %decref(ptr %count_object)
  %no_tuple = icmp eq ptr %tuple, null
  br i1 %no_tuple, label %drop_result, label %next_result
next_result:
  %j = phi i64 [ 0, %ask ], [ %j_next, %one_result ]
  %more_results = icmp ult i64 %j, %result_count
  br i1 %more_results, label %one_result, label %drop_tuple
one_result:
  %j_next = add i64 %j, 1
  %get_item = process ptr, PyTuple_GetItem
  %item = call ptr %get_item(ptr %tuple, i64 %j)
  %result_kind_at = getelementptr i8, ptr %result_kinds, i64 %j
  %result_kind = load i8, ptr %result_kind_at
  %result_slot = getelementptr [16 x i8], ptr %slots, i64 %j
  %item_ok = call i1 @unbox(ptr %store_object, i8 %result_kind, ptr %item, ptr %result_slot)
  br i1 %item_ok, label %next_result, label %drop_tuple_failed
drop_tuple:
  call void %decref(ptr %tuple)
  br label %finished
drop_tuple_failed:
  call void %decref(ptr %tuple)
  br label %drop_result
drop_result:
  call void %decref(ptr %result)
  br label %raised
finished:
  call void %decref(ptr %result)
  br i1 %held, label %done, label %release_gil
release_gil:
  %save_thread = process ptr, PyEval_SaveThread
  %state_again = call ptr %save_thread()
  setfield ptr %state_again, %activation, ACTIVATION.thread_state
  br label %done
done:
  ret void
raised:
  ; The GIL stays held and the Python error stays set: `invoke` returns it as it is.
  call void @raise(ptr %thread, i32 {HOST_EXCEPTION}, i64 0, ptr null)
  unreachable
}

define internal void @drop(ptr %objects, i64 %count) #0 {
entry:
  %decref = process ptr, Py_DecRef
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i_next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %i_next = add i64 %i, 1
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  call void %decref(ptr %object)
  br label %next
done:
  ret void
}
"""

# --- Traps --------------------------------------------------------------------------------------

_TRAPS = """
; builtin: an explicit trap of wasm code. Does not return.
define hidden void @trap(ptr %context, i32 %code) #3 {
  %store = field ptr, %context, CONTEXT.store
  %thread = field ptr, %store, STORE.thread
  setfield ptr null, %thread, THREAD.fault_memory
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  call void @raise(ptr %thread, i32 %code, i64 0, ptr %frame)
  unreachable
}

; Note the trap and its backtrace in the thread's record and jump to the entry. The frames are read
; now, while they are whole. `pc` (0: none) is where a fault happened; `frame` (null: no backtrace)
; is the frame address from which to walk.
define internal void @raise(ptr %thread, i32 %code, i64 %pc, ptr %frame) #3 {
entry:
  %activation = field ptr, %thread, THREAD.activation
  %code_wide = zext i32 %code to i64
  setfield i64 %code_wide, %thread, THREAD.trap_code
  %frames = getelementptr i8, ptr %thread, i64 {THREAD.frames}
  %exact = icmp ne i64 %pc, 0
  br i1 %exact, label %note_pc, label %walk
note_pc:
  ; As if it were a return address: readers look one byte before it.
  %after = add i64 %pc, 1
  store i64 %after, ptr %frames
  br label %walk
walk:
  %count0 = phi i64 [ 0, %entry ], [ 1, %note_pc ]
  br label %activation_loop
activation_loop:
  %current = phi ptr [ %activation, %walk ], [ %older, %resume ]
  %start = phi ptr [ %frame, %walk ], [ %exit_frame, %resume ]
  %count1 = phi i64 [ %count0, %walk ], [ %count, %resume ]
  %end = field ptr, %current, ACTIVATION.entry_frame
  br label %frame_loop
frame_loop:
  %fp = phi ptr [ %start, %activation_loop ], [ %parent, %note ]
  %count = phi i64 [ %count1, %activation_loop ], [ %count_next, %note ]
  %at_end = icmp eq ptr %fp, %end
  %at_null = icmp eq ptr %fp, null
  %stop = or i1 %at_end, %at_null
  br i1 %stop, label %next_activation, label %room
room:
  %full = icmp uge i64 %count, {BACKTRACE_FRAMES}
  br i1 %full, label %jump, label %note
note:
  %return_at = getelementptr i8, ptr %fp, i64 8
  %return = load i64, ptr %return_at
  %place = getelementptr i64, ptr %frames, i64 %count
  store i64 %return, ptr %place
  %count_next = add i64 %count, 1
  %parent = load ptr, ptr %fp
  br label %frame_loop
next_activation:
  ; Wasm code that called the host that called us, if it is of the same store.
  %older = field ptr, %current, ACTIVATION.previous
  %oldest = icmp eq ptr %older, null
  br i1 %oldest, label %jump, label %same_store
same_store:
  %store_here = field ptr, %current, ACTIVATION.store
  %store_there = field ptr, %older, ACTIVATION.store
  %same = icmp eq ptr %store_here, %store_there
  br i1 %same, label %resume, label %jump
resume:
  %exit_frame = field ptr, %older, ACTIVATION.exit_frame
  br label %activation_loop
jump:
  %noted = phi i64 [ %count, %room ], [ %count, %next_activation ], [ %count, %same_store ]
  setfield i64 %noted, %thread, THREAD.frame_count
  %longjmp = process ptr, longjmp
  call void %longjmp(ptr %activation, i32 1)
  unreachable
}

; SIGSEGV. A trap only if the pc lies in wasm code, this thread has an activation, and the address
; lies in a memory's reservation beyond its length or in this thread's stack guard. Anything else
; goes to the handler that was there before.
define hidden void @on_signal(i32 %signal, ptr %info, ptr %ucontext) #0 {
entry:
  %si_code_at = getelementptr i8, ptr %info, i64 {SI_CODE}
  %si_code = load i32, ptr %si_code_at
  %from_kernel = icmp sgt i32 %si_code, 0
  br i1 %from_kernel, label %find_image, label %forward
find_image:
  %pc_at = getelementptr i8, ptr %ucontext, i64 {UC_PC}
  %pc = load i64, ptr %pc_at
  %images_int = process i64, images
  %images = inttoptr i64 %images_int to ptr
  %no_images = icmp eq ptr %images, null
  br i1 %no_images, label %forward, label %search
search:
  %image_count = load i64, ptr %images
  %rows = getelementptr i8, ptr %images, i64 {IMAGES_HEADER}
  br label %next_image
next_image:
  %i = phi i64 [ 0, %search ], [ %i_next, %another_image ]
  %more = icmp ult i64 %i, %image_count
  br i1 %more, label %one_image, label %forward
one_image:
  %row_offset = mul i64 %i, {IMAGES_ROW}
  %row = getelementptr i8, ptr %rows, i64 %row_offset
  %code_start = load i64, ptr %row
  %code_end_at = getelementptr i8, ptr %row, i64 8
  %code_end = load i64, ptr %code_end_at
  %not_before = icmp uge i64 %pc, %code_start
  %before_end = icmp ult i64 %pc, %code_end
  %inside = and i1 %not_before, %before_end
  br i1 %inside, label %find_thread, label %another_image
another_image:
  %i_next = add i64 %i, 1
  br label %next_image
find_thread:
  %thread = call ptr @this_thread()
  %no_thread = icmp eq ptr %thread, null
  br i1 %no_thread, label %forward, label %find_activation
find_activation:
  %activation = field ptr, %thread, THREAD.activation
  %outside = icmp eq ptr %activation, null
  br i1 %outside, label %forward, label %classify
classify:
  %address_at = getelementptr i8, ptr %info, i64 {SI_ADDR}
  %address = load i64, ptr %address_at
  %fp_at = getelementptr i8, ptr %ucontext, i64 {UC_FP}
  %fp = load ptr, ptr %fp_at
  %guard_start = field i64, %thread, THREAD.guard_start
  %guard_end = field i64, %thread, THREAD.guard_end
  %above_guard_start = icmp uge i64 %address, %guard_start
  %below_guard_end = icmp ult i64 %address, %guard_end
  %in_guard = and i1 %above_guard_start, %below_guard_end
  br i1 %in_guard, label %overflow, label %memories
overflow:
  call void @raise(ptr %thread, i32 {STACK_OVERFLOW}, i64 %pc, ptr %fp)
  unreachable
memories:
  %store = field ptr, %activation, ACTIVATION.store
  %memory_count = field i64, %store, STORE.memory_count
  %reservations = field ptr, %store, STORE.memories
  br label %next_memory
next_memory:
  %m = phi i64 [ 0, %memories ], [ %m_next, %another_memory ]
  %more_memories = icmp ult i64 %m, %memory_count
  br i1 %more_memories, label %one_memory, label %forward
one_memory:
  %m_offset = mul i64 %m, {RESERVATION_SIZE}
  %reservation = getelementptr i8, ptr %reservations, i64 %m_offset
  %start = field i64, %reservation, RESERVATION.start
  %end = field i64, %reservation, RESERVATION.end
  %memory = field ptr, %reservation, RESERVATION.memory
  %length = field i64, %memory, MEMORY.length
  %accessible_end = add i64 %start, %length
  %beyond = icmp uge i64 %address, %accessible_end
  %within = icmp ult i64 %address, %end
  %hit = and i1 %beyond, %within
  br i1 %hit, label %out_of_bounds, label %another_memory
another_memory:
  %m_next = add i64 %m, 1
  br label %next_memory
out_of_bounds:
  setfield i64 %address, %thread, THREAD.fault_address
  setfield ptr %memory, %thread, THREAD.fault_memory
  call void @raise(ptr %thread, i32 {MEMORY_OUT_OF_BOUNDS}, i64 %pc, ptr %fp)
  unreachable
forward:
  %forwarding = process i64, forwarding
  %handler_at = getelementptr i8, ptr @process, i64 {PROCESS.previous_action}
  %handler = load i64, ptr %handler_at
  %flags_at = getelementptr i8, ptr %handler_at, i64 {SIGACTION_FLAGS}
  %flags = load i32, ptr %flags_at
  ; SIG_DFL is 0 and SIG_IGN 1. A previous handler that raises the signal again comes back here.
  %has_none = icmp ule i64 %handler, 1
  %again = icmp ne i64 %forwarding, 0
  %default = or i1 %has_none, %again
  br i1 %default, label %die, label %call_previous
call_previous:
  setprocess i64 1, forwarding
  %function = inttoptr i64 %handler to ptr
  %siginfo_bit = and i32 %flags, {SA_SIGINFO}
  %plain = icmp eq i32 %siginfo_bit, 0
  br i1 %plain, label %call_plain, label %call_siginfo
call_plain:
  call void %function(i32 %signal)
  br label %forwarded
call_siginfo:
  call void %function(i32 %signal, ptr %info, ptr %ucontext)
  br label %forwarded
forwarded:
  setprocess i64 0, forwarding
  ret void
die:
  %default_action = getelementptr i8, ptr @process, i64 {PROCESS.default_action}
  %sigaction = process ptr, sigaction
  %set = call i32 %sigaction(i32 %signal, ptr %default_action, ptr null)
  %raise = process ptr, raise
  %sent = call i32 %raise(i32 %signal)
  ret void
}

; Destructor of the thread key: give back what set_up_thread made.
define hidden void @thread_exit(ptr %thread) #0 {
  %stack = field ptr, %thread, THREAD.alternate_stack
  %borrowed = icmp eq ptr %stack, null
  br i1 %borrowed, label %release, label %unmap
unmap:
  ; stack_t { ptr sp; i32 flags; i64 size }
  %disable = alloca [24 x i8], align 8
  %memset = process ptr, memset
  %zeroed = call ptr %memset(ptr %disable, i32 0, i64 24)
  %flags = getelementptr i8, ptr %disable, i64 8
  store i32 {SS_DISABLE}, ptr %flags
  %sigaltstack = process ptr, sigaltstack
  %disabled = call i32 %sigaltstack(ptr %disable, ptr null)
  %size = field i64, %thread, THREAD.alternate_stack_size
  %munmap = process ptr, munmap
  %unmapped = call i32 %munmap(ptr %stack, i64 %size)
  br label %release
release:
  %free = process ptr, free
  call void %free(ptr %thread)
  ret void
}
"""

# --- Builtins and start-up ----------------------------------------------------------------------


def _range_check(name: str, start: str, length: str) -> str:
    """IR: set %{name}_ok to `start + count <= length` without overflow; %n is the count."""
    return f"""
  %{name}_room = sub i64 {length}, %n
  %{name}_fits = icmp ule i64 %n, {length}
  %{name}_inside = icmp ule i64 {start}, %{name}_room
  %{name}_ok = and i1 %{name}_fits, %{name}_inside"""


_BUILTINS = f"""
; Pages before, or -1.
define hidden i64 @memory_grow(ptr %memory, i64 %delta) #0 {{
entry:
  %length = field i64, %memory, MEMORY.length
  %log2 = field i64, %memory, MEMORY.page_size_log2
  %before = lshr i64 %length, %log2
  %unchanged = icmp eq i64 %delta, 0
  br i1 %unchanged, label %done, label %check
check:
  %maximum = field i64, %memory, MEMORY.maximum
  %room = sub i64 %maximum, %length
  %room_pages = lshr i64 %room, %log2
  %too_much = icmp ugt i64 %delta, %room_pages
  br i1 %too_much, label %refused, label %grow
grow:
  %added = shl i64 %delta, %log2
  %after = add i64 %length, %added
  %base = field ptr, %memory, MEMORY.base
  %movable = field i64, %memory, MEMORY.movable
  %fixed = icmp eq i64 %movable, 0
  br i1 %fixed, label %open, label %enough
open:
  %tail = getelementptr i8, ptr %base, i64 %length
  %mprotect = process ptr, mprotect
  %status = call i32 %mprotect(ptr %tail, i64 %added, i32 {_PROT_READ_WRITE})
  %opened = icmp eq i32 %status, 0
  br i1 %opened, label %grown, label %refused
enough:
  %capacity = field i64, %memory, MEMORY.capacity
  %fits = icmp ule i64 %after, %capacity
  br i1 %fits, label %grown, label %move
move:
  %mremap = process ptr, mremap
  %moved = call ptr (ptr, i64, i64, i32, ...) %mremap(ptr %base, i64 %capacity, i64 %after, i32 {_MREMAP_MAYMOVE})
  %moved_int = ptrtoint ptr %moved to i64
  %failed = icmp eq i64 %moved_int, -1
  br i1 %failed, label %refused, label %note_move
note_move:
  setfield ptr %moved, %memory, MEMORY.base
  setfield i64 %after, %memory, MEMORY.capacity
  br label %grown
grown:
  setfield i64 %after, %memory, MEMORY.length
  br label %done
done:
  ret i64 %before
refused:
  ret i64 -1
}}

define hidden void @memory_copy(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n) #0 {{
  %to_length = field i64, %to, MEMORY.length
  %from_length = field i64, %from, MEMORY.length{_range_check("to", "%d", "%to_length")}{_range_check("from", "%s", "%from_length")}
  %ok = and i1 %to_ok, %from_ok
  br i1 %ok, label %copy, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.MEMORY_OUT_OF_BOUNDS})
  unreachable
copy:
  %to_base = field ptr, %to, MEMORY.base
  %from_base = field ptr, %from, MEMORY.base
  %target = getelementptr i8, ptr %to_base, i64 %d
  %source = getelementptr i8, ptr %from_base, i64 %s
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %source, i64 %n)
  ret void
}}

define hidden void @memory_fill(ptr %context, ptr %memory, i64 %d, i32 %value, i64 %n) #0 {{
  %length = field i64, %memory, MEMORY.length{_range_check("to", "%d", "%length")}
  br i1 %to_ok, label %fill, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.MEMORY_OUT_OF_BOUNDS})
  unreachable
fill:
  %base = field ptr, %memory, MEMORY.base
  %target = getelementptr i8, ptr %base, i64 %d
  %byte = and i32 %value, 255
  %memset = process ptr, memset
  %filled = call ptr %memset(ptr %target, i32 %byte, i64 %n)
  ret void
}}

define hidden void @memory_init(ptr %context, ptr %memory, ptr %segment, i64 %d, i64 %s, i64 %n) #0 {{
  %length = field i64, %memory, MEMORY.length
  %segment_length = field i64, %segment, SEGMENT.length{_range_check("to", "%d", "%length")}{_range_check("from", "%s", "%segment_length")}
  %ok = and i1 %to_ok, %from_ok
  br i1 %ok, label %copy, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.MEMORY_OUT_OF_BOUNDS})
  unreachable
copy:
  %base = field ptr, %memory, MEMORY.base
  %segment_base = field ptr, %segment, SEGMENT.base
  %target = getelementptr i8, ptr %base, i64 %d
  %source = getelementptr i8, ptr %segment_base, i64 %s
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %source, i64 %n)
  ret void
}}

; Elements before, or -1. The block is the C library's: a table may move.
define hidden i64 @table_grow(ptr %table, i64 %init, i64 %delta) #0 {{
entry:
  %length = field i64, %table, TABLE.length
  %maximum = field i64, %table, TABLE.maximum
  %unchanged = icmp eq i64 %delta, 0
  br i1 %unchanged, label %done, label %check
check:
  %room = sub i64 %maximum, %length
  %too_much = icmp ugt i64 %delta, %room
  br i1 %too_much, label %refused, label %grow
grow:
  %after = add i64 %length, %delta
  %bytes = shl i64 %after, 3
  %base = field ptr, %table, TABLE.base
  %realloc = process ptr, realloc
  %moved = call ptr %realloc(ptr %base, i64 %bytes)
  %failed = icmp eq ptr %moved, null
  br i1 %failed, label %refused, label %fill
fill:
  setfield ptr %moved, %table, TABLE.base
  setfield i64 %after, %table, TABLE.length
  call void @fill_references(ptr %moved, i64 %length, i64 %delta, i64 %init)
  br label %done
done:
  ret i64 %length
refused:
  ret i64 -1
}}

define hidden void @table_copy(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n) #0 {{
  %to_length = field i64, %to, TABLE.length
  %from_length = field i64, %from, TABLE.length{_range_check("to", "%d", "%to_length")}{_range_check("from", "%s", "%from_length")}
  %ok = and i1 %to_ok, %from_ok
  br i1 %ok, label %copy, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.TABLE_OUT_OF_BOUNDS})
  unreachable
copy:
  %to_base = field ptr, %to, TABLE.base
  %from_base = field ptr, %from, TABLE.base
  %target = getelementptr i64, ptr %to_base, i64 %d
  %source = getelementptr i64, ptr %from_base, i64 %s
  %bytes = shl i64 %n, 3
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %source, i64 %bytes)
  ret void
}}

define hidden void @table_fill(ptr %context, ptr %table, i64 %d, i64 %value, i64 %n) #0 {{
  %length = field i64, %table, TABLE.length{_range_check("to", "%d", "%length")}
  br i1 %to_ok, label %fill, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.TABLE_OUT_OF_BOUNDS})
  unreachable
fill:
  %base = field ptr, %table, TABLE.base
  call void @fill_references(ptr %base, i64 %d, i64 %n, i64 %value)
  ret void
}}

define hidden void @table_init(ptr %context, ptr %table, ptr %segment, i64 %d, i64 %s, i64 %n) #0 {{
  %length = field i64, %table, TABLE.length
  %segment_length = field i64, %segment, SEGMENT.length{_range_check("to", "%d", "%length")}{_range_check("from", "%s", "%segment_length")}
  %ok = and i1 %to_ok, %from_ok
  br i1 %ok, label %copy, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {traps.TABLE_OUT_OF_BOUNDS})
  unreachable
copy:
  %base = field ptr, %table, TABLE.base
  %segment_base = field ptr, %segment, SEGMENT.base
  %target = getelementptr i64, ptr %base, i64 %d
  %source = getelementptr i64, ptr %segment_base, i64 %s
  %bytes = shl i64 %n, 3
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %source, i64 %bytes)
  ret void
}}

define internal void @fill_references(ptr %base, i64 %start, i64 %count, i64 %value) #0 {{
entry:
  %end = add i64 %start, %count
  br label %next
next:
  %i = phi i64 [ %start, %entry ], [ %i_next, %one ]
  %more = icmp ult i64 %i, %end
  br i1 %more, label %one, label %done
one:
  %at = getelementptr i64, ptr %base, i64 %i
  store i64 %value, ptr %at
  %i_next = add i64 %i, 1
  br label %next
done:
  ret void
}}

; Fill an instance's Funcrefs: row k is for function `escapes[k]`.
define hidden void @init_funcrefs(ptr %funcrefs, ptr %escapes, i64 %count, i64 %imported, ptr %imports, ptr %code_ranges, ptr %typeidx, ptr %flags, ptr %text, ptr %context, ptr %type_ids) #0 {{
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k_next, %row_done ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %k_next = add i64 %k, 1
  %offset = mul i64 %k, {vmctx.FUNCREF.size}
  %funcref = getelementptr i8, ptr %funcrefs, i64 %offset
  %funcidx_at = getelementptr i32, ptr %escapes, i64 %k
  %funcidx32 = load i32, ptr %funcidx_at
  %funcidx = zext i32 %funcidx32 to i64
  %type_at = getelementptr i32, ptr %typeidx, i64 %funcidx
  %type32 = load i32, ptr %type_at
  %type = zext i32 %type32 to i64
  %type_id_at = getelementptr i32, ptr %type_ids, i64 %type
  %type_id = load i32, ptr %type_id_at
  setfield i32 %type_id, %funcref, FUNCREF.type_id
  setfield ptr null, %funcref, FUNCREF.tail_code
  %is_import = icmp ult i64 %funcidx, %imported
  br i1 %is_import, label %import, label %defined
import:
  %import_offset = mul i64 %funcidx, {vmctx.IMPORTED_FUNC.size}
  %import_row = getelementptr i8, ptr %imports, i64 %import_offset
  %import_code = field ptr, %import_row, IMPORTED_FUNC.code
  %import_context = field ptr, %import_row, IMPORTED_FUNC.context
  setfield ptr %import_code, %funcref, FUNCREF.code
  setfield ptr %import_context, %funcref, FUNCREF.context
  setfield i32 0, %funcref, FUNCREF.flags
  br label %row_done
defined:
  %number = sub i64 %funcidx, %imported
  %range_at = getelementptr [2 x i32], ptr %code_ranges, i64 %number
  %code_offset32 = load i32, ptr %range_at
  %code_offset = zext i32 %code_offset32 to i64
  %code = getelementptr i8, ptr %text, i64 %code_offset
  %flag_at = getelementptr i8, ptr %flags, i64 %number
  %flag = load i8, ptr %flag_at
  %flag_wide = zext i8 %flag to i32
  setfield ptr %code, %funcref, FUNCREF.code
  setfield ptr %context, %funcref, FUNCREF.context
  setfield i32 %flag_wide, %funcref, FUNCREF.flags
  br label %row_done
row_done:
  br label %next
done:
  ret void
}}

; An element segment of function indices -> references: the Funcref of each, found by bisection in
; `escapes` (sorted, `escape_count` long), which names every function of the segment.
define hidden void @init_references(ptr %references, ptr %funcs, i64 %count, ptr %escapes, i64 %escape_count, ptr %funcrefs) #0 {{
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i_next, %found ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %i_next = add i64 %i, 1
  %func_at = getelementptr i32, ptr %funcs, i64 %i
  %func = load i32, ptr %func_at
  br label %bisect
bisect:
  %low = phi i64 [ 0, %one ], [ %low_next, %halve ]
  %high = phi i64 [ %escape_count, %one ], [ %high_next, %halve ]
  %width = sub i64 %high, %low
  %narrow = icmp ule i64 %width, 1
  br i1 %narrow, label %found, label %halve
halve:
  %half = lshr i64 %width, 1
  %middle = add i64 %low, %half
  %middle_at = getelementptr i32, ptr %escapes, i64 %middle
  %middle_func = load i32, ptr %middle_at
  %left = icmp ult i32 %func, %middle_func
  %low_next = select i1 %left, i64 %low, i64 %middle
  %high_next = select i1 %left, i64 %middle, i64 %high
  br label %bisect
found:
  %offset = mul i64 %low, {vmctx.FUNCREF.size}
  %funcref = getelementptr i8, ptr %funcrefs, i64 %offset
  %address = ptrtoint ptr %funcref to i64
  %to = getelementptr i64, ptr %references, i64 %i
  store i64 %address, ptr %to, align 8
  br label %next
done:
  ret void
}}
"""

_FIELD = re.compile(r"^(\s*)(%[\w.]+) = field (\w+), (%[\w.]+), (\w+)\.(\w+)$")
_SETFIELD = re.compile(r"^(\s*)setfield (\w+) (\S+), (%[\w.]+), (\w+)\.(\w+)$")
_PROCESS = re.compile(r"^(\s*)(%[\w.]+) = process (\w+), (\w+)$")
_SETPROCESS = re.compile(r"^(\s*)setprocess (\w+) (\S+), (\w+)$")
_OFFSET = re.compile(r"\{([A-Z_]+)\.(\w+)\}")


def _expand(text: str) -> str:
    """Replace the macros of the module docstring by LLVM IR."""
    lines = []
    places = 0
    for line in text.splitlines():
        places += 1
        place = f"%at.{places}"
        if match := _FIELD.match(line):
            indent, result, ty, base, layout, field = match.groups()
            offset = _LAYOUTS[layout].offsets[field]
            lines.append(f"{indent}{place} = getelementptr i8, ptr {base}, i64 {offset}")
            lines.append(f"{indent}{result} = load volatile {ty}, ptr {place}")
        elif match := _SETFIELD.match(line):
            indent, ty, value, base, layout, field = match.groups()
            offset = _LAYOUTS[layout].offsets[field]
            lines.append(f"{indent}{place} = getelementptr i8, ptr {base}, i64 {offset}")
            lines.append(f"{indent}store volatile {ty} {value}, ptr {place}")
        elif match := _PROCESS.match(line):
            indent, result, ty, field = match.groups()
            offset = process.PROCESS.offsets[field]
            lines.append(f"{indent}{place} = getelementptr i8, ptr @process, i64 {offset}")
            lines.append(f"{indent}{result} = load {ty}, ptr {place}")
        elif match := _SETPROCESS.match(line):
            indent, ty, value, field = match.groups()
            offset = process.PROCESS.offsets[field]
            lines.append(f"{indent}{place} = getelementptr i8, ptr @process, i64 {offset}")
            lines.append(f"{indent}store volatile {ty} {value}, ptr {place}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def support_ir(triple: str, cpu: str, features: str) -> str:
    """The support image for a target, as textual LLVM IR.

    `features` is LLVM's list ("+sse4.2,+avx"). Raises InternalError for an unknown architecture.
    """
    arch = _ARCHS.get(triple.partition("-")[0])
    if arch is None:
        raise InternalError(f"no support code for {triple}")
    names = {
        "KIND_I32": vmctx.KIND_I32,
        "KIND_I64": vmctx.KIND_I64,
        "KIND_F32": vmctx.KIND_F32,
        "KIND_F64": vmctx.KIND_F64,
        "ACTIVATION_SIZE": vmctx.ACTIVATION.size,
        "RESERVATION_SIZE": vmctx.RESERVATION.size,
        "BACKTRACE_FRAMES": vmctx.BACKTRACE_FRAMES,
        "FUNC_BOUNDED": vmctx.FUNC_BOUNDED,
        "HOST_EXCEPTION": traps.HOST_EXCEPTION,
        "STACK_OVERFLOW": traps.STACK_OVERFLOW,
        "MEMORY_OUT_OF_BOUNDS": traps.MEMORY_OUT_OF_BOUNDS,
        "IMAGES_HEADER": process.IMAGES_HEADER,
        "IMAGES_ROW": process.IMAGES_ROW,
        "SIGACTION_FLAGS": process.SIGACTION_FLAGS,
        "SI_CODE": _SI_CODE,
        "SI_ADDR": _SI_ADDR,
        "SA_SIGINFO": _SA_SIGINFO,
        "SS_DISABLE": _SS_DISABLE,
        "UC_PC": arch.uc_pc,
        "UC_FP": arch.uc_fp,
        "CONTROL_MASK": 0xFFC0 if triple.startswith("x86_64") else -1,
        "CONTROL_NORMAL": 0x1F80 if triple.startswith("x86_64") else 0,
    }
    text = _FUNC + _INVOKE + _HOST + _TRAPS + _BUILTINS
    text = text.replace("{read_control}", arch.read_control)
    text = text.replace("{{write_control}", "{" + arch.write_control)
    for name, value in names.items():
        text = text.replace("{" + name + "}", str(value))
    layouts = {**_LAYOUTS, "PROCESS": process.PROCESS}
    text = _OFFSET.sub(lambda m: str(layouts[m.group(1)].offsets[m.group(2)]), text)
    target = f'"target-cpu"="{cpu}" "target-features"="{features}"'
    common = f'nounwind "no-builtins" "frame-pointer"="all" "probe-stack"="inline-asm" {target}'
    return f"""target triple = "{triple}"

@process = hidden global [{process.PROCESS.size} x i8] zeroinitializer, align 64
{_expand(text)}

declare ptr @llvm.frameaddress.p0(i32)
declare i64 @llvm.usub.sat.i64(i64, i64)
declare i64 @llvm.umax.i64(i64, i64)
{arch.declares}

attributes #0 = {{ {common} }}
attributes #1 = {{ noinline {common} }}
attributes #2 = {{ returns_twice }}
attributes #3 = {{ noinline noreturn {common} }}

!0 = !{{!"branch_weights", i32 1000000, i32 1}}
"""
