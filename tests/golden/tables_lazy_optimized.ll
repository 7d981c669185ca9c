target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
declare hidden preserve_allcc void @fill_table(ptr, ptr, i64) #0
define hidden i32 @f0(ptr %vmctx) #0 {
  ret i32 0
}
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %store = load ptr, ptr %vmctx, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %2 = zext i32 %p0 to i64
  %3 = getelementptr i8, ptr %table0, i64 8
  %4 = load volatile i64, ptr %3
  %5 = icmp uge i64 %2, %4
  br i1 %5, label %t2, label %6, !prof !1
6:
  %7 = load volatile ptr, ptr %table0
  %8 = getelementptr i64, ptr %7, i64 %2
  %9 = load volatile ptr, ptr %8
  %10 = icmp eq ptr %9, null
  br i1 %10, label %t3, label %11, !prof !1
11:
  %12 = getelementptr i8, ptr %vmctx, i64 16
  %13 = load ptr, ptr %12, !invariant.load !0
  %14 = load i32, ptr %13, !invariant.load !0
  %15 = getelementptr i8, ptr %9, i64 16
  %16 = load i32, ptr %15, !invariant.load !0
  %17 = icmp ne i32 %16, %14
  br i1 %17, label %t4, label %18, !prof !1
18:
  %19 = load ptr, ptr %9, !invariant.load !0
  %20 = getelementptr i8, ptr %9, i64 8
  %21 = load ptr, ptr %20, !invariant.load !0
  %22 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %22
  %23 = call i32 %19(ptr %21)
  ret i32 %23
t3:
  call void @raise_trap(ptr %vmctx, i32 4) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 5) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
t2:
  call preserve_allcc void @fill_table(ptr %vmctx, ptr %table0, i64 %2) cold nomerge nounwind
  br label %6
}
define hidden i64 @f2(ptr %vmctx, i32 %p0) #0 {
  %table1.at = getelementptr i8, ptr %vmctx, i64 32
  %table1 = load ptr, ptr %table1.at, !invariant.load !0
  %2 = zext i32 %p0 to i64
  %3 = getelementptr i8, ptr %table1, i64 8
  %4 = load volatile i64, ptr %3
  %5 = icmp uge i64 %2, %4
  br i1 %5, label %t2, label %6, !prof !1
6:
  %7 = load volatile ptr, ptr %table1
  %8 = getelementptr i64, ptr %7, i64 %2
  %9 = load volatile i64, ptr %8
  ret i64 %9
t2:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
}
define hidden i32 @f3(ptr %vmctx) #0 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %1 = getelementptr i8, ptr %table0, i64 24
  %2 = load volatile i64, ptr %1
  %3 = trunc i64 %2 to i32
  ret i32 %3
}
