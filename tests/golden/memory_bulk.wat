;; The size is a field; whatever works on ranges is a builtin that checks them.
(module
  (memory $a 1 4)
  (memory $b 1)
  (data $text "text")
  (func (export "fill") (param $at i32)
    (memory.fill $a (local.get $at) (i32.const 32) (i32.const 8))
    (memory.copy $b $a (local.get $at) (i32.const 0) (i32.const 8))
    (memory.init $b $text (i32.const 0) (i32.const 1) (i32.const 2))
    (data.drop $text))
  (func (export "grow") (result i32)
    (i32.add (memory.grow $a (i32.const 1)) (memory.size $a))))
