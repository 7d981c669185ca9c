target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden double @f0(ptr %vmctx, double %p0) #0 {
  %l1 = alloca double
  store double 0x0000000000000000, ptr %l1
  %1 = load double, ptr %l1
  %2 = fadd double %1, %p0
  %3 = fmul double %2, 0x3FF0000000000000
  ret double %3
}
define hidden float @f1(ptr %vmctx, float %p0) #0 {
  %1 = bitcast float %p0 to i32
  %2 = and i32 %1, 2147483647
  %3 = bitcast i32 %2 to float
  %4 = fpext float %3 to double
  %5 = fptrunc double %4 to float
  ret float %5
}
define hidden float @f2(ptr %vmctx) #0 {
  %1 = fadd float 0x4000000000000000, 0x4008000000000000
  ret float %1
}
define hidden double @f3(ptr %vmctx, i32 %p0, i64 %p1) #0 {
  %1 = zext i32 %p0 to i64
  %2 = sitofp i64 %1 to double
  br label %c2
c2:
  %3 = uitofp i64 %p1 to double
  %4 = fadd double %2, %3
  ret double %4
}
