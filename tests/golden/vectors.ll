target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden <2 x i64> @f0(ptr %vmctx, i32 %p0, <2 x i64> %p1) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %base0 = load ptr, ptr %memory0
  %4 = zext i32 %p0 to i64
  %5 = getelementptr i8, ptr %base0, i64 %4
  %6 = load volatile <2 x i64>, ptr %5, align 1
  %7 = bitcast <2 x i64> %6 to <4 x float>
  %8 = bitcast <2 x i64> %p1 to <4 x float>
  %9 = fmul <4 x float> %7, %8
  %10 = bitcast <4 x float> %9 to <2 x i64>
  %11 = fadd <4 x float> %9, %8
  %12 = bitcast <4 x float> %11 to <2 x i64>
  %13 = getelementptr [1 x i8], ptr %base0, i64 %4, i64 16
  store volatile <2 x i64> %12, ptr %13, align 1
  %14 = bitcast <2 x i64> %p1 to <16 x i8>
  %15 = icmp slt <16 x i8> %14, bitcast (<2 x i64> <i64 1, i64 2> to <16 x i8>)
  %16 = sext <16 x i1> %15 to <16 x i8>
  %17 = bitcast <16 x i8> %16 to <2 x i64>
  %18 = and <2 x i64> %p1, %17
  %19 = xor <2 x i64> %17, splat (i64 -1)
  %20 = and <2 x i64> %12, %19
  %21 = or <2 x i64> %18, %20
  %22 = getelementptr i8, ptr %vmctx, i64 32
  store volatile <2 x i64> %21, ptr %22
  %23 = getelementptr i8, ptr %vmctx, i64 32
  %24 = load volatile <2 x i64>, ptr %23
  %25 = and i32 %p0, 15
  %26 = trunc i32 %25 to i16
  %27 = insertelement <8 x i16> poison, i16 %26, i64 0
  %28 = shufflevector <8 x i16> %27, <8 x i16> poison, <8 x i32> zeroinitializer
  %29 = bitcast <2 x i64> %24 to <8 x i16>
  %30 = shl <8 x i16> %29, %28
  %31 = bitcast <8 x i16> %30 to <2 x i64>
  ret <2 x i64> %31
}
define hidden i32 @f1(ptr %vmctx, <2 x i64> %p0, <2 x i64> %p1) #0 align 4 {
  %3 = bitcast <2 x i64> %p0 to <16 x i8>
  %4 = bitcast <2 x i64> %p1 to <16 x i8>
  %5 = call <16 x i8> @llvm.uadd.sat.v16i8(<16 x i8> %4, <16 x i8> splat (i8 112))
  %6 = call <16 x i8> @llvm.x86.ssse3.pshuf.b.128(<16 x i8> %3, <16 x i8> %5)
  %7 = bitcast <16 x i8> %6 to <2 x i64>
  %8 = bitcast <2 x i64> %7 to <2 x double>
  %9 = bitcast <2 x i64> %p1 to <2 x double>
  %10 = fcmp olt <2 x double> %8, %9
  %11 = select <2 x i1> %10, <2 x double> %8, <2 x double> %9
  %12 = bitcast <2 x double> %11 to <2 x i64>
  %13 = fcmp olt <2 x double> %9, %8
  %14 = select <2 x i1> %13, <2 x double> %9, <2 x double> %8
  %15 = bitcast <2 x double> %14 to <2 x i64>
  %16 = or <2 x i64> %12, %15
  %17 = bitcast <2 x i64> %16 to <2 x double>
  %18 = fcmp uno <2 x double> %8, %9
  %19 = fadd <2 x double> %8, %9
  %20 = select <2 x i1> %18, <2 x double> %19, <2 x double> %17
  %21 = bitcast <2 x double> %20 to <2 x i64>
  %22 = bitcast <2 x i64> %21 to <16 x i8>
  %23 = icmp eq <16 x i8> %22, zeroinitializer
  %24 = sext <16 x i1> %23 to <16 x i8>
  %25 = call i32 @llvm.x86.sse2.pmovmskb.128(<16 x i8> %24)
  %26 = icmp eq i32 %25, 0
  %27 = zext i1 %26 to i32
  ret i32 %27
}
define hidden void @f2(ptr %vmctx, i32 %p0, <2 x i64> %p1) #0 align 4 {
  %memory0.at = getelementptr i8, ptr %vmctx, i64 24
  %memory0 = load ptr, ptr %memory0.at
  %base0 = load ptr, ptr %memory0
  %3 = insertelement <4 x i32> poison, i32 %p0, i64 0
  %4 = shufflevector <4 x i32> %3, <4 x i32> poison, <4 x i32> zeroinitializer
  %5 = bitcast <4 x i32> %4 to <2 x i64>
  %6 = zext i32 %p0 to i64
  %7 = getelementptr i8, ptr %base0, i64 %6
  %8 = load volatile i32, ptr %7, align 1
  %9 = insertelement <4 x i32> %4, i32 %8, i64 2
  %10 = bitcast <4 x i32> %9 to <2 x i64>
  %11 = bitcast <2 x i64> %10 to <16 x i8>
  %12 = extractelement <16 x i8> %11, i64 3
  %13 = getelementptr i8, ptr %base0, i64 %6
  store volatile i8 %12, ptr %13, align 1
  ret void
}
define hidden <2 x i64> @f3(ptr %vmctx) #0 align 4 {
  br label %1
1:
  %2 = call float @llvm.arithmetic.fence.f32(float 0x3FF0000000000000)
  %3 = insertelement <4 x float> poison, float %2, i64 0
  %4 = shufflevector <4 x float> %3, <4 x float> poison, <4 x i32> zeroinitializer
  %5 = bitcast <4 x float> %4 to <2 x i64>
  %6 = call <4 x float> @llvm.arithmetic.fence.v4f32(<4 x float> bitcast (<2 x i64> <i64 4575657222473777152, i64 4575657222473777152> to <4 x float>))
  %7 = call <4 x float> @llvm.arithmetic.fence.v4f32(<4 x float> zeroinitializer)
  %8 = call <4 x float> @llvm.fma.v4f32(<4 x float> %6, <4 x float> %4, <4 x float> %7)
  %9 = bitcast <4 x float> %8 to <2 x i64>
  ret <2 x i64> %9
}
