target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 align 4 {
  %s0 = alloca i32
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = icmp eq i32 %p0, 0
  br i1 %2, label %4, label %e2
4:
  store i32 1, ptr %s0
  br label %b2
e2:
  %5 = sub i32 %p0, 1
  %6 = call i32 @f2(ptr %vmctx, i32 %5)
  store i32 %6, ptr %s0
  br label %b2
b2:
  %7 = load i32, ptr %s0
  ret i32 %7
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden i32 @f2(ptr %vmctx, i32 %p0) #0 align 4 {
  %s0 = alloca i32
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = icmp eq i32 %p0, 0
  br i1 %2, label %4, label %e2
4:
  store i32 0, ptr %s0
  br label %b1
e2:
  %5 = sub i32 %p0, 1
  %6 = call i32 @f1(ptr %vmctx, i32 %5)
  store i32 %6, ptr %s0
  br label %b1
b1:
  %7 = load i32, ptr %s0
  ret i32 %7
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden void @f3(ptr %vmctx, i32 %p0) #0 align 4 {
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = call i32 @f1(ptr %vmctx, i32 %p0)
  %3 = getelementptr i8, ptr %vmctx, i64 24
  %4 = load ptr, ptr %3
  %5 = getelementptr i8, ptr %vmctx, i64 32
  %6 = load ptr, ptr %5
  %7 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %7
  call void %4(ptr %6, i32 %2)
  ret void
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
