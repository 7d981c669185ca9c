;; A table of branches is a switch; each target that carries a value has a slot.
(module
  (func (export "choose") (param $case i32) (result i32)
    (block $two (result i32)
      (block $one (result i32)
        (block $zero
          (block $other
            (br_table $zero $other (local.get $case)))
          (br $two (i32.const 99)))
        (br_table $one $two (i32.const 10) (local.get $case)))
      (i32.add (i32.const 1)))))
