;; Locals are slots of the frame that start as zero; select needs no branch.
(module
  (global $count (mut i64) (i64.const 0))
  (func (export "larger") (param $x i32) (param $y i32) (result i32)
    (local $zero i32)
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (select
      (local.tee $x (i32.add (local.get $x) (local.get $zero)))
      (local.get $y)
      (i32.gt_s (local.get $x) (local.get $y)))))
