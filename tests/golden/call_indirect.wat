;; An indirect call checks the index, that there is a function, and its type.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (table $functions 2 2 funcref)
  (elem (table $functions) (i32.const 0) func $add $subtract)
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $subtract (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func (export "apply") (param $which i32) (result i32)
    (call_indirect $functions (type $binary) (i32.const 5) (i32.const 3) (local.get $which))))
