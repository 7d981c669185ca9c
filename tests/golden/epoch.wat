;; tunables: epoch_interruption=1
(module
  (func (param i32)
    (loop
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1))))
