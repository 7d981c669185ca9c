target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden double @f0(ptr %vmctx, double %p0) #0 align 4 {
  %2 = alloca double
  store double 0x0000000000000000, ptr %2
  %3 = load double, ptr %2
  %4 = fadd double %3, %p0
  %5 = fmul double %4, 0x3FF0000000000000
  ret double %5
}
define hidden float @f1(ptr %vmctx, float %p0) #0 align 4 {
  %2 = bitcast float %p0 to i32
  %3 = and i32 %2, 2147483647
  %4 = bitcast i32 %3 to float
  %5 = fpext float %4 to double
  %6 = fptrunc double %5 to float
  ret float %6
}
define hidden float @f2(ptr %vmctx) #0 align 4 {
  %1 = fadd float 0x4000000000000000, 0x4008000000000000
  ret float %1
}
define hidden double @f3(ptr %vmctx, i32 %p0, i64 %p1) #0 align 4 {
  %3 = zext i32 %p0 to i64
  %4 = sitofp i64 %3 to double
  br label %5
5:
  %6 = uitofp i64 %p1 to double
  %7 = fadd double %4, %6
  ret double %7
}
