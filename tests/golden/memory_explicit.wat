;; tunables: memory_reservation=0 memory_guard_size=0
;; Without a reservation every access compares its index with the memory's length.
(module
  (memory 1)
  (func (export "load") (param $at i32) (result i32)
    (i32.load offset=16 (local.get $at)))
  (func (export "store") (param $at i32) (param $value i64)
    (i64.store8 offset=3 (local.get $at) (local.get $value))))
