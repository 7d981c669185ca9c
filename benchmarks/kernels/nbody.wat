;; f64 with square roots and divisions: five bodies under gravity, n steps of 1/1024.
;; A body is x y z vx vy vz mass, 56 bytes apart from 0. run(n) = kinetic energy at the end.
(module
  (memory 1)
  (func $body (param $p i32) (param $x f64) (param $y f64) (param $z f64) (param $v f64) (param $m f64)
    (f64.store (local.get $p) (local.get $x))
    (f64.store offset=8 (local.get $p) (local.get $y))
    (f64.store offset=16 (local.get $p) (local.get $z))
    (f64.store offset=24 (local.get $p) (local.get $v))
    (f64.store offset=32 (local.get $p) (f64.neg (local.get $v)))
    (f64.store offset=40 (local.get $p) (f64.mul (local.get $v) (f64.const 0.125)))
    (f64.store offset=48 (local.get $p) (local.get $m)))
  (func $pull (param $i i32) (param $j i32)
    (local $dx f64) (local $dy f64) (local $dz f64) (local $d2 f64) (local $k f64) (local $m f64)
    (local.set $dx (f64.sub (f64.load (local.get $i)) (f64.load (local.get $j))))
    (local.set $dy (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j))))
    (local.set $dz (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j))))
    (local.set $d2
      (f64.add
        (f64.mul (local.get $dx) (local.get $dx))
        (f64.add
          (f64.mul (local.get $dy) (local.get $dy))
          (f64.mul (local.get $dz) (local.get $dz)))))
    (local.set $k
      (f64.div (f64.const 0x1p-10) (f64.mul (local.get $d2) (f64.sqrt (local.get $d2)))))
    (local.set $m (f64.mul (local.get $k) (f64.load offset=48 (local.get $j))))
    (f64.store offset=24 (local.get $i)
      (f64.sub (f64.load offset=24 (local.get $i)) (f64.mul (local.get $dx) (local.get $m))))
    (f64.store offset=32 (local.get $i)
      (f64.sub (f64.load offset=32 (local.get $i)) (f64.mul (local.get $dy) (local.get $m))))
    (f64.store offset=40 (local.get $i)
      (f64.sub (f64.load offset=40 (local.get $i)) (f64.mul (local.get $dz) (local.get $m))))
    (local.set $m (f64.mul (local.get $k) (f64.load offset=48 (local.get $i))))
    (f64.store offset=24 (local.get $j)
      (f64.add (f64.load offset=24 (local.get $j)) (f64.mul (local.get $dx) (local.get $m))))
    (f64.store offset=32 (local.get $j)
      (f64.add (f64.load offset=32 (local.get $j)) (f64.mul (local.get $dy) (local.get $m))))
    (f64.store offset=40 (local.get $j)
      (f64.add (f64.load offset=40 (local.get $j)) (f64.mul (local.get $dz) (local.get $m)))))
  (func $move (param $p i32)
    (f64.store (local.get $p)
      (f64.add
        (f64.load (local.get $p))
        (f64.mul (f64.const 0x1p-10) (f64.load offset=24 (local.get $p)))))
    (f64.store offset=8 (local.get $p)
      (f64.add
        (f64.load offset=8 (local.get $p))
        (f64.mul (f64.const 0x1p-10) (f64.load offset=32 (local.get $p)))))
    (f64.store offset=16 (local.get $p)
      (f64.add
        (f64.load offset=16 (local.get $p))
        (f64.mul (f64.const 0x1p-10) (f64.load offset=40 (local.get $p))))))
  (func $kinetic (param $p i32) (result f64)
    (f64.mul
      (f64.mul (f64.const 0.5) (f64.load offset=48 (local.get $p)))
      (f64.add
        (f64.mul (f64.load offset=24 (local.get $p)) (f64.load offset=24 (local.get $p)))
        (f64.add
          (f64.mul (f64.load offset=32 (local.get $p)) (f64.load offset=32 (local.get $p)))
          (f64.mul (f64.load offset=40 (local.get $p)) (f64.load offset=40 (local.get $p)))))))
  (func (export "run") (param $n i32) (result f64)
    (local $i i32) (local $j i32) (local $energy f64)
    (call $body (i32.const 0)
      (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 40))
    (call $body (i32.const 56)
      (f64.const 4.8) (f64.const -1.2) (f64.const -0.1) (f64.const 0.6) (f64.const 0.04))
    (call $body (i32.const 112)
      (f64.const 8.3) (f64.const 4.1) (f64.const -0.4) (f64.const -1.0) (f64.const 0.01))
    (call $body (i32.const 168)
      (f64.const 12.9) (f64.const -15.1) (f64.const -0.2) (f64.const 1.1) (f64.const 0.002))
    (call $body (i32.const 224)
      (f64.const 15.4) (f64.const -25.9) (f64.const 0.2) (f64.const 1.0) (f64.const 0.002))
    (loop $step
      (local.set $i (i32.const 0))
      (loop $outer
        (local.set $j (i32.add (local.get $i) (i32.const 56)))
        (loop $inner
          (call $pull (local.get $i) (local.get $j))
          (br_if $inner
            (i32.lt_u
              (local.tee $j (i32.add (local.get $j) (i32.const 56)))
              (i32.const 280))))
        (br_if $outer
          (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 56)))
            (i32.const 224))))
      (local.set $i (i32.const 0))
      (loop $moves
        (call $move (local.get $i))
        (br_if $moves
          (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 56)))
            (i32.const 280))))
      (br_if $step (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $i (i32.const 0))
    (loop $sum
      (local.set $energy (f64.add (local.get $energy) (call $kinetic (local.get $i))))
      (br_if $sum
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 56)))
          (i32.const 280))))
    (local.get $energy)))
