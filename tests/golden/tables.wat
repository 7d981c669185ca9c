;; References are integers: a table's element is loaded and stored after a comparison of the index.
(module
  (table $values 3 externref)
  (table $functions 1 funcref)
  (elem declare func $swap)
  (func $swap (export "swap") (param $at i32) (param $value externref) (result externref)
    (table.get $values (local.get $at))
    (table.set $values (local.get $at) (local.get $value)))
  (func (export "remember") (result i32)
    (table.set $functions (i32.const 0) (ref.func $swap))
    (ref.is_null (table.get $functions (i32.const 0))))
  (func (export "grow") (param $value externref) (result i32)
    (table.grow $values (local.get $value) (i32.const 1))))
