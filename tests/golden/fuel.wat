;; tunables: consume_fuel=1
(module
  (import "" "h" (func $h))
  (memory 1)
  (table 1 funcref)
  (func $blocks (param i32) (result i32)
    (block
      (br_if 0 (local.get 0))
      (local.set 0 (i32.const 1))
      (br_if 0 (local.get 0))
      (local.set 0 (i32.const 2)))
    (if (local.get 0)
      (then (nop)))
    (if (local.get 0)
      (then (call $h) (local.set 0 (i32.const 3)))
      (else (return (local.get 0))))
    (loop
      (br_if 0 (i32.eqz (local.get 0))))
    (block
      (block
        (br_table 0 1 0 (local.get 0)))
      (unreachable))
    (local.get 0))
  (func $computes (param i64 i64) (result i64)
    (i64.mul (local.get 0) (i64.rotl (local.get 1) (i64.const 7))))
  (func $bulk (param i32)
    (memory.copy (i32.const 0) (local.get 0) (i32.const 8))
    (drop (table.grow (ref.null func) (local.get 0)))))
