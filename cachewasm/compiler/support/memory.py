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
  %growth = field i64, %memory, MEMORY.growth
  %generous = add i64 %after, %growth
  %needless = icmp ugt i64 %generous, %maximum
  %useful = select i1 %needless, i64 %maximum, i64 %generous
  %roomy = call i1 @move_memory(ptr %memory, i64 %useful)
  br i1 %roomy, label %grown, label %tight
tight:
  %just_enough = call i1 @move_memory(ptr %memory, i64 %after)
  br i1 %just_enough, label %grown, label %refused
grown:
  setfield i64 %after, %memory, MEMORY.length
  br label %done
done:
  ret i64 %before
refused:
  ret i64 -1
}

; Give a movable memory, all of whose capacity is one accessible mapping, `wanted` bytes of capacity
; or a little more, at any base. Its guards move along.
define internal i1 @move_memory(ptr %memory, i64 %wanted) #0 {
entry:
  %padded = add i64 %wanted, 65535
  %new_capacity = and i64 %padded, -65536
  %base = field ptr, %memory, MEMORY.base
  %capacity = field i64, %memory, MEMORY.capacity
  %before = field i64, %memory, MEMORY.guard_before
  %after = field i64, %memory, MEMORY.guard_after
  %mremap = process ptr, mremap
  %munmap = process ptr, munmap
  %guards = or i64 %before, %after
  %guarded = icmp ne i64 %guards, 0
  br i1 %guarded, label %reserve, label %free_move
free_move:
  %moved = call ptr (ptr, i64, i64, i32, ...) %mremap(ptr %base, i64 %capacity, i64 %new_capacity, i32 {MREMAP_MAYMOVE})
  %moved_int = ptrtoint ptr %moved to i64
  %lost = icmp eq i64 %moved_int, -1
  br i1 %lost, label %failed, label %note
reserve:
  %mmap = process ptr, mmap
  %both = add i64 %before, %after
  %total = add i64 %both, %new_capacity
  %region = call ptr %mmap(ptr null, i64 %total, i32 {PROT_NONE}, i32 {MAP_RESERVE}, i32 -1, i64 0)
  %region_int = ptrtoint ptr %region to i64
  %no_region = icmp eq i64 %region_int, -1
  br i1 %no_region, label %failed, label %move_inside
move_inside:
  %target = getelementptr i8, ptr %region, i64 %before
  %behind_target = getelementptr i8, ptr %target, i64 %new_capacity
  %placed = call ptr (ptr, i64, i64, i32, ...) %mremap(ptr %base, i64 %capacity, i64 %new_capacity, i32 {MREMAP_MAYMOVE_FIXED}, ptr %target)
  %placed_int = ptrtoint ptr %placed to i64
  %stayed = icmp eq i64 %placed_int, -1
  br i1 %stayed, label %give_up, label %drop_guards
give_up:
  ; Whether the middle is still ours is not known: another thread may have mapped something there.
  call void @unmap(ptr %munmap, ptr %region, i64 %before)
  call void @unmap(ptr %munmap, ptr %behind_target, i64 %after)
  br label %failed
drop_guards:
  %minus_before = sub i64 0, %before
  %old_start = getelementptr i8, ptr %base, i64 %minus_before
  %old_end = getelementptr i8, ptr %base, i64 %capacity
  call void @unmap(ptr %munmap, ptr %old_start, i64 %before)
  call void @unmap(ptr %munmap, ptr %old_end, i64 %after)
  br label %note
note:
  %new_base = phi ptr [ %moved, %free_move ], [ %target, %drop_guards ]
  setfield ptr %new_base, %memory, MEMORY.base
  setfield i64 %new_capacity, %memory, MEMORY.capacity
  ret i1 true
failed:
  ret i1 false
}

define internal void @unmap(ptr %munmap, ptr %start, i64 %size) #0 {
  ; Of no bytes it is an error without effect.
  %status = call i32 %munmap(ptr %start, i64 %size)
  ret void
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
