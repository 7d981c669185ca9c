;; Up to two results return in registers, more through the store's result area; blocks take parameters.
(module
  (func $pair (export "pair") (param $x i32) (result i32 i64)
    (local.get $x) (i64.extend_i32_s (local.get $x)))
  (func $triple (export "triple") (param $x f32) (result f32 f32 i32)
    (local.get $x) (f32.neg (local.get $x)) (i32.const 3))
  (func (export "sum") (param $x i32) (result f32)
    (call $pair (local.get $x))
    (block $rest (param i32 i64) (result i32)
      (drop))
    (call $triple (f32.convert_i32_s))
    (drop)
    (f32.add)))
