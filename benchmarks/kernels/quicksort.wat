;; Unpredictable branches, i32 loads and stores, recursion: sorts n pseudo-random integers,
;; n at most 4 Mi. run(n) = sum of a[i] * (i + 1) over the sorted array, or -1 if it is not sorted.
(module
  (memory 256)
  (func $sort (param $low i32) (param $high i32)
    (local $i i32) (local $j i32) (local $pivot i32) (local $x i32) (local $y i32)
    (loop $again
      (if (i32.ge_u (local.get $low) (local.get $high)) (then (return)))
      (local.set $pivot
        (i32.load
          (i32.and
            (i32.add
              (local.get $low)
              (i32.shr_u (i32.sub (local.get $high) (local.get $low)) (i32.const 1)))
            (i32.const -4))))
      (local.set $i (local.get $low))
      (local.set $j (local.get $high))
      (block $parted
        (loop $part
          (loop $left
            (if (i32.lt_s (local.tee $x (i32.load (local.get $i))) (local.get $pivot))
              (then
                (local.set $i (i32.add (local.get $i) (i32.const 4)))
                (br $left))))
          (loop $right
            (if (i32.gt_s (local.tee $y (i32.load (local.get $j))) (local.get $pivot))
              (then
                (local.set $j (i32.sub (local.get $j) (i32.const 4)))
                (br $right))))
          (br_if $parted (i32.ge_u (local.get $i) (local.get $j)))
          (i32.store (local.get $i) (local.get $y))
          (i32.store (local.get $j) (local.get $x))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (local.set $j (i32.sub (local.get $j) (i32.const 4)))
          (br $part)))
      (call $sort (local.get $low) (local.get $j))
      (local.set $low (i32.add (local.get $j) (i32.const 4)))
      (br $again)))
  (func (export "run") (param $n i32) (result i64)
    (local $p i32) (local $end i32) (local $x i32) (local $last i32) (local $sum i64)
    ;; The array starts at 4, so that the index to the left of it is still an address.
    (local.set $end (i32.add (i32.shl (local.get $n) (i32.const 2)) (i32.const 4)))
    (local.set $p (i32.const 4))
    (local.set $x (i32.const 12345))
    (loop $fill
      (local.set $x
        (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
      (i32.store
        (local.get $p)
        (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 15))))
      (br_if $fill
        (i32.lt_u
          (local.tee $p (i32.add (local.get $p) (i32.const 4)))
          (local.get $end))))
    (call $sort (i32.const 4) (i32.sub (local.get $end) (i32.const 4)))
    (local.set $last (i32.const 0x80000000))
    (local.set $p (i32.const 4))
    (loop $check
      (if (i32.lt_s (local.tee $x (i32.load (local.get $p))) (local.get $last))
        (then (return (i64.const -1))))
      (local.set $last (local.get $x))
      (local.set $sum
        (i64.add
          (local.get $sum)
          (i64.mul
            (i64.extend_i32_s (local.get $x))
            (i64.extend_i32_u (i32.shr_u (local.get $p) (i32.const 2))))))
      (br_if $check
        (i32.lt_u
          (local.tee $p (i32.add (local.get $p) (i32.const 4)))
          (local.get $end))))
    (local.get $sum)))
