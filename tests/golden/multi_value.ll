target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden { i32, i64 } @f0(ptr %vmctx, i32 %p0) #0 {
  %1 = sext i32 %p0 to i64
  %result.first = insertvalue { i32, i64 } poison, i32 %p0, 0
  %result = insertvalue { i32, i64 } %result.first, i64 %1, 1
  ret { i32, i64 } %result
}
define hidden void @f1(ptr %vmctx, float %p0) #0 {
  %store.at = getelementptr i8, ptr %vmctx, i64 0
  %store = load ptr, ptr %store.at, !invariant.load !0
  %1 = fneg float %p0
  %2 = getelementptr i8, ptr %store, i64 24
  %3 = load ptr, ptr %2, !invariant.load !0
  %4 = getelementptr i8, ptr %3, i64 0
  store float %p0, ptr %4
  %5 = getelementptr i8, ptr %3, i64 16
  store float %1, ptr %5
  %6 = getelementptr i8, ptr %3, i64 32
  store i32 3, ptr %6
  ret void
}
define hidden float @f2(ptr %vmctx, i32 %p0) #0 {
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
  %1 = call { i32, i64 } @f0(ptr %vmctx, i32 %p0)
  %2 = extractvalue { i32, i64 } %1, 0
  %3 = extractvalue { i32, i64 } %1, 1
  %4 = sitofp i32 %2 to float
  call void @f1(ptr %vmctx, float %4)
  %5 = getelementptr i8, ptr %store, i64 24
  %6 = load ptr, ptr %5, !invariant.load !0
  %7 = getelementptr i8, ptr %6, i64 0
  %8 = load float, ptr %7
  %9 = getelementptr i8, ptr %6, i64 16
  %10 = load float, ptr %9
  %11 = getelementptr i8, ptr %6, i64 32
  %12 = load i32, ptr %11
  %13 = fadd float %8, %10
  ret float %13
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
