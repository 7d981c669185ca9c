;; An interpreter's main loop: br_table over a byte code, its operators by call_indirect.
;; The program computes, n times: x = op[k mod 4](x, k), for k from n down to 1, through a small
;; operand stack at 1024. run(n) = the last x.
;;
;;   0 push x   1 push k   2 operate (table entry: k mod 4)   3 pop x   4 decrement k
;;   5 jump to the start unless k is zero   6 halt
(module
  (type $operator (func (param i32 i32) (result i32)))
  (memory 1)
  (table 4 4 funcref)
  (elem (i32.const 0) $add $xor $mul $rot)
  (data (i32.const 0) "\00\01\02\03\04\05\06")
  (func $add (type $operator)
    (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 40503))))
  (func $xor (type $operator)
    (i32.xor (local.get 0) (i32.shl (local.get 1) (i32.const 7))))
  (func $mul (type $operator)
    (i32.add (i32.mul (local.get 0) (i32.const 69069)) (local.get 1)))
  (func $rot (type $operator)
    (i32.rotl (local.get 0) (local.get 1)))
  (func (export "run") (param $k i32) (result i32)
    (local $pc i32) (local $sp i32) (local $op i32) (local $x i32)
    (local.set $sp (i32.const 1024))
    (local.set $x (i32.const 1))
    (loop $next
      (local.set $op (i32.load8_u (local.get $pc)))
      (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
      (block $halt
        (block $jump
          (block $decrement
            (block $pop
              (block $operate
                (block $push_k
                  (block $push_x
                    (br_table $push_x $push_k $operate $pop $decrement $jump $halt
                      (local.get $op)))
                  (i32.store (local.get $sp) (local.get $x))
                  (local.set $sp (i32.add (local.get $sp) (i32.const 4)))
                  (br $next))
                (i32.store (local.get $sp) (local.get $k))
                (local.set $sp (i32.add (local.get $sp) (i32.const 4)))
                (br $next))
              (local.set $sp (i32.sub (local.get $sp) (i32.const 4)))
              (i32.store
                (i32.sub (local.get $sp) (i32.const 4))
                (call_indirect (type $operator)
                  (i32.load (i32.sub (local.get $sp) (i32.const 4)))
                  (i32.load (local.get $sp))
                  (i32.and (local.get $k) (i32.const 3))))
              (br $next))
            (local.set $sp (i32.sub (local.get $sp) (i32.const 4)))
            (local.set $x (i32.load (local.get $sp)))
            (br $next))
          (local.set $k (i32.sub (local.get $k) (i32.const 1)))
          (br $next))
        (if (local.get $k) (then (local.set $pc (i32.const 0))))
        (br $next)))
    (local.get $x)))
