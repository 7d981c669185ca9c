target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
attributes #0 = { nounwind optsize "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 align 4 !pcsections !{!"fn", !{i32 38}} {
  %2 = icmp eq i32 %p0, 0
  br i1 %2, label %t2, label %3
3:
  %4 = udiv i32 100, %p0
  ret i32 %4
t2:
  call void @raise_trap(ptr %vmctx, i32 7) #1, !pcsections !{!"pc", !{i32 44}}
  unreachable
}
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 align 4 !pcsections !{!"fn", !{i32 47}} {
  %store = load ptr, ptr %vmctx
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body
body:
  %2 = add i32 %p0, 1
  %3 = call i32 @f0(ptr %vmctx, i32 %2), !pcsections !{!"pc", !{i32 53}}
  ret i32 %3
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1, !pcsections !{!"pc", !{i32 47}}
  unreachable
}
