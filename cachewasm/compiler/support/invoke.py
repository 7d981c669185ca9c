"""The activation: one per entry into wasm code."""

TEXT = """
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
"""
