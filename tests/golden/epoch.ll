target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden void @f0(ptr %vmctx, i32 %p0) #0 {
  %1 = alloca i32
  store i32 %p0, ptr %1
  %store = load ptr, ptr %vmctx, !invariant.load !0
  %epoch.at = getelementptr i8, ptr %store, i64 80
  %epoch = load ptr, ptr %epoch.at, !invariant.load !0
  %2 = load volatile i64, ptr %epoch
  %3 = getelementptr i8, ptr %store, i64 88
  %4 = load i64, ptr %3
  %5 = icmp uge i64 %2, %4
  br i1 %5, label %t2, label %6, !prof !1
6:
  br label %b3
b3:
  %7 = load volatile i64, ptr %epoch
  %8 = getelementptr i8, ptr %store, i64 88
  %9 = load i64, ptr %8
  %10 = icmp uge i64 %7, %9
  br i1 %10, label %t4, label %11, !prof !1
11:
  %12 = load i32, ptr %1
  %13 = sub i32 %12, 1
  store i32 %13, ptr %1
  %14 = icmp ne i32 %13, 0
  br i1 %14, label %b3, label %15
15:
  ret void
t2:
  call void @raise_trap(ptr %vmctx, i32 10) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 10) #1
  unreachable
}
