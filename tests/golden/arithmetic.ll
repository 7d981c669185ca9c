target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %2 = mul i32 %p0, %p0
  %3 = add i32 %2, -7
  ret i32 %3
}
define hidden i64 @f1(ptr %vmctx, i64 %p0, i64 %p1) #0 align 4 {
  %3 = and i64 %p1, 63
  %4 = shl i64 %p0, %3
  %5 = lshr i64 %p0, 13
  %6 = shl i64 %p0, 51
  %7 = or i64 %5, %6
  %8 = xor i64 %4, %7
  ret i64 %8
}
define hidden i32 @f2(ptr %vmctx, i32 %p0, i32 %p1) #0 align 4 {
  %3 = icmp eq i32 %p1, 0
  br i1 %3, label %t2, label %4
4:
  %5 = icmp eq i32 %p0, -2147483648
  %6 = icmp eq i32 %p1, -1
  %7 = and i1 %5, %6
  br i1 %7, label %t3, label %8
8:
  %9 = sdiv i32 %p0, %p1
  ret i32 %9
t2:
  call void @raise_trap(ptr %vmctx, i32 7) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 6) #1
  unreachable
}
define hidden double @f3(ptr %vmctx, double %p0, double %p1) #0 align 4 {
  %3 = fadd double %p0, %p1
  %4 = fdiv double %3, 0x4000000000000000
  ret double %4
}
define hidden i32 @f4(ptr %vmctx, float %p0, float %p1) #0 align 4 {
  %3 = fcmp olt float %p0, %p1
  %4 = select i1 %3, float %p0, float %p1
  %5 = bitcast float %p0 to i32
  %6 = bitcast float %p1 to i32
  %7 = or i32 %5, %6
  %8 = bitcast i32 %7 to float
  %9 = fcmp uno float %p0, %p1
  %10 = fadd float %p0, %p1
  %11 = select i1 %9, float %10, float %8
  %12 = fcmp one float %p0, %p1
  %13 = select i1 %12, float %4, float %11
  %14 = fcmp olt float %13, bitcast (i32 2141192192 to float)
  %15 = zext i1 %14 to i32
  ret i32 %15
}
define hidden i64 @f5(ptr %vmctx, double %p0) #0 align 4 {
  %2 = call i32 @llvm.fptoui.sat.i32.f64(double %p0)
  %3 = zext i32 %2 to i64
  ret i64 %3
}
