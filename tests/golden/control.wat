;; Blocks are labels; what a branch carries to one travels through a slot.
(module
  (func (export "factorial") (param $n i64) (result i64)
    (local $product i64)
    (local.set $product (i64.const 1))
    (block $done
      (loop $again
        (br_if $done (i64.eqz (local.get $n)))
        (local.set $product (i64.mul (local.get $product) (local.get $n)))
        (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (br $again)))
    (local.get $product))
  (func (export "first_positive") (param $x i32) (param $y i32) (result i32)
    (block $found (result i32)
      (drop (br_if $found (local.get $x) (i32.gt_s (local.get $x) (i32.const 0))))
      (drop (br_if $found (local.get $y) (i32.gt_s (local.get $y) (i32.const 0))))
      (i32.const -1))))
