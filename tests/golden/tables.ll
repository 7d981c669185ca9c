target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i64 @f0(ptr %vmctx, i32 %p0, i64 %p1) #0 align 4 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at
  %3 = zext i32 %p0 to i64
  %4 = getelementptr i8, ptr %table0, i64 8
  %5 = load volatile i64, ptr %4
  %6 = icmp uge i64 %3, %5
  br i1 %6, label %t2, label %7
7:
  %8 = load volatile ptr, ptr %table0
  %9 = getelementptr i64, ptr %8, i64 %3
  %10 = load volatile i64, ptr %9
  %11 = zext i32 %p0 to i64
  %12 = getelementptr i8, ptr %table0, i64 8
  %13 = load volatile i64, ptr %12
  %14 = icmp uge i64 %11, %13
  br i1 %14, label %t3, label %15
15:
  %16 = load volatile ptr, ptr %table0
  %17 = getelementptr i64, ptr %16, i64 %11
  store volatile i64 %p1, ptr %17
  ret i64 %10
t2:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
t3:
  call void @raise_trap(ptr %vmctx, i32 3) #1
  unreachable
}
define hidden i32 @f1(ptr %vmctx) #0 align 4 {
  %table1.at = getelementptr i8, ptr %vmctx, i64 32
  %table1 = load ptr, ptr %table1.at
  %1 = getelementptr i8, ptr %vmctx, i64 64
  %2 = ptrtoint ptr %1 to i64
  %3 = getelementptr i8, ptr %table1, i64 8
  %4 = load volatile i64, ptr %3
  %5 = icmp uge i64 0, %4
  br i1 %5, label %t2, label %6
6:
  %7 = load volatile ptr, ptr %table1
  %8 = getelementptr i64, ptr %7, i64 0
  store volatile i64 %2, ptr %8
  %9 = getelementptr i8, ptr %table1, i64 8
  %10 = load volatile i64, ptr %9
  %11 = icmp uge i64 0, %10
  br i1 %11, label %t3, label %12
12:
  %13 = load volatile ptr, ptr %table1
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
define hidden i32 @f2(ptr %vmctx, i64 %p0) #0 align 4 {
  %table0.at = getelementptr i8, ptr %vmctx, i64 24
  %table0 = load ptr, ptr %table0.at
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %builtin2.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin2.table = load ptr, ptr %builtin2.table.at
  %builtin2.at = getelementptr i8, ptr %builtin2.table, i64 48
  %builtin2 = load ptr, ptr %builtin2.at
  %3 = call i64 %builtin2(ptr %table0, i64 %p0, i64 1)
  %4 = trunc i64 %3 to i32
  ret i32 %4
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
