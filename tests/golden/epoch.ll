target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden void @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %1 = alloca i32
  store i32 %p0, ptr %1
  %store = load ptr, ptr %vmctx
  %epoch.at = getelementptr i8, ptr %store, i64 80
  %epoch = load ptr, ptr %epoch.at
  %2 = load volatile i64, ptr %epoch
  %3 = getelementptr i8, ptr %store, i64 88
  %4 = load i64, ptr %3
  %5 = icmp uge i64 %2, %4
  br i1 %5, label %t2, label %6
6:
  br label %b3
b3:
  %18 = load volatile i64, ptr %epoch
  %19 = getelementptr i8, ptr %store, i64 88
  %20 = load i64, ptr %19
  %21 = icmp uge i64 %18, %20
  br i1 %21, label %t4, label %22
22:
  %23 = load i32, ptr %1
  %24 = sub i32 %23, 1
  store i32 %24, ptr %1
  %25 = icmp ne i32 %24, 0
  br i1 %25, label %b3, label %26
26:
  ret void
t2:
  call void @raise_trap(ptr %vmctx, i32 10) #1
  unreachable
t4:
  call void @raise_trap(ptr %vmctx, i32 10) #1
  unreachable
}
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %epoch.at = getelementptr i8, ptr %store, i64 80
  %epoch = load ptr, ptr %epoch.at
  %18 = add i32 %p0, 1
  %19 = load volatile i64, ptr %epoch
  %20 = getelementptr i8, ptr %store, i64 88
  %21 = load i64, ptr %20
  %22 = icmp uge i64 %19, %21
  br i1 %22, label %t2, label %23
23:
  ret i32 %18
t2:
  call void @raise_trap(ptr %vmctx, i32 10) #1
  unreachable
}
