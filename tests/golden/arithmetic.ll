target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 {
  %1 = mul i32 %p0, %p0
  %2 = add i32 %1, -7
  ret i32 %2
}
define hidden i64 @f1(ptr %vmctx, i64 %p0, i64 %p1) #0 {
  %1 = and i64 %p1, 63
  %2 = shl i64 %p0, %1
  %3 = lshr i64 %p0, 13
  %4 = shl i64 %p0, 51
  %5 = or i64 %3, %4
  %6 = xor i64 %2, %5
  ret i64 %6
}
define hidden i32 @f2(ptr %vmctx, i32 %p0, i32 %p1) #0 {
  %1 = icmp eq i32 %p1, 0
  br i1 %1, label %t2, label %c2, !prof !1
c2:
  %2 = icmp eq i32 %p0, -2147483648
  %3 = icmp eq i32 %p1, -1
  %4 = and i1 %2, %3
  br i1 %4, label %t3, label %c3, !prof !1
c3:
  %5 = sdiv i32 %p0, %p1
  ret i32 %5
t2:
  call void @raise_trap(ptr %vmctx, i32 7) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 6) #1
  unreachable
}
define hidden double @f3(ptr %vmctx, double %p0, double %p1) #0 {
  %1 = fadd double %p0, %p1
  %2 = fdiv double %1, 0x4000000000000000
  ret double %2
}
define hidden i32 @f4(ptr %vmctx, float %p0, float %p1) #0 {
  %1 = fcmp olt float %p0, %p1
  %2 = select i1 %1, float %p0, float %p1
  %3 = bitcast float %p0 to i32
  %4 = bitcast float %p1 to i32
  %5 = or i32 %3, %4
  %6 = bitcast i32 %5 to float
  %7 = fcmp uno float %p0, %p1
  %8 = fadd float %p0, %p1
  %9 = select i1 %7, float %8, float %6
  %10 = fcmp one float %p0, %p1
  %11 = select i1 %10, float %2, float %9
  %12 = fcmp olt float %11, bitcast (i32 2141192192 to float)
  %13 = zext i1 %12 to i32
  ret i32 %13
}
define hidden i64 @f5(ptr %vmctx, double %p0) #0 {
  %1 = call i32 @llvm.fptoui.sat.i32.f64(double %p0)
  %2 = zext i32 %1 to i64
  ret i64 %2
}
