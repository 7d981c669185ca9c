target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
attributes #2 = { uwtable optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
declare hidden void @raise_trap(ptr, i32) #0
declare hidden void @raise_exception(ptr, ptr) #2
declare hidden i32 @personality(i32, i32, i64, ptr, ptr) #0
define hidden void @f0(ptr %vmctx, i32 %p0) #2 align 4 {
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = getelementptr i8, ptr %vmctx, i64 32
  %3 = load ptr, ptr %2
  %builtin4.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin4.table = load ptr, ptr %builtin4.table.at
  %builtin4.at = getelementptr i8, ptr %builtin4.table, i64 80
  %builtin4 = load ptr, ptr %builtin4.at
  %5 = call ptr %builtin4(ptr %vmctx, ptr %3, i64 112)
  %6 = getelementptr i8, ptr %5, i64 80
  store i32 %p0, ptr %6
  %7 = getelementptr i8, ptr %5, i64 96
  store double 0x4008000000000000, ptr %7
  call void @raise_exception(ptr %vmctx, ptr %5)
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden { i32, double } @f1(ptr %vmctx, i32 %p0) #2 align 4 personality ptr @personality {
  %s0 = alloca ptr
  %s1 = alloca i32
  %s2 = alloca double
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  br label %2
2:
  invoke void @f0(ptr %vmctx, i32 %p0) to label %4 unwind label %l5
4:
  br label %b4
l5:
  %5 = landingpad { ptr, i32 } cleanup
  %6 = extractvalue { ptr, i32 } %5, 0
  store ptr %6, ptr %s0
  br label %d5
d5:
  %7 = load ptr, ptr %s0
  %8 = getelementptr i8, ptr %7, i64 40
  %9 = load volatile ptr, ptr %8
  %10 = getelementptr i8, ptr %vmctx, i64 40
  %11 = load ptr, ptr %10
  %12 = icmp eq ptr %9, %11
  br i1 %12, label %13, label %c6
13:
  %builtin14.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin14.table = load ptr, ptr %builtin14.table.at
  %builtin14.at = getelementptr i8, ptr %builtin14.table, i64 96
  %builtin14 = load ptr, ptr %builtin14.at
  call void %builtin14(ptr %7)
  br label %b3
c6:
  %15 = getelementptr i8, ptr %7, i64 40
  %16 = load volatile ptr, ptr %15
  %17 = getelementptr i8, ptr %vmctx, i64 32
  %18 = load ptr, ptr %17
  %19 = icmp eq ptr %16, %18
  br i1 %19, label %20, label %c7
20:
  %21 = getelementptr i8, ptr %7, i64 80
  %22 = load volatile i32, ptr %21
  %23 = getelementptr i8, ptr %7, i64 96
  %24 = load volatile double, ptr %23
  %builtin25.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin25.table = load ptr, ptr %builtin25.table.at
  %builtin25.at = getelementptr i8, ptr %builtin25.table, i64 96
  %builtin25 = load ptr, ptr %builtin25.at
  call void %builtin25(ptr %7)
  store i32 %22, ptr %s1
  store double %24, ptr %s2
  br label %b2
c7:
  call void @raise_exception(ptr %vmctx, ptr %7)
  unreachable
b4:
  br label %b3
b3:
  br label %t8
b2:
  %26 = load i32, ptr %s1
  %27 = load double, ptr %s2
  %result.first = insertvalue { i32, double } poison, i32 %26, 0
  %result = insertvalue { i32, double } %result.first, double %27, 1
  ret { i32, double } %result
t8:
  call void @raise_trap(ptr %vmctx, i32 9) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden { i32, double } @f2(ptr %vmctx) #2 align 4 {
  %s0 = alloca ptr
  %s1 = alloca i32
  %s2 = alloca double
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %1 = getelementptr i8, ptr %vmctx, i64 32
  %2 = load ptr, ptr %1
  %builtin3.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin3.table = load ptr, ptr %builtin3.table.at
  %builtin3.at = getelementptr i8, ptr %builtin3.table, i64 80
  %builtin3 = load ptr, ptr %builtin3.at
  %4 = call ptr %builtin3(ptr %vmctx, ptr %2, i64 112)
  %5 = getelementptr i8, ptr %4, i64 80
  store i32 1, ptr %5
  %6 = getelementptr i8, ptr %4, i64 96
  store double 0x4000000000000000, ptr %6
  store ptr %4, ptr %s0
  br label %d4
d4:
  %7 = load ptr, ptr %s0
  %8 = getelementptr i8, ptr %7, i64 40
  %9 = load volatile ptr, ptr %8
  %10 = getelementptr i8, ptr %vmctx, i64 32
  %11 = load ptr, ptr %10
  %12 = icmp eq ptr %9, %11
  br i1 %12, label %13, label %c5
13:
  %14 = getelementptr i8, ptr %7, i64 80
  %15 = load volatile i32, ptr %14
  %16 = getelementptr i8, ptr %7, i64 96
  %17 = load volatile double, ptr %16
  %builtin18.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin18.table = load ptr, ptr %builtin18.table.at
  %builtin18.at = getelementptr i8, ptr %builtin18.table, i64 96
  %builtin18 = load ptr, ptr %builtin18.at
  call void %builtin18(ptr %7)
  store i32 %15, ptr %s1
  store double %17, ptr %s2
  br label %b2
c5:
  call void @raise_exception(ptr %vmctx, ptr %7)
  unreachable
b2:
  %19 = load i32, ptr %s1
  %20 = load double, ptr %s2
  %result.first = insertvalue { i32, double } poison, i32 %19, 0
  %result = insertvalue { i32, double } %result.first, double %20, 1
  ret { i32, double } %result
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden i64 @f3(ptr %vmctx) #2 align 4 personality ptr @personality {
  %s0 = alloca ptr
  %s1 = alloca i64
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  br label %1
1:
  invoke void @f0(ptr %vmctx, i32 7) to label %3 unwind label %l4
3:
  br label %b3
l4:
  %4 = landingpad { ptr, i32 } cleanup
  %5 = extractvalue { ptr, i32 } %4, 0
  store ptr %5, ptr %s0
  br label %d4
d4:
  %6 = load ptr, ptr %s0
  %builtin7.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin7.table = load ptr, ptr %builtin7.table.at
  %builtin7.at = getelementptr i8, ptr %builtin7.table, i64 88
  %builtin7 = load ptr, ptr %builtin7.at
  %8 = call i64 %builtin7(ptr %vmctx, ptr %6)
  store i64 %8, ptr %s1
  br label %b2
b3:
  br label %t5
b2:
  %9 = load i64, ptr %s1
  ret i64 %9
t5:
  call void @raise_trap(ptr %vmctx, i32 9) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden void @f4(ptr %vmctx, i64 %p0) #2 align 4 {
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = icmp eq i64 %p0, 0
  br i1 %2, label %t2, label %3
3:
  %4 = inttoptr i64 %p0 to ptr
  %5 = getelementptr i8, ptr %4, i64 16
  store volatile i64 0, ptr %5
  call void @raise_exception(ptr %vmctx, ptr %4)
  unreachable
t2:
  call void @raise_trap(ptr %vmctx, i32 13) #1
  unreachable
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden i32 @f5(ptr %vmctx) #2 align 4 personality ptr @personality {
  %s0 = alloca ptr
  %s1 = alloca i32
  %s2 = alloca ptr
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  br label %1
1:
  invoke void @f0(ptr %vmctx, i32 1) to label %3 unwind label %l3
3:
  store i32 2, ptr %s1
  br label %b2
c4:
  %4 = load ptr, ptr %s2
  %builtin5.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin5.table = load ptr, ptr %builtin5.table.at
  %builtin5.at = getelementptr i8, ptr %builtin5.table, i64 88
  %builtin5 = load ptr, ptr %builtin5.at
  %6 = call i64 %builtin5(ptr %vmctx, ptr %4)
  store i32 3, ptr %s1
  br label %b2
c5:
  %7 = load ptr, ptr %s2
  %builtin8.table.at = getelementptr i8, ptr %vmctx, i64 8
  %builtin8.table = load ptr, ptr %builtin8.table.at
  %builtin8.at = getelementptr i8, ptr %builtin8.table, i64 88
  %builtin8 = load ptr, ptr %builtin8.at
  %9 = call i64 %builtin8(ptr %vmctx, ptr %7)
  %10 = load ptr, ptr %s2
  %11 = getelementptr i8, ptr %10, i64 16
  store volatile i64 0, ptr %11
  call void @raise_exception(ptr %vmctx, ptr %10)
  unreachable
l3:
  %12 = landingpad { ptr, i32 } cleanup
  %13 = extractvalue { ptr, i32 } %12, 0
  store ptr %13, ptr %s0
  br label %d3
d3:
  %14 = load ptr, ptr %s0
  store ptr %14, ptr %s2
  %15 = getelementptr i8, ptr %14, i64 40
  %16 = load volatile ptr, ptr %15
  %17 = getelementptr i8, ptr %vmctx, i64 40
  %18 = load ptr, ptr %17
  %19 = icmp eq ptr %16, %18
  br i1 %19, label %c4, label %20
20:
  br label %c5
b2:
  %21 = load i32, ptr %s1
  ret i32 %21
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
