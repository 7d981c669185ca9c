;; tunables: table_lazy_init=1
;; A table of functions may be pending: an index that misses it makes a detour. No other table ever is.
(module
  (type $callee (func (result i32)))
  (table $functions 2 funcref)
  (table $values 2 externref)
  (elem (i32.const 0) $zero)
  (func $zero (result i32) (i32.const 0))
  (func (export "call") (param $at i32) (result i32)
    (call_indirect $functions (type $callee) (local.get $at)))
  (func (export "get") (param $at i32) (result externref)
    (table.get $values (local.get $at)))
  (func (export "size") (result i32) (table.size $functions)))
