;; A WASI command that prints the Mandelbrot set: 78 columns, 31 rows, one character a point.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  ;; 0: an iovec (the row's address and length), 8: bytes written, 16: the shades, 64: the row.
  (data (i32.const 0) "\40\00\00\00\4f\00\00\00")
  (data (i32.const 16) " .,:;=+*#%@")

  ;; How many steps, at most 120, the point x + yi stays within 2 of 0.
  (func $steps (param $x f64) (param $y f64) (result i32)
    (local $a f64) (local $b f64) (local $aa f64) (local $bb f64) (local $n i32)
    (block $escaped
      (loop $step
        (local.set $aa (f64.mul (local.get $a) (local.get $a)))
        (local.set $bb (f64.mul (local.get $b) (local.get $b)))
        (br_if $escaped
          (f64.gt (f64.add (local.get $aa) (local.get $bb)) (f64.const 4)))
        (local.set $b
          (f64.add
            (f64.mul (f64.mul (f64.const 2) (local.get $a)) (local.get $b))
            (local.get $y)))
        (local.set $a
          (f64.add (f64.sub (local.get $aa) (local.get $bb)) (local.get $x)))
        (br_if $step
          (i32.lt_u
            (local.tee $n (i32.add (local.get $n) (i32.const 1)))
            (i32.const 120)))))
    (local.get $n))

  (func $shade (param $n i32) (result i32)
    (i32.load8_u offset=16
      (if (result i32) (i32.ge_u (local.get $n) (i32.const 120))
        (then (i32.const 10))
        (else (i32.rem_u (local.get $n) (i32.const 10))))))

  (func (export "_start") (local $row i32) (local $column i32)
    (loop $rows
      (local.set $column (i32.const 0))
      (loop $columns
        (i32.store8 offset=64
          (local.get $column)
          (call $shade
            (call $steps
              (f64.sub
                (f64.div (f64.convert_i32_u (local.get $column)) (f64.const 28))
                (f64.const 2.1))
              (f64.sub
                (f64.div (f64.convert_i32_u (local.get $row)) (f64.const 13))
                (f64.const 1.1538461538461537)))))
        (br_if $columns
          (i32.lt_u
            (local.tee $column (i32.add (local.get $column) (i32.const 1)))
            (i32.const 78))))
      (i32.store8 offset=64 (local.get $column) (i32.const 10))
      (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 1))))
      (br_if $rows
        (i32.lt_u
          (local.tee $row (i32.add (local.get $row) (i32.const 1)))
          (i32.const 31))))))
