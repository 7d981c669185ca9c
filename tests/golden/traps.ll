target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %2 = icmp ne i32 %p0, 0
  br i1 %2, label %t3, label %e2
e2:
  ret i32 1
t3:
  call void @raise_trap(ptr %vmctx, i32 9) #1
  unreachable
}
define hidden i64 @f1(ptr %vmctx, i64 %p0, i64 %p1) #0 align 4 {
  %3 = icmp eq i64 %p1, 0
  br i1 %3, label %t2, label %4
4:
  %5 = urem i64 %p0, %p1
  ret i64 %5
t2:
  call void @raise_trap(ptr %vmctx, i32 7) #1
  unreachable
}
define hidden i32 @f2(ptr %vmctx, float %p0) #0 align 4 {
  %2 = fcmp oge float %p0, 0xC1E0000000000000
  %3 = fcmp olt float %p0, 0x41E0000000000000
  %4 = and i1 %2, %3
  br i1 %4, label %f2, label %r2
r2:
  %5 = fcmp uno float %p0, %p0
  br i1 %5, label %t3, label %t4
f2:
  %7 = fptosi float %p0 to i32
  ret i32 %7
t3:
  call void @raise_trap(ptr %vmctx, i32 8) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 6) #1
  unreachable
}
define hidden i32 @f3(ptr %vmctx) #0 align 4 {
  %s0 = alloca i32
  store i32 4, ptr %s0
  br label %b1
b1:
  %1 = load i32, ptr %s0
  ret i32 %1
}
