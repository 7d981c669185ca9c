"""Start-up of an instance: its function references."""

TEXT = """
; Fill an instance's Funcrefs: row k is for function `escapes[k]`.
define hidden void @init_funcrefs(ptr %funcrefs, ptr %escapes, i64 %count, i64 %imported, ptr %imports, ptr %code_ranges, ptr %typeidx, ptr %flags, ptr %text, ptr %context, ptr %type_ids) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k_next, %row_done ]
  %more = icmp ult i64 %k, %count
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

; An element segment of function indices -> references: the Funcref of each, found by bisection in
; `escapes` (sorted, `escape_count` long), which names every function of the segment.
define hidden void @init_references(ptr %references, ptr %funcs, i64 %count, ptr %escapes, i64 %escape_count, ptr %funcrefs) #0 {
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
  %offset = mul i64 %low, {FUNCREF_SIZE}
  %funcref = getelementptr i8, ptr %funcrefs, i64 %offset
  %address = ptrtoint ptr %funcref to i64
  %to = getelementptr i64, ptr %references, i64 %i
  store i64 %address, ptr %to, align 8
  br label %next
done:
  ret void
}
"""
