;; tunables: wasm_relaxed_simd_deterministic=1
(module
  (func (param v128) (result v128) (local v128)
    (f64x2.sub (f64x2.mul (local.get 0) (v128.const f64x2 1 1)) (local.get 1)))
  (func (param i32) (result v128) (local v128)
    (block (br_if 0 (local.get 0)) (local.set 1 (i32x4.splat (local.get 0))))
    (f32x4.add (local.get 1) (local.get 1)))
  (func (param v128 v128 v128) (result v128)
    (f32x4.relaxed_madd (local.get 0) (local.get 1) (f32x4.relaxed_min (local.get 1) (local.get 2)))))
