target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i64 @f0(ptr %vmctx, i32 %p0, i64 %p1) #0 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %1 = zext i32 %p0 to i64
  %2 = getelementptr i8, ptr %table0, i64 8
  %3 = load volatile i64, ptr %2
  %4 = icmp uge i64 %1, %3
  br i1 %4, label %t2, label %c2, !prof !1
c2:
  %5 = getelementptr i8, ptr %table0, i64 0
  %6 = load volatile ptr, ptr %5
  %7 = getelementptr i64, ptr %6, i64 %1
  %8 = load volatile i64, ptr %7
  %9 = zext i32 %p0 to i64
  %10 = getelementptr i8, ptr %table0, i64 8
  %11 = load volatile i64, ptr %10
  %12 = icmp uge i64 %9, %11
  br i1 %12, label %t3, label %c3, !prof !1
c3:
  %13 = getelementptr i8, ptr %table0, i64 0
  %14 = load volatile ptr, ptr %13
  %15 = getelementptr i64, ptr %14, i64 %9
  store volatile i64 %p1, ptr %15
  ret i64 %8
t2:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
}
define hidden i32 @f1(ptr %vmctx) #0 {
  %table1.at = getelementptr i8, ptr %vmctx, i64 32
  %table1 = load ptr, ptr %table1.at, !invariant.load !0
  %1 = getelementptr i8, ptr %vmctx, i64 64
  %2 = ptrtoint ptr %1 to i64
  %3 = getelementptr i8, ptr %table1, i64 8
  %4 = load volatile i64, ptr %3
  %5 = icmp uge i64 0, %4
  br i1 %5, label %t2, label %c2, !prof !1
c2:
  %6 = getelementptr i8, ptr %table1, i64 0
  %7 = load volatile ptr, ptr %6
  %8 = getelementptr i64, ptr %7, i64 0
  store volatile i64 %2, ptr %8
  %9 = getelementptr i8, ptr %table1, i64 8
  %10 = load volatile i64, ptr %9
  %11 = icmp uge i64 0, %10
  br i1 %11, label %t3, label %c3, !prof !1
c3:
  %12 = getelementptr i8, ptr %table1, i64 0
  %13 = load volatile ptr, ptr %12
  %14 = getelementptr i64, ptr %13, i64 0
  %15 = load volatile i64, ptr %14
  %16 = icmp eq i64 %15, 0
  %17 = zext i1 %16 to i32
  ret i32 %17
t2:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
}
define hidden i32 @f2(ptr %vmctx, i64 %p0) #0 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %store.at = getelementptr i8, ptr %vmctx, i64 0
  %store = load ptr, ptr %store.at, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %frame.address = ptrtoint ptr %frame to i64
  %frame.end = sub i64 %frame.address, 88
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load i64, ptr %limit.at
  %overflow = icmp ult i64 %frame.end, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %builtin1.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin1.table = load ptr, ptr %builtin1.table.at, !invariant.load !0
  %builtin1.at = getelementptr i8, ptr %builtin1.table, i64 48
  %builtin1 = load ptr, ptr %builtin1.at, !invariant.load !0
  %2 = call i64 %builtin1(ptr %table0, i64 %p0, i64 1)
  %3 = trunc i64 %2 to i32
  ret i32 %3
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
