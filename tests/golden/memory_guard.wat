;; With guard pages an index needs no comparison, whatever its offset below the guard's size.
(module
  (memory 1)
  (func (export "load") (param $at i32) (result i32)
    (i32.load offset=16 (local.get $at)))
  (func (export "store") (param $at i32) (param $value i64)
    (i64.store8 offset=3 (local.get $at) (local.get $value)))
  (func (export "beyond_the_guard") (param $at i32) (result f64)
    (f64.load offset=4294967280 align=1 (local.get $at))))
