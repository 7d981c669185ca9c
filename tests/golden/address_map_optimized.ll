target triple = "x86_64-unknown-linux-gnu"
!0 = !{}
!1 = !{!"branch_weights", i32 1, i32 1000000}
!2 = !{!"branch_weights", i32 1000000, i32 1}
!llvm.dbg.cu = !{!3}
!llvm.module.flags = !{!6, !7}
!4 = !DIFile(filename: "wasm", directory: "")
!5 = !DISubroutineType(types: null)
!3 = distinct !DICompileUnit(language: DW_LANG_C, file: !4, emissionKind: DebugDirectivesOnly)
!6 = !{i32 2, !"Debug Info Version", i32 3}
!7 = !{i32 2, !"Dwarf Version", i32 4}
attributes #0 = { nounwind "frame-pointer"="all" "probe-stack"="inline-asm" "no-builtins" "target-cpu"="x86-64" "target-features"="+avx,+avx2,+bmi,+bmi2,+cmov,+crc32,+cx16,+cx8,+f16c,+fma,+fxsr,+lzcnt,+mmx,+movbe,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3,+xsave" }
attributes #1 = { cold nomerge noreturn nounwind }
declare hidden void @raise_trap(ptr, i32) #0
!8 = distinct !DISubprogram(name: "f0", file: !4, line: 38, type: !5, scopeLine: 38, spFlags: DISPFlagDefinition, unit: !3)
define hidden i32 @f0(ptr %vmctx, i32 %p0) #0 !dbg !8 {
  %2 = icmp eq i32 %p0, 0
  br i1 %2, label %t2, label %3, !prof !1
3:
  %4 = udiv i32 100, %p0
  ret i32 %4
t2:
  call void @raise_trap(ptr %vmctx, i32 7) #1, !dbg !DILocation(line: 44, scope: !8)
  unreachable
}
!9 = distinct !DISubprogram(name: "f1", file: !4, line: 47, type: !5, scopeLine: 47, spFlags: DISPFlagDefinition, unit: !3)
define hidden i32 @f1(ptr %vmctx, i32 %p0) #0 !dbg !9 {
  %store = load ptr, ptr %vmctx, !invariant.load !0
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit.at = getelementptr i8, ptr %store, i64 8
  %limit = load ptr, ptr %limit.at
  %overflow = icmp ult ptr %frame, %limit
  br i1 %overflow, label %t0, label %body, !prof !1
body:
  %2 = add i32 %p0, 1
  %3 = call i32 @f0(ptr %vmctx, i32 %2), !dbg !DILocation(line: 53, scope: !9)
  ret i32 %3
t0:
  call void @raise_trap(ptr %vmctx, i32 0) #1, !dbg !DILocation(line: 47, scope: !9)
  unreachable
}
