target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %s0 = alloca i32
  %s1 = alloca i32
  br label %2
2:
  switch i32 %p0, label %b5 [ i32 0, label %b4 ]
b5:
  store i32 99, ptr %s0
  br label %b2
b4:
  store i32 10, ptr %s1
  store i32 10, ptr %s0
  br label %3
3:
  switch i32 %p0, label %b2 [ i32 0, label %b3 ]
b3:
  %4 = load i32, ptr %s1
  %5 = add i32 %4, 1
  store i32 %5, ptr %s0
  br label %b2
b2:
  %6 = load i32, ptr %s0
  ret i32 %6
}
