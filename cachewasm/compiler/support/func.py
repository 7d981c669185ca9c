"""The slots of the type `Func`, and values between Python objects and argument slots."""

TEXT = """
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
; call_slowly(self, *args, **kwargs). There may be more arguments than a stack has room for.
define hidden ptr @func_slow(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) #0 {
entry:
  %given = and i64 %nargsf, 9223372036854775807
  %no_keywords = icmp eq ptr %kwnames, null
  br i1 %no_keywords, label %copy, label %keywords
keywords:
  ; The values of keyword arguments follow the positional ones.
  %tuple_size = process ptr, PyTuple_Size
  %named = call i64 %tuple_size(ptr %kwnames)
  br label %copy
copy:
  %more = phi i64 [ 0, %entry ], [ %named, %keywords ]
  %passed = add i64 %given, %more
  %passed_bytes = shl i64 %passed, 3
  %all_bytes = add i64 %passed_bytes, 8
  %malloc = process ptr, malloc
  %all = call ptr %malloc(i64 %all_bytes)
  %no_memory = icmp eq ptr %all, null
  br i1 %no_memory, label %failed, label %ready
ready:
  store ptr %self, ptr %all
  %behind = getelementptr ptr, ptr %all, i64 1
  %memmove = process ptr, memmove
  call ptr %memmove(ptr %behind, ptr %args, i64 %passed_bytes)
  %positional = add i64 %given, 1
  %callback = process ptr, call_slowly
  %vectorcall = process ptr, PyObject_Vectorcall
  %result = call ptr %vectorcall(ptr %callback, ptr %all, i64 %positional, ptr %kwnames)
  %free = process ptr, free
  call void %free(ptr %all)
  ret ptr %result
failed:
  %raise_no_memory = process ptr, PyErr_NoMemory
  %null = call ptr %raise_no_memory()
  ret ptr %null
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
                                  i8 {KIND_F64}, label %float
                                  i8 {KIND_V128}, label %vector ]
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
  %not_a_number = fcmp uno double %double, %double
  br i1 %not_a_number, label %narrow_nan, label %round
round:
  %single = fptrunc double %double to float
  store float %single, ptr %slot, align 16
  ret i1 true
narrow_nan:
  ; A conversion would quiet it: keep sign and the upper payload. A payload in lower bits only must
  ; not become infinity.
  %wide_bits = bitcast double %double to i64
  %sign_and_more = lshr i64 %wide_bits, 32
  %sign64 = and i64 %sign_and_more, 2147483648
  %payload64 = lshr i64 %wide_bits, 29
  %payload = and i64 %payload64, 8388607
  %lost = icmp eq i64 %payload, 0
  %kept = select i1 %lost, i64 4194304, i64 %payload
  %exponent = or i64 %sign64, 2139095040
  %nan_bits64 = or i64 %exponent, %kept
  %nan_bits = trunc i64 %nan_bits64 to i32
  store i32 %nan_bits, ptr %slot, align 16
  ret i1 true
store_double:
  store double %double, ptr %slot, align 16
  ret i1 true
vector:
  %bytes_type = process ptr, PyBytes_Type
  %is_bytes = icmp eq ptr %type, %bytes_type
  br i1 %is_bytes, label %measure, label %other_vector, !prof !0
measure:
  %read_bytes = process ptr, PyBytes_AsStringAndSize
  %start_cell = alloca ptr, align 8
  %size_cell = alloca i64, align 8
  %read_error = call i32 %read_bytes(ptr %object, ptr %start_cell, ptr %size_cell)
  %size = load i64, ptr %size_cell
  %fits = icmp eq i64 %size, 16
  br i1 %fits, label %take_vector, label %other_vector, !prof !0
take_vector:
  %start = load ptr, ptr %start_cell
  %vector_bits = load <2 x i64>, ptr %start, align 1
  store <2 x i64> %vector_bits, ptr %slot, align 16
  ret i1 true
other_vector:
  ; Val objects and other buffers: to_vector(store, kind, object) -> 16 bytes.
  %vector_callback = process ptr, to_vector
  %bytes = call ptr @convert(ptr %vector_callback, ptr %store_object, i8 %kind, ptr %object)
  %no_bytes = icmp eq ptr %bytes, null
  br i1 %no_bytes, label %failed, label %take_bytes
take_bytes:
  %read_new_bytes = process ptr, PyBytes_AsStringAndSize
  %new_start_cell = alloca ptr, align 8
  %new_size_cell = alloca i64, align 8
  %new_error = call i32 %read_new_bytes(ptr %bytes, ptr %new_start_cell, ptr %new_size_cell)
  %new_start = load ptr, ptr %new_start_cell
  %new_bits = load <2 x i64>, ptr %new_start, align 1
  store <2 x i64> %new_bits, ptr %slot, align 16
  %drop_bytes = process ptr, Py_DecRef
  call void %drop_bytes(ptr %bytes)
  ret i1 true
other:
  ; References, Val objects, bool and other subclasses: to_raw(store, kind, object) -> int.
  %callback = process ptr, to_raw
  %raw_object = call ptr @convert(ptr %callback, ptr %store_object, i8 %kind, ptr %object)
  %no_raw = icmp eq ptr %raw_object, null
  br i1 %no_raw, label %failed, label %take_raw
take_raw:
  %raw_as_int = process ptr, PyLong_AsUnsignedLongLongMask
  %raw = call i64 %raw_as_int(ptr %raw_object)
  store i64 %raw, ptr %slot, align 16
  %decref = process ptr, Py_DecRef
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
                                      i8 {KIND_F64}, label %f64
                                      i8 {KIND_V128}, label %vector ]
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
  %not_a_number = fcmp uno float %single, %single
  br i1 %not_a_number, label %widen_nan, label %extend
extend:
  %extended = fpext float %single to double
  br label %floating
widen_nan:
  ; A conversion would quiet it: keep every bit.
  %bits32 = load i32, ptr %slot, align 16
  %bits = zext i32 %bits32 to i64
  %upper = shl i64 %bits, 32
  %sign = and i64 %upper, -9223372036854775808
  %mantissa = and i64 %bits, 8388607
  %payload = shl i64 %mantissa, 29
  %signed = or i64 %sign, 9218868437227405312
  %wide_bits = or i64 %signed, %payload
  %widened = bitcast i64 %wide_bits to double
  br label %floating
f64:
  %double = load double, ptr %slot, align 16
  br label %floating
floating:
  %float = phi double [ %extended, %extend ], [ %widened, %widen_nan ], [ %double, %f64 ]
  %new_float = process ptr, PyFloat_FromDouble
  %float_object = call ptr %new_float(double %float)
  ret ptr %float_object
vector:
  %new_bytes = process ptr, PyBytes_FromStringAndSize
  %bytes_object = call ptr %new_bytes(ptr %slot, i64 16)
  ret ptr %bytes_object
reference:
  ; from_raw(store, kind, raw)
  %raw = load i64, ptr %slot, align 16
  %new_raw = process ptr, PyLong_FromLongLong
  %raw_object = call ptr %new_raw(i64 %raw)
  %no_raw = icmp eq ptr %raw_object, null
  br i1 %no_raw, label %failed, label %ask
ask:
  %callback = process ptr, from_raw
  %object = call ptr @convert(ptr %callback, ptr %store_object, i8 %kind, ptr %raw_object)
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %raw_object)
  ret ptr %object
failed:
  ret ptr null
}

; callback(store, kind, object) -> new object, or null with an error set.
define internal ptr @convert(ptr %callback, ptr %store_object, i8 %kind, ptr %object) #0 {
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
  %vectorcall = process ptr, PyObject_Vectorcall
  %result = call ptr %vectorcall(ptr %callback, ptr %arguments, i64 3, ptr null)
  %decref = process ptr, Py_DecRef
  call void %decref(ptr %kind_object)
  ret ptr %result
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
