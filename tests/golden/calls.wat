;; A defined function is called by its symbol, an imported one through the instance.
(module
  (import "host" "log" (func $log (param i32)))
  (func $even (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n))
      (then (i32.const 1))
      (else (call $odd (i32.sub (local.get $n) (i32.const 1))))))
  (func $odd (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    (call $even (i32.sub (local.get $n) (i32.const 1))))
  (func (export "main") (param $n i32)
    (call $log (call $even (local.get $n)))))
