;; Every trap is one call that does not return; what stands behind it is not reached.
(module
  (func (export "unreachable") (param $x i32) (result i32)
    (if (local.get $x) (then (unreachable)))
    (i32.const 1))
  (func (export "remainder") (param $x i64) (param $y i64) (result i64)
    (i64.rem_u (local.get $x) (local.get $y)))
  (func (export "converted") (param $x f32) (result i32)
    (i32.trunc_f32_s (local.get $x)))
  (func (export "dead") (result i32)
    (return (i32.const 4))
    (i32.add (i32.const 1) (i32.const 2))))
