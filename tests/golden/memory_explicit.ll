target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %2 = zext i32 %p0 to i64
  %3 = add i64 %2, 20
  %4 = getelementptr i8, ptr %memory0, i64 8
  %5 = load volatile i64, ptr %4
  %6 = icmp ugt i64 %3, %5
  br i1 %6, label %t2, label %7
7:
  %8 = load volatile ptr, ptr %memory0
  %9 = getelementptr [1 x i8], ptr %8, i64 %2, i64 16
  %10 = load volatile i32, ptr %9, align 1
  ret i32 %10
t2:
  call void @raise_trap(ptr %vmctx, i32 1) #1
  unreachable
}
define hidden void @f1(ptr %vmctx, i32 %p0, i64 %p1) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %3 = trunc i64 %p1 to i8
  %4 = zext i32 %p0 to i64
  %5 = add i64 %4, 4
  %6 = getelementptr i8, ptr %memory0, i64 8
  %7 = load volatile i64, ptr %6
  %8 = icmp ugt i64 %5, %7
  br i1 %8, label %t2, label %9
9:
  %10 = load volatile ptr, ptr %memory0
  %11 = getelementptr [1 x i8], ptr %10, i64 %4, i64 3
  store volatile i8 %3, ptr %11, align 1
  ret void
t2:
  call void @raise_trap(ptr %vmctx, i32 1) #1
  unreachable
}
