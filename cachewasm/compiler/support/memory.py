"""The builtins of linear memories: they check bounds, then call the C library."""

TEXT = """
; Pages before, or -1.
define hidden i64 @memory_grow(ptr %memory, i64 %delta) #0 {
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
  %status = call i32 %mprotect(ptr %tail, i64 %added, i32 {PROT_READ_WRITE})
  %opened = icmp eq i32 %status, 0
  br i1 %opened, label %grown, label %refused
enough:
  %capacity = field i64, %memory, MEMORY.capacity
  %fits = icmp ule i64 %after, %capacity
  br i1 %fits, label %grown, label %move
move:
  %mremap = process ptr, mremap
  %moved = call ptr (ptr, i64, i64, i32, ...) %mremap(ptr %base, i64 %capacity, i64 %after, i32 {MREMAP_MAYMOVE})
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
}

define hidden void @memory_copy(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n) #0 {
  call void @copy_span(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n, i64 0, i32 {MEMORY_OUT_OF_BOUNDS})
  ret void
}

define hidden void @memory_init(ptr %context, ptr %memory, ptr %segment, i64 %d, i64 %s, i64 %n) #0 {
  call void @copy_span(ptr %context, ptr %memory, ptr %segment, i64 %d, i64 %s, i64 %n, i64 0, i32 {MEMORY_OUT_OF_BOUNDS})
  ret void
}

define hidden void @memory_fill(ptr %context, ptr %memory, i64 %d, i32 %value, i64 %n) #0 {
  %length = field i64, %memory, MEMORY.length
  check to, %d, %length
  br i1 %to_ok, label %fill, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 {MEMORY_OUT_OF_BOUNDS})
  unreachable
fill:
  %base = field ptr, %memory, MEMORY.base
  %target = getelementptr i8, ptr %base, i64 %d
  %byte = and i32 %value, 255
  %memset = process ptr, memset
  %filled = call ptr %memset(ptr %target, i32 %byte, i64 %n)
  ret void
}

; Copy between memories, tables and segments, which all begin with base and length. `log2` is that of
; an element's size in bytes.
define internal void @copy_span(ptr %context, ptr %to, ptr %from, i64 %d, i64 %s, i64 %n, i64 %log2, i32 %trap_code) #0 {
  %to_length = field i64, %to, SPAN.length
  %from_length = field i64, %from, SPAN.length
  check to, %d, %to_length
  check from, %s, %from_length
  %ok = and i1 %to_ok, %from_ok
  br i1 %ok, label %copy, label %out, !prof !0
out:
  call void @trap(ptr %context, i32 %trap_code)
  unreachable
copy:
  %to_base = field ptr, %to, SPAN.base
  %from_base = field ptr, %from, SPAN.base
  %to_offset = shl i64 %d, %log2
  %from_offset = shl i64 %s, %log2
  %bytes = shl i64 %n, %log2
  %target = getelementptr i8, ptr %to_base, i64 %to_offset
  %source = getelementptr i8, ptr %from_base, i64 %from_offset
  %memmove = process ptr, memmove
  %copied = call ptr %memmove(ptr %target, ptr %source, i64 %bytes)
  ret void
}
"""
