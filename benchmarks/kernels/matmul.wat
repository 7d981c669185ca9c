;; f64 multiply and add over memory: C = A * B for square matrices of side n, n at most 512.
;; A[i][j] = (i + 2j) mod 7 - 3, B[i][j] = (3i + j) mod 5 - 2; run(n) = sum of C[i][j] * (1 + i xor j).
(module
  (memory 97)
  (func $address (param $base i32) (param $n i32) (param $i i32) (param $j i32) (result i32)
    (i32.add
      (local.get $base)
      (i32.shl
        (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $j))
        (i32.const 3))))
  (func (export "run") (param $n i32) (result f64)
    (local $a i32) (local $b i32) (local $c i32)
    (local $i i32) (local $j i32) (local $k i32)
    (local $row i32) (local $column i32) (local $stride i32)
    (local $sum f64) (local $total f64)
    (local.set $a (i32.const 0))
    (local.set $b (i32.const 0x200000))
    (local.set $c (i32.const 0x400000))
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (loop $fill_rows
      (local.set $j (i32.const 0))
      (loop $fill
        (f64.store
          (call $address (local.get $a) (local.get $n) (local.get $i) (local.get $j))
          (f64.convert_i32_s
            (i32.sub
              (i32.rem_u
                (i32.add (local.get $i) (i32.shl (local.get $j) (i32.const 1)))
                (i32.const 7))
              (i32.const 3))))
        (f64.store
          (call $address (local.get $b) (local.get $n) (local.get $i) (local.get $j))
          (f64.convert_i32_s
            (i32.sub
              (i32.rem_u
                (i32.add (i32.mul (local.get $i) (i32.const 3)) (local.get $j))
                (i32.const 5))
              (i32.const 2))))
        (br_if $fill
          (i32.lt_u
            (local.tee $j (i32.add (local.get $j) (i32.const 1)))
            (local.get $n))))
      (br_if $fill_rows
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $sum (f64.const 0))
        (local.set $row (call $address (local.get $a) (local.get $n) (local.get $i) (i32.const 0)))
        (local.set $column (call $address (local.get $b) (local.get $n) (i32.const 0) (local.get $j)))
        (local.set $k (local.get $n))
        (loop $inner
          (local.set $sum
            (f64.add
              (local.get $sum)
              (f64.mul (f64.load (local.get $row)) (f64.load (local.get $column)))))
          (local.set $row (i32.add (local.get $row) (i32.const 8)))
          (local.set $column (i32.add (local.get $column) (local.get $stride)))
          (br_if $inner (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (f64.store
          (call $address (local.get $c) (local.get $n) (local.get $i) (local.get $j))
          (local.get $sum))
        (local.set $total
          (f64.add
            (local.get $total)
            (f64.mul
              (local.get $sum)
              (f64.convert_i32_u
                (i32.add
                  (i32.xor (local.get $i) (local.get $j))
                  (i32.const 1))))))
        (br_if $columns
          (i32.lt_u
            (local.tee $j (i32.add (local.get $j) (i32.const 1)))
            (local.get $n))))
      (br_if $rows
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (local.get $n))))
    (local.get $total)))
