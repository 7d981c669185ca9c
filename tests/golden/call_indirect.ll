target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0, i32 %p1) #0 {
  %1 = add i32 %p0, %p1
  ret i32 %1
}
define hidden i32 @f1(ptr %vmctx, i32 %p0, i32 %p1) #0 {
  %1 = sub i32 %p0, %p1
  ret i32 %1
}
define hidden i32 @f2(ptr %vmctx, i32 %p0) #0 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %store.at = getelementptr i8, ptr %vmctx, i64 0
  %store = load ptr, ptr %store.at, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %frame.address = ptrtoint ptr %frame to i64
  %frame.end = sub i64 %frame.address, 96
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load i64, ptr %limit.at
  %overflow = icmp ult i64 %frame.end, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %1 = zext i32 %p0 to i64
  %2 = getelementptr i8, ptr %table0, i64 8
  %3 = load volatile i64, ptr %2
  %4 = icmp uge i64 %1, %3
  br i1 %4, label %t2, label %c2, !prof !1
c2:
  %5 = getelementptr i8, ptr %table0, i64 0
  %6 = load volatile ptr, ptr %5
  %7 = getelementptr i64, ptr %6, i64 %1
  %8 = load volatile ptr, ptr %7
  %9 = icmp eq ptr %8, null
  br i1 %9, label %t3, label %c3, !prof !1
c3:
  %10 = getelementptr i8, ptr %vmctx, i64 16
  %11 = load ptr, ptr %10, !invariant.load !0
  %12 = getelementptr i8, ptr %11, i64 0
  %13 = load i32, ptr %12, !invariant.load !0
  %14 = getelementptr i8, ptr %8, i64 16
  %15 = load i32, ptr %14, !invariant.load !0
  %16 = icmp ne i32 %15, %13
  br i1 %16, label %t4, label %c4, !prof !1
c4:
  %17 = getelementptr i8, ptr %8, i64 0
  %18 = load ptr, ptr %17, !invariant.load !0
  %19 = getelementptr i8, ptr %8, i64 8
  %20 = load ptr, ptr %19, !invariant.load !0
  %21 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %21
  %22 = call i32 %18(ptr %20, i32 5, i32 3)
  ret i32 %22
t2:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 4) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 5) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
