;; What LLVM folds without quieting a NaN, and what FastISel does not select.
(module
  (func (param f64) (result f64) (local f64)
    (f64.mul (f64.add (local.get 1) (local.get 0)) (f64.const 1)))
  (func (param f32) (result f32) (f32.demote_f64 (f64.promote_f32 (f32.abs (local.get 0)))))
  (func (result f32) (f32.add (f32.const 2) (f32.const 3)))
  (func (param i32 i64) (result f64)
    (f64.add (f64.convert_i32_u (local.get 0)) (f64.convert_i64_u (local.get 1)))))
