target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 align 4 {
  %1 = alloca i32
  store i32 %p0, ptr %1
  %s0 = alloca i64
  %s1 = alloca i32
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = getelementptr i8, ptr %store, i64 72
  %3 = load i64, ptr %2
  %4 = icmp sle i64 %3, 1
  br i1 %4, label %t2, label %5
5:
  %18 = icmp ne i32 %p0, 0
  %19 = getelementptr i8, ptr %store, i64 72
  %20 = load i64, ptr %19
  store i64 %20, ptr %s0
  br i1 %18, label %b3, label %21
21:
  store i32 1, ptr %1
  %22 = icmp ne i32 1, 0
  br i1 %22, label %23, label %c4
23:
  %24 = load i64, ptr %s0
  %25 = sub i64 %24, 4
  store i64 %25, ptr %s0
  br label %b3
c4:
  store i32 2, ptr %1
  %26 = load i64, ptr %s0
  %27 = sub i64 %26, 6
  store i64 %27, ptr %s0
  br label %b3
b3:
  %28 = load i32, ptr %1
  %29 = icmp ne i32 %28, 0
  br i1 %29, label %e5, label %e5
e5:
  %31 = load i32, ptr %1
  %32 = icmp ne i32 %31, 0
  br i1 %32, label %33, label %e6
33:
  %34 = load i64, ptr %s0
  %35 = sub i64 %34, 8
  %36 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %35, ptr %36
  %37 = getelementptr i8, ptr %vmctx, i64 24
  %38 = load ptr, ptr %37
  %39 = getelementptr i8, ptr %vmctx, i64 32
  %40 = load ptr, ptr %39
  %41 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %41
  call void %38(ptr %40)
  store i32 3, ptr %1
  %42 = getelementptr i8, ptr %store, i64 72
  %43 = load i64, ptr %42
  store i64 %43, ptr %s0
  br label %b6
e6:
  %44 = load i32, ptr %1
  store i32 %44, ptr %s1
  br label %b1
b6:
  %45 = load i64, ptr %s0
  %46 = sub i64 %45, 2
  store i64 %46, ptr %s0
  br label %b7
b7:
  %47 = load i64, ptr %s0
  %48 = icmp slt i64 %47, 1
  br i1 %48, label %t8, label %49
49:
  %50 = load i32, ptr %1
  %51 = icmp eq i32 %50, 0
  %53 = load i64, ptr %s0
  %54 = sub i64 %53, 3
  store i64 %54, ptr %s0
  br i1 %51, label %b7, label %55
55:
  %56 = load i32, ptr %1
  br label %57
57:
  switch i32 %56, label %b10 [ i32 0, label %b10 i32 1, label %b9 ]
b10:
  %58 = load i64, ptr %s0
  %59 = sub i64 %58, 2
  %60 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %59, ptr %60
  br label %t11
b9:
  %61 = load i32, ptr %1
  %62 = load i64, ptr %s0
  %63 = sub i64 %62, -5
  store i64 %63, ptr %s0
  store i32 %61, ptr %s1
  br label %b1
b1:
  %64 = load i32, ptr %s1
  %65 = load i64, ptr %s0
  %66 = sub i64 %65, 8
  %67 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %66, ptr %67
  ret i32 %64
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
define hidden i64 @f2(ptr %vmctx, i64 %p0, i64 %p1) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %19 = shl i64 %p1, 7
  %20 = lshr i64 %p1, 57
  %21 = or i64 %19, %20
  %22 = mul i64 %p0, %21
  %23 = getelementptr i8, ptr %store, i64 72
  %24 = load i64, ptr %23
  %25 = icmp sle i64 %24, 1
  %26 = sub i64 %24, 6
  %27 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %26, ptr %27
  br i1 %25, label %t2, label %28
28:
  ret i64 %22
t2:
  call void @raise_trap(ptr %vmctx, i32 11) #1
  unreachable
}
define hidden void @f3(ptr %vmctx, i32 %p0) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %memory0.at = getelementptr i8, ptr %vmctx, i64 40
  %memory0 = load ptr, ptr %memory0.at
  %table0.at = getelementptr i8, ptr %vmctx, i64 48
  %table0 = load ptr, ptr %table0.at
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = getelementptr i8, ptr %store, i64 72
  %3 = load i64, ptr %2
  %4 = icmp sle i64 %3, 1
  br i1 %4, label %t2, label %5
5:
  %18 = getelementptr i8, ptr %memory0, i64 8
  %19 = load volatile i64, ptr %18
  %20 = add i64 0, 8
  %21 = icmp ugt i64 %20, %19
  br i1 %21, label %t3, label %22
22:
  %23 = zext i32 %p0 to i64
  %24 = getelementptr i8, ptr %memory0, i64 8
  %25 = load volatile i64, ptr %24
  %26 = add i64 %23, 8
  %27 = icmp ugt i64 %26, %25
  br i1 %27, label %t4, label %28
28:
  %29 = getelementptr i8, ptr %store, i64 72
  %30 = load i64, ptr %29
  %31 = sub i64 %30, 5
  %32 = sub i64 %31, 8
  %33 = icmp slt i64 %32, 1
  br i1 %33, label %t5, label %34
34:
  %35 = zext i32 %p0 to i64
  %builtin36.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin36.table = load ptr, ptr %builtin36.table.at
  %builtin36.at = getelementptr i8, ptr %builtin36.table, i64 24
  %builtin36 = load ptr, ptr %builtin36.at
  call void %builtin36(ptr %vmctx, ptr %memory0, ptr %memory0, i64 0, i64 %35, i64 8)
  %37 = getelementptr i8, ptr %table0, i64 8
  %38 = load volatile i64, ptr %37
  %39 = getelementptr i8, ptr %table0, i64 16
  %40 = load volatile i64, ptr %39
  %41 = sub i64 %40, %38
  %42 = icmp ule i64 %35, %41
  %43 = select i1 %42, i64 %35, i64 0
  %44 = sub i64 %32, 3
  %45 = sub i64 %44, %43
  %46 = icmp slt i64 %45, 1
  br i1 %46, label %t6, label %47
47:
  %48 = zext i32 %p0 to i64
  %builtin49.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin49.table = load ptr, ptr %builtin49.table.at
  %builtin49.at = getelementptr i8, ptr %builtin49.table, i64 48
  %builtin49 = load ptr, ptr %builtin49.at
  %50 = call i64 %builtin49(ptr %table0, i64 0, i64 %48)
  %51 = trunc i64 %50 to i32
  %52 = getelementptr i8, ptr %store, i64 72
  store volatile i64 %45, ptr %52
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
