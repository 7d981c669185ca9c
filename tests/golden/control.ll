target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i64 @f0(ptr %vmctx, i64 %p0) #0 {
  %l0 = alloca i64
  %l1 = alloca i64
  store i64 %p0, ptr %l0
  store i64 0, ptr %l1
  store i64 1, ptr %l1
  br label %b3
b3:
  %1 = load i64, ptr %l0
  %2 = icmp eq i64 %1, 0
  br i1 %2, label %b2, label %c4
c4:
  %4 = load i64, ptr %l1
  %5 = mul i64 %4, %1
  store i64 %5, ptr %l1
  %6 = sub i64 %1, 1
  store i64 %6, ptr %l0
  br label %b3
b2:
  %7 = load i64, ptr %l1
  ret i64 %7
}
define hidden i32 @f1(ptr %vmctx, i32 %p0, i32 %p1) #0 {
  %s0 = alloca i32
  %1 = icmp sgt i32 %p0, 0
  store i32 %p0, ptr %s0
  br i1 %1, label %b2, label %c3
c3:
  %3 = icmp sgt i32 %p1, 0
  store i32 %p1, ptr %s0
  br i1 %3, label %b2, label %c4
c4:
  store i32 -1, ptr %s0
  br label %b2
b2:
  %5 = load i32, ptr %s0
  ret i32 %5
}
