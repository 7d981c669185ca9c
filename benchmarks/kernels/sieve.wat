;; Byte stores with a stride: the sieve of Eratosthenes below n, n at most 16 MiB.
;; run(n) = (number of primes below n) * 65521 + (largest prime below n) mod 65521.
(module
  (memory 256)
  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $count i32) (local $last i32)
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (if (i32.eqz (i32.load8_u (local.get $i)))
          (then
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (local.set $last (local.get $i))
            (if (i32.le_u (local.get $i) (i32.const 4096))
              (then
                (local.set $j (i32.mul (local.get $i) (local.get $i)))
                (block $marked
                  (loop $mark
                    (br_if $marked (i32.ge_u (local.get $j) (local.get $n)))
                    (i32.store8 (local.get $j) (i32.const 1))
                    (local.set $j (i32.add (local.get $j) (local.get $i)))
                    (br $mark)))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.add
      (i32.mul (local.get $count) (i32.const 65521))
      (i32.rem_u (local.get $last) (i32.const 65521)))))
