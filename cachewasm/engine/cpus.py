"""The CPUs that code can be tuned for: names that LLVM knows, by architecture.

A name decides in which order instructions stand and which of equal ones are taken, never which there
are. LLVM does not refuse a name that it does not know but ignores it, so the list is kept here; a
test holds it against LLVM. Left out are x86 CPUs without 64-bit mode, and names for the same CPU but
the usual one. Imported where a Config names a CPU only.
"""

from cachewasm.engine.isa import AARCH64, X86_64

_INTEL = (
    "alderlake arrowlake arrowlake-s atom bonnell broadwell cannonlake cascadelake clearwaterforest"
    " cooperlake core2 corei7 diamondrapids emeraldrapids goldmont goldmont-plus gracemont"
    " grandridge graniterapids graniterapids-d haswell icelake-client icelake-server ivybridge"
    " lunarlake meteorlake nehalem nocona pantherlake penryn raptorlake rocketlake sandybridge"
    " sapphirerapids sierraforest silvermont skylake skylake-avx512 tigerlake tremont westmere"
)
_AMD = (
    "amdfam10 athlon64 barcelona bdver1 bdver2 bdver3 bdver4 btver1 btver2 k8 opteron znver1 znver2"
    " znver3 znver4 znver5"
)
_ARM = (
    "cortex-a34 cortex-a35 cortex-a510 cortex-a520 cortex-a53 cortex-a55 cortex-a57 cortex-a65"
    " cortex-a710 cortex-a715 cortex-a72 cortex-a720 cortex-a725 cortex-a73 cortex-a75 cortex-a76"
    " cortex-a77 cortex-a78 cortex-a78c cortex-x1 cortex-x1c cortex-x2 cortex-x3 cortex-x4"
    " cortex-x925 neoverse-512tvb neoverse-e1 neoverse-n1 neoverse-n2 neoverse-n3 neoverse-v1"
    " neoverse-v2 neoverse-v3"
)
_OTHERS_OF_ARM = (
    "a64fx ampere1 ampere1a ampere1b apple-a14 apple-a15 apple-a16 apple-a17 apple-m1 apple-m2"
    " apple-m3 apple-m4 carmel cobalt-100 falkor fujitsu-monaka grace kryo oryon-1 saphira thunderx"
    " thunderx2t99 thunderx3t110 tsv110"
)

CPUS = {
    X86_64: frozenset(f"generic {_INTEL} {_AMD} x86-64 x86-64-v2 x86-64-v3 x86-64-v4".split()),
    AARCH64: frozenset(f"generic {_ARM} {_OTHERS_OF_ARM}".split()),
}
