target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden void @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %memory1.at = getelementptr i8, ptr %vmctx, i64 32
  %memory1 = load ptr, ptr %memory1.at
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = zext i32 %p0 to i64
  %builtin3.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin3.table = load ptr, ptr %builtin3.table.at
  %builtin3.at = getelementptr i8, ptr %builtin3.table, i64 32
  %builtin3 = load ptr, ptr %builtin3.at
  call void %builtin3(ptr %vmctx, ptr %memory0, i64 %2, i32 32, i64 8)
  %builtin4.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin4.table = load ptr, ptr %builtin4.table.at
  %builtin4.at = getelementptr i8, ptr %builtin4.table, i64 24
  %builtin4 = load ptr, ptr %builtin4.at
  call void %builtin4(ptr %vmctx, ptr %memory1, ptr %memory0, i64 %2, i64 0, i64 8)
  %5 = getelementptr i8, ptr %vmctx, i64 48
  %builtin6.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin6.table = load ptr, ptr %builtin6.table.at
  %builtin6.at = getelementptr i8, ptr %builtin6.table, i64 40
  %builtin6 = load ptr, ptr %builtin6.at
  call void %builtin6(ptr %vmctx, ptr %memory1, ptr %5, i64 0, i64 1, i64 2)
  %7 = getelementptr i8, ptr %vmctx, i64 56
  store volatile i64 0, ptr %7
  ret void
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden i32 @f1(ptr %vmctx) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %builtin1.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin1.table = load ptr, ptr %builtin1.table.at
  %builtin1.at = getelementptr i8, ptr %builtin1.table, i64 16
  %builtin1 = load ptr, ptr %builtin1.at
  %2 = call i64 %builtin1(ptr %memory0, i64 1)
  %3 = trunc i64 %2 to i32
  %4 = getelementptr i8, ptr %memory0, i64 8
  %5 = load volatile i64, ptr %4
  %6 = lshr i64 %5, 16
  %7 = trunc i64 %6 to i32
  %8 = add i32 %3, %7
  ret i32 %8
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
