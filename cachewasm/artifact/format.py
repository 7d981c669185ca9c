"""The constants of the artifact's file format.

An artifact is an ELF64 file whose sections carry what loading needs; the authority on the bytes is
docs/format/artifact.md. A change to any of them raises ABI_VERSION.

On the warm path.
"""

import struct

# e_ident: 64 bit, little-endian, ELF version 1, then what tells ours from all other ELF files.
MAGIC = b"\x7fELF"
CLASS_64 = 2
LITTLE_ENDIAN = 1
ELF_VERSION = 1
OS_ABI = 0xCA
ABI_VERSION = 6
# As far as it is not padding.
IDENT = MAGIC + bytes((CLASS_64, LITTLE_ENDIAN, ELF_VERSION, OS_ABI, ABI_VERSION))
TYPE_DYN = 3

MACHINE_X86_64 = 62
MACHINE_AARCH64 = 183
# By the first part of a target triple.
MACHINES = {"x86_64": MACHINE_X86_64, "aarch64": MACHINE_AARCH64}

# e_flags: what kind of code this is; exactly one is set.
MODULE = 1
COMPONENT = 2
SUPPORT = 4

ENGINE_SECTION = ".cachewasm.engine"
INFO_SECTION = ".cachewasm.info"
ADDRMAP_SECTION = ".cachewasm.addrmap"
NAMES_SECTION = ".cachewasm.names"
DIGEST_SECTION = ".cachewasm.digest"
TEXT_SECTION = ".text"
RODATA_SECTION = ".rodata"
# Unwind tables: of functions, and of their landing pads.
FRAMES_SECTION = ".eh_frame"
PADS_SECTION = ".gcc_except_table"
DATA_SECTION = ".cachewasm.data"
BSS_SECTION = ".bss"

# Text must start at a page: AArch64 kernels have them of up to 64 KiB.
TEXT_ALIGN = {MACHINE_X86_64: 1 << 12, MACHINE_AARCH64: 1 << 16}
DATA_ALIGN = 1 << 12
BSS_ALIGN = 1 << 16
MAX_BSS_SIZE = 1 << 24

SHT_PROGBITS = 1
SHT_SYMTAB = 2
SHT_STRTAB = 3
SHT_NOBITS = 8
SHF_WRITE = 1
SHF_ALLOC = 2
SHF_EXECINSTR = 4

# Program headers, always these, in this order, which is that of the file but for the last. What is not
# loaded has types from the range that is left to operating systems.
PT_LOAD = 1
PT_ENGINE, PT_INFO, PT_FRAMES, PT_DATA = range(0x60CA_0001, 0x60CA_0005)
PF_X, PF_W, PF_R = 1, 2, 4
# Of the text: functions begin with a mark where an indirect branch may land. A bit for operating systems.
PF_MARKED = 1 << 20
# p_type, p_flags, and the section that lies in it.
SEGMENTS = (
    (PT_ENGINE, PF_R, ENGINE_SECTION),
    (PT_INFO, PF_R, INFO_SECTION),
    (PT_LOAD, PF_R | PF_X, TEXT_SECTION),
    (PT_LOAD, PF_R, RODATA_SECTION),
    (PT_FRAMES, PF_R, FRAMES_SECTION),
    (PT_DATA, PF_R, DATA_SECTION),
    (PT_LOAD, PF_R | PF_W, BSS_SECTION),
)

# e_ident[0:9] as 4s and five bytes, e_type, e_machine, e_version, e_entry, e_phoff, e_shoff,
# e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx.
ELF_HEADER = struct.Struct("<4s5B7xHHIQQQI6H")
# Of the same: IDENT, and all from e_type on but e_entry.
ELF_FIELDS = struct.Struct("<9s7xHHI8xQQI6H")
# p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
# Of all SEGMENTS: p_type and p_flags in one, p_offset, p_filesz; of the zero-filled area p_vaddr, p_memsz.
SEGMENT_PLACES = struct.Struct("<" + (len(SEGMENTS) - 1) * "QQ16xQ16x" + "Q8xQ16xQ8x")
# sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link, sh_info, sh_addralign, sh_entsize
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
# Of the same: sh_name, sh_type, sh_addr, sh_offset, sh_size.
SECTION_PLACE = struct.Struct("<II8xQQQ24x")
# st_name, st_info, st_other, st_shndx, st_value, st_size
SYMBOL = struct.Struct("<IBBHQQ")

U32 = struct.Struct("<I")
