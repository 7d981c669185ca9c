target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 {
  %s0 = alloca i32
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
  %1 = icmp eq i32 %p0, 0
  br i1 %1, label %i2, label %e2
i2:
  store i32 1, ptr %s0
  br label %b2
e2:
  %3 = sub i32 %p0, 1
  %4 = call i32 @f2(ptr %vmctx, i32 %3)
  store i32 %4, ptr %s0
  br label %b2
b2:
  %5 = load i32, ptr %s0
  ret i32 %5
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden i32 @f2(ptr %vmctx, i32 %p0) #0 {
  %s0 = alloca i32
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
  %1 = icmp eq i32 %p0, 0
  br i1 %1, label %i2, label %e2
i2:
  store i32 0, ptr %s0
  br label %b1
e2:
  %3 = sub i32 %p0, 1
  %4 = call i32 @f1(ptr %vmctx, i32 %3)
  store i32 %4, ptr %s0
  br label %b1
b1:
  %5 = load i32, ptr %s0
  ret i32 %5
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
define hidden void @f3(ptr %vmctx, i32 %p0) #0 {
  %store.at = getelementptr i8, ptr %vmctx, i64 0
  %store = load ptr, ptr %store.at, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %frame.address = ptrtoint ptr %frame to i64
  %frame.end = sub i64 %frame.address, 80
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load i64, ptr %limit.at
  %overflow = icmp ult i64 %frame.end, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %1 = call i32 @f1(ptr %vmctx, i32 %p0)
  %2 = getelementptr i8, ptr %vmctx, i64 24
  %3 = load ptr, ptr %2, !invariant.load !0
  %4 = getelementptr i8, ptr %vmctx, i64 32
  %5 = load ptr, ptr %4, !invariant.load !0
  %6 = getelementptr i8, ptr %store, i64 16
  store ptr %vmctx, ptr %6
  call void %3(ptr %5, i32 %1)
  ret void
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1
  unreachable
}
