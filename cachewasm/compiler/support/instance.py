"""Start-up of an instance: its function references, and the data of its memories."""

TEXT = """
; Fill rows of an instance's Funcrefs: row k is for function `escapes[k]`.
define hidden void @init_funcrefs(ptr %context, ptr %functions, i64 %first, i64 %count) #0 {
entry:
  %type_ids = field ptr, %context, INSTANCE.type_ids
  %escapes = field ptr, %functions, FUNCTIONS.escapes
  %imported = field i64, %functions, FUNCTIONS.imported
  %code_ranges = field ptr, %functions, FUNCTIONS.code_ranges
  %typeidx = field ptr, %functions, FUNCTIONS.typeidx
  %flags = field ptr, %functions, FUNCTIONS.flags
  %text = field ptr, %functions, FUNCTIONS.text
  %imports_offset = field i64, %functions, FUNCTIONS.imported_funcs
  %imports = getelementptr i8, ptr %context, i64 %imports_offset
  %funcrefs_offset = field i64, %functions, FUNCTIONS.funcrefs
  %funcrefs = getelementptr i8, ptr %context, i64 %funcrefs_offset
  %end = add i64 %first, %count
  br label %next
next:
  %k = phi i64 [ %first, %entry ], [ %k_next, %row_done ]
  %more = icmp ult i64 %k, %end
  br i1 %more, label %one, label %done
one:
  %k_next = add i64 %k, 1
  %offset = mul i64 %k, {FUNCREF_SIZE}
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
  %import_offset = mul i64 %funcidx, {IMPORTED_FUNC_SIZE}
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
}

; Write `count` references to rows of an instance's Funcrefs.
define hidden void @init_references(ptr %references, ptr %rows, i64 %count, ptr %funcrefs) #0 {
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i_next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %i_next = add i64 %i, 1
  %row_at = getelementptr i32, ptr %rows, i64 %i
  %row32 = load i32, ptr %row_at
  %row = zext i32 %row32 to i64
  %offset = mul i64 %row, {FUNCREF_SIZE}
  %funcref = getelementptr i8, ptr %funcrefs, i64 %offset
  %to = getelementptr ptr, ptr %references, i64 %i
  store ptr %funcref, ptr %to, align 8
  br label %next
done:
  ret void
}

; Put elements that are pending into their table, with the Funcrefs that they refer to.
define hidden void @fill_table(ptr %table) #0 {
entry:
  %pending = field ptr, %table, TABLE.pending
  %filled = icmp eq ptr %pending, null
  br i1 %filled, label %done, label %funcrefs
funcrefs:
  %context = field ptr, %table, TABLE.context
  %functions = field ptr, %pending, PENDING.functions
  %func_count = field i64, %functions, FUNCTIONS.count
  call void @init_funcrefs(ptr %context, ptr %functions, i64 0, i64 %func_count)
  %funcrefs_offset = field i64, %functions, FUNCTIONS.funcrefs
  %first_funcref = getelementptr i8, ptr %context, i64 %funcrefs_offset
  %base = field ptr, %table, TABLE.base
  %count = field i64, %pending, PENDING.count
  %first_run = getelementptr i8, ptr %pending, i64 {PENDING_SIZE}
  br label %next
next:
  %i = phi i64 [ 0, %funcrefs ], [ %i_next, %one ]
  %run = phi ptr [ %first_run, %funcrefs ], [ %run_next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %end
one:
  %i_next = add i64 %i, 1
  %start32 = load i32, ptr %run
  %start = zext i32 %start32 to i64
  %length_at = getelementptr i8, ptr %run, i64 4
  %length32 = load i32, ptr %length_at
  %length = zext i32 %length32 to i64
  %rows = getelementptr i8, ptr %run, i64 8
  %references = getelementptr i64, ptr %base, i64 %start
  call void @init_references(ptr %references, ptr %rows, i64 %length, ptr %first_funcref)
  %run_next = getelementptr i32, ptr %rows, i64 %length
  br label %next
end:
  %size = field i64, %table, TABLE.count
  setfield i64 %size, %table, TABLE.length
  setfield ptr null, %table, TABLE.pending
  br label %done
done:
  ret void
}

; Copy data segments into memories: `copies` are `count` rows of u32 memory, start in it, start in the
; `size` bytes at `data`, length. 1; or 0, and nothing is copied, if one of them does not fit.
define hidden i32 @init_data(ptr %memories, ptr %copies, i64 %count, ptr %data, i64 %size) #0 {
entry:
  br label %next
next:
  %writing = phi i1 [ false, %entry ], [ false, %fits ], [ true, %copy ], [ true, %rewind ]
  %i = phi i64 [ 0, %entry ], [ %i_next, %fits ], [ %i_next, %copy ], [ 0, %rewind ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %end
end:
  br i1 %writing, label %done, label %rewind
rewind:
  br label %next
one:
  %i_next = add i64 %i, 1
  %row = getelementptr [4 x i32], ptr %copies, i64 %i
  %memidx32 = load i32, ptr %row
  %start_at = getelementptr i8, ptr %row, i64 4
  %start32 = load i32, ptr %start_at
  %source_at = getelementptr i8, ptr %row, i64 8
  %source32 = load i32, ptr %source_at
  %length_at = getelementptr i8, ptr %row, i64 12
  %length32 = load i32, ptr %length_at
  %memidx = zext i32 %memidx32 to i64
  %start = zext i32 %start32 to i64
  %source = zext i32 %source32 to i64
  %length = zext i32 %length32 to i64
  %memory_at = getelementptr ptr, ptr %memories, i64 %memidx
  %memory = load ptr, ptr %memory_at
  br i1 %writing, label %copy, label %check
check:
  %end_of_target = add i64 %start, %length
  %memory_length = field i64, %memory, MEMORY.length
  %target_ok = icmp ule i64 %end_of_target, %memory_length
  %end_of_source = add i64 %source, %length
  %source_ok = icmp ule i64 %end_of_source, %size
  %ok = and i1 %target_ok, %source_ok
  br i1 %ok, label %fits, label %refused
fits:
  br label %next
copy:
  %base = field ptr, %memory, MEMORY.base
  %target = getelementptr i8, ptr %base, i64 %start
  %bytes = getelementptr i8, ptr %data, i64 %source
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %bytes, i64 %length)
  br label %next
done:
  ret i32 1
refused:
  ret i32 0
}
"""
