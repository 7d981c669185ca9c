"""The builtins of tables."""

TEXT = """
; builtin: wasm code has found no element `index`. Return if there is one now that the table is filled.
define hidden void @table_ready(ptr %context, ptr %table, i64 %index) #0 {
  call void @fill_table(ptr %table)
  %length = field i64, %table, TABLE.length
  %inside = icmp ult i64 %index, %length
  br i1 %inside, label %done, label %out
done:
  ret void
out:
  call void @trap(ptr %context, i32 {TABLE_OUT_OF_BOUNDS})
  unreachable
}

; Elements before, or -1. The block is the C library's: a table may move.
define hidden i64 @table_grow(ptr %table, i64 %init, i64 %delta) #0 {
entry:
  call void @fill_table(ptr %table)
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
  setfield i64 %after, %table, TABLE.count
  call void @fill_references(ptr %moved, i64 %length, i64 %delta, i64 %init)
  br label %done
done:
  ret i64 %length
refused:
  ret i64 -1
}

define hidden void @table_copy(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n) #0 {
  call void @fill_table(ptr %to)
  call void @fill_table(ptr %from)
  call void @copy_span(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n, i64 3, i32 {TABLE_OUT_OF_BOUNDS})
  ret void
}

define hidden void @table_init(ptr %context, ptr %table, ptr %segment, i64 %d, i64 %s, i64 %n) #0 {
  call void @fill_table(ptr %table)
  call void @copy_span(ptr %context, ptr %table, ptr %segment, i64 %d, i64 %s, i64 %n, i64 3, i32 {TABLE_OUT_OF_BOUNDS})
  ret void
}

define hidden void @table_fill(ptr %context, ptr %table, i64 %d, i64 %value, i64 %n) #0 {
  call void @fill_table(ptr %table)
  %length = field i64, %table, TABLE.length
  check to, %d, %length
  br i1 %to_ok, label %fill, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {TABLE_OUT_OF_BOUNDS})
  unreachable
fill:
  %base = field ptr, %table, TABLE.base
  call void @fill_references(ptr %base, i64 %d, i64 %n, i64 %value)
  ret void
}

define internal void @fill_references(ptr %base, i64 %start, i64 %count, i64 %value) #0 {
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
}

"""
