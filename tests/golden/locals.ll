target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0, i32 %p1) #0 align 4 {
  %4 = getelementptr i8, ptr %vmctx, i64 32
  %5 = load volatile i64, ptr %4
  %6 = add i64 %5, 1
  %7 = getelementptr i8, ptr %vmctx, i64 32
  store volatile i64 %6, ptr %7
  %8 = add i32 %p0, 0
  %9 = icmp sgt i32 %8, %p1
  %11 = select i1 %9, i32 %8, i32 %p1
  ret i32 %11
}
