"""Explicit traps, backtraces and the SIGSEGV handler."""

TEXT = """
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
  call void @note(ptr %thread, i32 %code, i64 %pc, ptr %frame)
  %activation = field ptr, %thread, THREAD.activation
  %longjmp = process ptr, longjmp
  call void %longjmp(ptr %activation, i32 1)
  unreachable
}

define internal void @note(ptr %thread, i32 %code, i64 %pc, ptr %frame) #0 {
entry:
  %activation = field ptr, %thread, THREAD.activation
  %code_wide = zext i32 %code to i64
  setfield i64 %code_wide, %thread, THREAD.trap_code
  %frames = getelementptr i8, ptr %thread, i64 {THREAD.frames}
  %store = field ptr, %activation, ACTIVATION.store
  %room_for = field i64, %store, STORE.backtrace
  %is_wanted = icmp ne i64 %room_for, 0
  %has_pc = icmp ne i64 %pc, 0
  %exact = and i1 %is_wanted, %has_pc
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
  %full = icmp uge i64 %count, %room_for
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
  br label %older_activation
older_activation:
  ; Wasm code of the same store that called the host that called us; other stores are passed over.
  %younger = phi ptr [ %current, %next_activation ], [ %older, %same_store ]
  %older = field ptr, %younger, ACTIVATION.previous
  %oldest = icmp eq ptr %older, null
  br i1 %oldest, label %jump, label %same_store
same_store:
  %store_there = field ptr, %older, ACTIVATION.store
  %same = icmp eq ptr %store, %store_there
  br i1 %same, label %resume, label %older_activation
resume:
  %exit_frame = field ptr, %older, ACTIVATION.exit_frame
  br label %activation_loop
jump:
  %noted = phi i64 [ %count, %room ], [ %count, %older_activation ]
  setfield i64 %noted, %thread, THREAD.frame_count
  ret void
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
