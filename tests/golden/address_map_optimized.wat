;; tunables: generate_address_map=1 wasm_backtrace=1
;; The offset of what traps or calls is kept as a line number.
(module
  (func $callee (param i32) (result i32) (i32.div_u (i32.const 100) (local.get 0)))
  (func (export "caller") (param i32) (result i32)
    (call $callee (i32.add (local.get 0) (i32.const 1)))))
