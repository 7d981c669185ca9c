"""Calls out of wasm code to Python functions."""

TEXT = """
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
