target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden { i32, i64 } @f0(ptr %vmctx, i32 %p0) #0 align 4 {
  %2 = sext i32 %p0 to i64
  %result.first = insertvalue { i32, i64 } poison, i32 %p0, 0
  %result = insertvalue { i32, i64 } %result.first, i64 %2, 1
  ret { i32, i64 } %result
}
define hidden void @f1(ptr %vmctx, float %p0) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %2 = fneg float %p0
  %3 = getelementptr i8, ptr %store, i64 24
  %4 = load ptr, ptr %3
  %5 = getelementptr i8, ptr %4, i64 0
  store float %p0, ptr %5
  %6 = getelementptr i8, ptr %4, i64 16
  store float %2, ptr %6
  %7 = getelementptr i8, ptr %4, i64 32
  store i32 3, ptr %7
  ret void
}
define hidden float @f2(ptr %vmctx, i32 %p0) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = call { i32, i64 } @f0(ptr %vmctx, i32 %p0)
  %3 = extractvalue { i32, i64 } %2, 0
  %4 = extractvalue { i32, i64 } %2, 1
  %5 = sitofp i32 %3 to float
  call void @f1(ptr %vmctx, float %5)
  %6 = getelementptr i8, ptr %store, i64 24
  %7 = load ptr, ptr %6
  %8 = getelementptr i8, ptr %7, i64 0
  %9 = load float, ptr %8
  %10 = getelementptr i8, ptr %7, i64 16
  %11 = load float, ptr %10
  %12 = getelementptr i8, ptr %7, i64 32
  %13 = load i32, ptr %12
  %14 = fadd float %9, %11
  ret float %14
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
