"""Exceptions: making, keeping and freeing them, and where the unwinder stops.

One that no reference can exist to is freed where it is caught. The others are linked; when there are
too many, Python looks which of them the stack, globals and tables still refer to.
"""

TEXT = """
; builtin: a new exception of `size` bytes; its fields are filled in, what it carries is not.
define hidden ptr @exception_new(ptr %context, ptr %tag, i64 %size) #0 {
entry:
  %malloc = process ptr, malloc
  %made = call ptr %malloc(i64 %size)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %none, label %fill
none:
  %store = field ptr, %context, CONTEXT.store
  %thread = field ptr, %store, STORE.thread
  call void @raise(ptr %thread, i32 {NO_MEMORY}, i64 0, ptr null)
  unreachable
fill:
  %builtins = field ptr, %context, CONTEXT.builtins
  %personality_at = getelementptr i8, ptr %builtins, i64 {PERSONALITY_AT}
  %personality = load ptr, ptr %personality_at
  %class_at = getelementptr i8, ptr %made, i64 {EXCEPTION.unwinder}
  store i64 {EXCEPTION_CLASS}, ptr %class_at
  %clean_up_at = getelementptr i8, ptr %class_at, i64 8
  store ptr null, ptr %clean_up_at
  setfield i64 0, %made, EXCEPTION.in_flight
  setfield ptr %personality, %made, EXCEPTION.personality
  setfield ptr %tag, %made, EXCEPTION.tag
  setfield i64 0, %made, EXCEPTION.kept
  setfield ptr null, %made, EXCEPTION.next
  setfield i64 %size, %made, EXCEPTION.total_size
  ret ptr %made
}

; builtin: an exception has been caught and nothing refers to it, unless it is kept.
define hidden void @exception_drop(ptr %exception) #0 {
  %kept = field i64, %exception, EXCEPTION.kept
  %unreferenced = icmp eq i64 %kept, 0
  br i1 %unreferenced, label %release, label %done
release:
  %free = process ptr, free
  call void %free(ptr %exception)
  br label %done
done:
  ret void
}

; builtin: the reference to an exception, which is kept from now on.
define hidden i64 @exception_keep(ptr %context, ptr %exception) #0 {
entry:
  %reference = ptrtoint ptr %exception to i64
  %kept = field i64, %exception, EXCEPTION.kept
  %known = icmp ne i64 %kept, 0
  br i1 %known, label %done, label %link
link:
  %store = field ptr, %context, CONTEXT.store
  %all = field ptr, %store, STORE.exceptions
  %first = field ptr, %all, KEPT_EXCEPTIONS.first
  setfield i64 1, %exception, EXCEPTION.kept
  setfield ptr %first, %exception, EXCEPTION.next
  setfield ptr %exception, %all, KEPT_EXCEPTIONS.first
  %count = field i64, %all, KEPT_EXCEPTIONS.count
  %more = add i64 %count, 1
  setfield i64 %more, %all, KEPT_EXCEPTIONS.count
  %limit = field i64, %all, KEPT_EXCEPTIONS.limit
  %too_many = icmp ugt i64 %more, %limit
  br i1 %too_many, label %collect, label %done
collect:
  call void @search_exceptions(ptr %store)
  br label %done
done:
  ret i64 %reference
}

; Have those freed that nothing refers to: collect_exceptions(store, 0, lowest address to search).
; What callers hold in registers lies in the jump buffer. Python runs, so this is like a call out.
define internal void @search_exceptions(ptr %store) #1 {
entry:
  %registers = alloca [{JUMP_BUFFER_SIZE} x i8], align 16
  %thread = field ptr, %store, STORE.thread
  %activation = field ptr, %thread, THREAD.activation
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  setfield ptr %frame, %activation, ACTIVATION.exit_frame
  %setjmp = process ptr, _setjmp
  %saved = call i32 %setjmp(ptr %registers) #2
  %state = field ptr, %activation, ACTIVATION.thread_state
  %held = icmp eq ptr %state, null
  br i1 %held, label %have_gil, label %take_gil
take_gil:
  setfield ptr null, %activation, ACTIVATION.thread_state
  %restore_thread = process ptr, PyEval_RestoreThread
  call void %restore_thread(ptr %state)
  br label %have_gil
have_gil:
  %low = ptrtoint ptr %registers to i64
  %new_int = process ptr, PyLong_FromLongLong
  %low_object = call ptr %new_int(i64 %low)
  %no_low = icmp eq ptr %low_object, null
  br i1 %no_low, label %raised, label %ask
ask:
  %callback = process ptr, collect_exceptions
  %store_object = field ptr, %store, STORE.object
  %result = call ptr @convert(ptr %callback, ptr %store_object, i8 0, ptr %low_object)
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %low_object)
  %no_result = icmp eq ptr %result, null
  br i1 %no_result, label %raised, label %finished
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
  call void @raise(ptr %thread, i32 {HOST_EXCEPTION}, i64 0, ptr null)
  unreachable
}

; builtin: note the stack where an exception is thrown, while its frames are whole.
define hidden void @exception_backtrace(ptr %context, ptr %frame) #0 {
  %store = field ptr, %context, CONTEXT.store
  %thread = field ptr, %store, STORE.thread
  setfield ptr null, %thread, THREAD.fault_memory
  call void @note(ptr %thread, i32 {UNCAUGHT}, i64 0, ptr %frame)
  ret void
}

; What the unwinder asks before each frame: go on (0), until it finds one without unwind tables, as
; the way into wasm code is unless its tables are registered, or one beyond the entry (its stack pointer
; lies above the entry's frame). Nobody has caught the exception: end the entry.
define hidden i32 @exception_stop(i32 %version, i32 %actions, i64 %class, ptr %exception, ptr %frame, ptr %context) #0 {
  %store = field ptr, %context, CONTEXT.store
  %thread = field ptr, %store, STORE.thread
  %activation = field ptr, %thread, THREAD.activation
  %end_bit = and i32 %actions, {END_OF_STACK}
  %on = icmp eq i32 %end_bit, 0
  br i1 %on, label %compare, label %uncaught
compare:
  %builtins = field ptr, %context, CONTEXT.builtins
  %stack_pointer_at = getelementptr i8, ptr %builtins, i64 {STACK_POINTER_AT}
  %stack_pointer_of = load ptr, ptr %stack_pointer_at
  %stack_pointer = call i64 %stack_pointer_of(ptr %frame)
  %entry_frame = field i64, %activation, ACTIVATION.entry_frame
  %beyond = icmp ugt i64 %stack_pointer, %entry_frame
  br i1 %beyond, label %uncaught, label %go_on
go_on:
  ret i32 0
uncaught:
  call void @exception_drop(ptr %exception)
  %longjmp = process ptr, longjmp
  call void %longjmp(ptr %activation, i32 1)
  unreachable
}
"""
