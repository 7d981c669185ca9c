;; Integers wrap, shifts take their count modulo the width, and division guards its traps.
(module
  (func (export "polynomial") (param $x i32) (result i32)
    (i32.add (i32.mul (local.get $x) (local.get $x)) (i32.const -7)))

  (func (export "shifts") (param $x i64) (param $by i64) (result i64)
    (i64.xor
      (i64.shl (local.get $x) (local.get $by))
      (i64.rotr (local.get $x) (i64.const 13))))

  (func (export "quotient") (param $x i32) (param $y i32) (result i32)
    (i32.div_s (local.get $x) (local.get $y)))

  (func (export "mean") (param $x f64) (param $y f64) (result f64)
    (f64.div (f64.add (local.get $x) (local.get $y)) (f64.const 2)))

  (func (export "less") (param $x f32) (param $y f32) (result i32)
    (f32.lt (f32.min (local.get $x) (local.get $y)) (f32.const nan:0x200000)))

  (func (export "truncated") (param $x f64) (result i64)
    (i64.extend_i32_u (i32.trunc_sat_f64_u (local.get $x)))))
