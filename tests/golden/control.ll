target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i64 @f0(ptr %vmctx, i64 %p0) #0 align 4 {
  %1 = alloca i64
  %2 = alloca i64
  store i64 %p0, ptr %1
  store i64 1, ptr %2
  br label %b3
b3:
  %3 = load i64, ptr %1
  %4 = icmp eq i64 %3, 0
  br i1 %4, label %b2, label %6
6:
  %7 = load i64, ptr %2
  %8 = load i64, ptr %1
  %9 = mul i64 %7, %8
  store i64 %9, ptr %2
  %10 = sub i64 %8, 1
  store i64 %10, ptr %1
  br label %b3
b2:
  %11 = load i64, ptr %2
  ret i64 %11
}
define hidden i32 @f1(ptr %vmctx, i32 %p0, i32 %p1) #0 align 4 {
  %s0 = alloca i32
  %3 = icmp sgt i32 %p0, 0
  store i32 %p0, ptr %s0
  br i1 %3, label %b2, label %5
5:
  %6 = icmp sgt i32 %p1, 0
  store i32 %p1, ptr %s0
  br i1 %6, label %b2, label %8
8:
  store i32 -1, ptr %s0
  br label %b2
b2:
  %9 = load i32, ptr %s0
  ret i32 %9
}
