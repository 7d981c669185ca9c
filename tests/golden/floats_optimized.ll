target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden double @f0(ptr %vmctx, double %p0) #0 {
  %2 = alloca double
  %zero1 = call double @llvm.arithmetic.fence.f64(double 0x0000000000000000)
  store double %zero1, ptr %2
  %3 = load double, ptr %2
  %4 = fadd double %3, %p0
  %5 = call double @llvm.arithmetic.fence.f64(double 0x3FF0000000000000)
  %6 = fmul double %4, %5
  ret double %6
}
define hidden float @f1(ptr %vmctx, float %p0) #0 {
  %2 = bitcast float %p0 to i32
  %3 = and i32 %2, 2147483647
  %4 = bitcast i32 %3 to float
  %5 = fpext float %4 to double
  %6 = call double @llvm.arithmetic.fence.f64(double %5)
  %7 = fptrunc double %6 to float
  ret float %7
}
define hidden float @f2(ptr %vmctx) #0 {
  %1 = fadd float 0x4000000000000000, 0x4008000000000000
  %2 = call float @llvm.arithmetic.fence.f32(float %1)
  ret float %2
}
define hidden double @f3(ptr %vmctx, i32 %p0, i64 %p1) #0 {
  %3 = zext i32 %p0 to i64
  %4 = sitofp i64 %3 to double
  %5 = uitofp i64 %p1 to double
  %6 = fadd double %4, %5
  ret double %6
}
