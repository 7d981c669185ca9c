target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 {
  %s0 = alloca i64
  %s1 = alloca i32
  %1 = alloca i32
  store i32 %p0, ptr %1
  %store = load ptr, ptr %vmctx, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %frame.end = getelementptr i8, ptr %frame, i64 -96
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame.end, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %2 = getelementptr i8, ptr %store, i64 72
  %3 = load volatile i64, ptr %2
  %4 = sub i64 %3, 1
  %5 = icmp slt i64 %4, 1
  br i1 %5, label %t2, label %6, !prof !1
6:
  %7 = icmp ne i32 %p0, 0
  store i64 %4, ptr %s0
  br i1 %7, label %b3, label %8
8:
  store i32 1, ptr %1
  %9 = icmp ne i32 1, 0
  br i1 %9, label %10, label %c4
10:
  %11 = load i64, ptr %s0
  %12 = sub i64 %11, 4
  store i64 %12, ptr %s0
  br label %b3
c4:
  store i32 2, ptr %1
  %13 = load i64, ptr %s0
  %14 = sub i64 %13, 6
  store i64 %14, ptr %s0
  br label %b3
b3:
  %15 = load i32, ptr %1
  %16 = icmp ne i32 %15, 0
  br i1 %16, label %17, label %e5
17:
  br label %e5
e5:
  %18 = load i32, ptr %1
  %19 = icmp ne i32 %18, 0
  br i1 %19, label %20, label %e6
20:
  %21 = load i64, ptr %s0
  %22 = sub i64 %21, 7
  %23 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %22, ptr %23
  %24 = getelementptr i8, ptr %vmctx, i64 24
  %25 = load ptr, ptr %24, !invariant.load !0
  %26 = getelementptr i8, ptr %vmctx, i64 32
  %27 = load ptr, ptr %26, !invariant.load !0
  %28 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %28
  call void %25(ptr %27)
  %29 = getelementptr i8, ptr %store, i64 72
  %30 = load volatile i64, ptr %29
  store i32 3, ptr %1
  store i64 %30, ptr %s0
  br label %b6
e6:
  store i32 %18, ptr %s1
  br label %b1
b6:
  %31 = load i64, ptr %s0
  %32 = sub i64 %31, 2
  store i64 %32, ptr %s0
  br label %b7
b7:
  %33 = load i64, ptr %s0
  %34 = icmp slt i64 %33, 1
  br i1 %34, label %t8, label %35, !prof !1
35:
  %36 = load i32, ptr %1
  %37 = icmp eq i32 %36, 0
  %39 = load i64, ptr %s0
  %40 = sub i64 %39, 3
  store i64 %40, ptr %s0
  br i1 %37, label %b7, label %41
41:
  br label %42
42:
  switch i32 %36, label %b10 [ i32 0, label %b10 i32 1, label %b9 ]
b10:
  %43 = load i64, ptr %s0
  %44 = sub i64 %43, 2
  %45 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %44, ptr %45
  br label %t11
b9:
  %46 = load i32, ptr %1
  %47 = load i64, ptr %s0
  %48 = sub i64 %47, -4
  store i64 %48, ptr %s0
  store i32 %46, ptr %s1
  br label %b1
b1:
  %49 = load i32, ptr %s1
  %50 = load i64, ptr %s0
  %51 = sub i64 %50, 7
  %52 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %51, ptr %52
  ret i32 %49
t2:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
t8:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
t11:
  call void @raise_trap(ptr %vmctx, i32 9) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden void @f2(ptr %vmctx, i32 %p0) #0 {
  %store = load ptr, ptr %vmctx, !invariant.load !0
  %memory0.at = getelementptr i8, ptr %vmctx, i64 40
  %memory0 = load ptr, ptr %memory0.at, !invariant.load !0
  %table0.at = getelementptr i8, ptr %vmctx, i64 48
  %table0 = load ptr, ptr %table0.at, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %frame.end = getelementptr i8, ptr %frame, i64 -96
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame.end, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %2 = getelementptr i8, ptr %store, i64 72
  %3 = load volatile i64, ptr %2
  %4 = sub i64 %3, 1
  %5 = icmp slt i64 %4, 1
  br i1 %5, label %t2, label %6, !prof !1
6:
  %7 = getelementptr i8, ptr %memory0, i64 8
  %8 = load volatile i64, ptr %7
  %9 = add i64 0, 8
  %10 = icmp ugt i64 %9, %8
  br i1 %10, label %t3, label %11, !prof !1
11:
  %12 = zext i32 %p0 to i64
  %13 = getelementptr i8, ptr %memory0, i64 8
  %14 = load volatile i64, ptr %13
  %15 = add i64 %12, 8
  %16 = icmp ugt i64 %15, %14
  br i1 %16, label %t4, label %17, !prof !1
17:
  %18 = sub i64 %4, 4
  %19 = sub i64 %18, 8
  %20 = icmp slt i64 %19, 1
  br i1 %20, label %t5, label %21, !prof !1
21:
  %builtin22.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin22.table = load ptr, ptr %builtin22.table.at, !invariant.load !0
  %builtin22.at = getelementptr i8, ptr %builtin22.table, i64 24
  %builtin22 = load ptr, ptr %builtin22.at, !invariant.load !0
  call void %builtin22(ptr %vmctx, ptr %memory0, ptr %memory0, i64 0, i64 %12, i64 8)
  %23 = getelementptr i8, ptr %table0, i64 8
  %24 = load volatile i64, ptr %23
  %25 = getelementptr i8, ptr %table0, i64 16
  %26 = load volatile i64, ptr %25
  %27 = sub i64 %26, %24
  %28 = icmp ule i64 %12, %27
  %29 = select i1 %28, i64 %12, i64 0
  %30 = sub i64 %19, 3
  %31 = sub i64 %30, %29
  %32 = icmp slt i64 %31, 1
  br i1 %32, label %t6, label %33, !prof !1
33:
  %builtin34.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin34.table = load ptr, ptr %builtin34.table.at, !invariant.load !0
  %builtin34.at = getelementptr i8, ptr %builtin34.table, i64 48
  %builtin34 = load ptr, ptr %builtin34.at, !invariant.load !0
  %35 = call i64 %builtin34(ptr %table0, i64 0, i64 %12)
  %36 = trunc i64 %35 to i32
  %37 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %31, ptr %37
  ret void
t2:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 1) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 1) #1
  unreachable
t5:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
t6:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
