;; Streaming i64 loads, multiplies and rotates: a four-lane hash over one MiB, n times over.
(module
  (memory 16)
  (func $round (param $lane i64) (param $word i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add
          (local.get $lane)
          (i64.mul (local.get $word) (i64.const 0x9e3779b97f4a7c15)))
        (i64.const 27))
      (i64.const 0xd6e8feb86659fd93)))
  (func $fill
    (local $p i32) (local $x i64)
    (local.set $x (i64.const 0x2545f4914f6cdd1d))
    (loop $next
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
      (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
      (i64.store (local.get $p) (local.get $x))
      (br_if $next
        (i32.lt_u
          (local.tee $p (i32.add (local.get $p) (i32.const 8)))
          (i32.const 0x100000)))))
  (func (export "run") (param $n i32) (result i64)
    (local $p i32) (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (call $fill)
    (local.set $a (i64.const 1))
    (local.set $b (i64.const 2))
    (local.set $c (i64.const 3))
    (local.set $d (i64.const 4))
    (loop $pass
      (local.set $p (i32.const 0))
      (loop $stripe
        (local.set $a (call $round (local.get $a) (i64.load (local.get $p))))
        (local.set $b (call $round (local.get $b) (i64.load offset=8 (local.get $p))))
        (local.set $c (call $round (local.get $c) (i64.load offset=16 (local.get $p))))
        (local.set $d (call $round (local.get $d) (i64.load offset=24 (local.get $p))))
        (br_if $stripe
          (i32.lt_u
            (local.tee $p (i32.add (local.get $p) (i32.const 32)))
            (i32.const 0x100000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.xor
      (i64.add (local.get $a) (i64.rotl (local.get $b) (i64.const 12)))
      (i64.sub (local.get $c) (i64.rotr (local.get $d) (i64.const 29))))))
