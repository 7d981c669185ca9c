target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden <2 x i64> @f0(ptr %vmctx, <2 x i64> %p0) #0 {
  %3 = bitcast <2 x i64> %p0 to <2 x double>
  %4 = call <2 x double> @llvm.arithmetic.fence.v2f64(<2 x double> bitcast (<2 x i64> <i64 4607182418800017408, i64 4607182418800017408> to <2 x double>))
  %5 = fmul <2 x double> %3, %4
  %6 = bitcast <2 x double> %5 to <2 x i64>
  %7 = call <2 x double> @llvm.arithmetic.fence.v2f64(<2 x double> zeroinitializer)
  %8 = fsub <2 x double> %5, %7
  %9 = bitcast <2 x double> %8 to <2 x i64>
  ret <2 x i64> %9
}
define hidden <2 x i64> @f1(ptr %vmctx, i32 %p0) #0 {
  %2 = alloca <2 x i64>
  %zero1.lanes = call <4 x float> @llvm.arithmetic.fence.v4f32(<4 x float> zeroinitializer)
  %zero1 = bitcast <4 x float> %zero1.lanes to <2 x i64>
  store <2 x i64> %zero1, ptr %2
  %3 = icmp ne i32 %p0, 0
  br i1 %3, label %b2, label %4
4:
  %5 = insertelement <4 x i32> poison, i32 %p0, i64 0
  %6 = shufflevector <4 x i32> %5, <4 x i32> poison, <4 x i32> zeroinitializer
  %7 = bitcast <4 x i32> %6 to <2 x i64>
  store <2 x i64> %7, ptr %2
  br label %b2
b2:
  %8 = load <2 x i64>, ptr %2
  %9 = bitcast <2 x i64> %8 to <4 x float>
  %10 = fadd <4 x float> %9, %9
  %11 = bitcast <4 x float> %10 to <2 x i64>
  ret <2 x i64> %11
}
define hidden <2 x i64> @f2(ptr %vmctx, <2 x i64> %p0, <2 x i64> %p1, <2 x i64> %p2) #0 {
  %4 = bitcast <2 x i64> %p1 to <4 x float>
  %5 = bitcast <2 x i64> %p2 to <4 x float>
  %6 = fcmp olt <4 x float> %4, %5
  %7 = select <4 x i1> %6, <4 x float> %4, <4 x float> %5
  %8 = bitcast <4 x float> %7 to <2 x i64>
  %9 = fcmp olt <4 x float> %5, %4
  %10 = select <4 x i1> %9, <4 x float> %5, <4 x float> %4
  %11 = bitcast <4 x float> %10 to <2 x i64>
  %12 = or <2 x i64> %8, %11
  %13 = bitcast <2 x i64> %12 to <4 x float>
  %14 = fcmp uno <4 x float> %4, %5
  %15 = fadd <4 x float> %4, %5
  %16 = select <4 x i1> %14, <4 x float> %15, <4 x float> %13
  %17 = bitcast <4 x float> %16 to <2 x i64>
  %18 = bitcast <2 x i64> %p0 to <4 x float>
  %19 = fmul <4 x float> %18, %4
  %20 = fadd <4 x float> %19, %16
  %21 = bitcast <4 x float> %20 to <2 x i64>
  ret <2 x i64> %21
}
