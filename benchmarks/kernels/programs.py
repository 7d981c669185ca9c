"""How the C kernels are compiled: the compiler's arguments, and which libraries some of them drive.

A kernel without a row in `LIBRARIES` is one file. The compiler finds nothing of the machine but
Debian's clang, wasi-libc and compiler runtime; their versions at the last build are in
`toolchain.txt`, since another compiler writes other binaries.
"""

from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("clang-14", "lld-14", "libclang-rt-14-dev-wasm32", "wasi-libc")

# One feature set for all: what current toolchains switch on by themselves. There is no start file,
# because `run` is all that is exported and nothing has to be set up before it.
FLAGS = (
    "--target=wasm32-wasi",
    "-nostdlibinc",
    "-isystem/usr/include/wasm32-wasi",
    "-std=gnu11",
    "-O2",
    "-fwrapv",
    "-DNDEBUG",
    # clang 14 cannot lower thread-local variables with bulk memory and without threads.
    "-D_Thread_local=",
    "-mbulk-memory",
    "-mmutable-globals",
    "-mnontrapping-fptoint",
    "-msign-ext",
    "-nostartfiles",
    "-Wl,--no-entry,--strip-debug,-z,stack-size=262144",
)


@dataclass(frozen=True, slots=True)
class Library:
    """Upstream's sources, out of a Debian source package, that a kernel is linked with.

    `archive` is upstream's part of the package, `sha256` its digest, `folder` the sources' place in
    it. `stubs` are files of ours, `flags` the library's settings.
    """

    package: str
    archive: str
    sha256: str
    folder: str
    sources: tuple[str, ...]
    stubs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def arguments(self, unpacked: Path, stubs: Path) -> list[str]:
        """What the compiler is told beyond the kernel's own file."""
        folder = unpacked / self.folder
        return [
            *self.flags,
            "-w",
            f"-I{stubs}",
            f"-I{folder}",
            *(str(folder / f"{source}.c") for source in self.sources),
            *(str(stubs / stub) for stub in self.stubs),
        ]


LIBRARIES = {
    "zlib": Library(
        "zlib",
        "zlib_1.2.13.dfsg.orig.tar.bz2",
        "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1",
        "zlib-1.2.13.dfsg",
        (
            "adler32",
            "compress",
            "crc32",
            "deflate",
            "inffast",
            "inflate",
            "inftrees",
            "trees",
            "uncompr",
            "zutil",
        ),
    ),
    "bzip2": Library(
        "bzip2",
        "bzip2_1.0.8.orig.tar.gz",
        "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269",
        "bzip2-1.0.8",
        ("blocksort", "bzlib", "compress", "crctable", "decompress", "huffman", "randtable"),
        flags=("-DBZ_NO_STDIO",),
    ),
    "expat": Library(
        "expat",
        "expat_2.5.0.orig.tar.gz",
        "ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757",
        "libexpat-R_2_5_0/expat/lib",
        ("xmlparse", "xmlrole", "xmltok"),
        stubs=("nosys.c",),
    ),
    "lua": Library(
        "lua5.4",
        "lua5.4_5.4.4.orig.tar.gz",
        "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61",
        "lua-5.4.4/src",
        (
            "lapi",
            "lauxlib",
            "lbaselib",
            "lcode",
            "lctype",
            "ldebug",
            "ldo",
            "ldump",
            "lfunc",
            "lgc",
            "llex",
            "lmathlib",
            "lmem",
            "lobject",
            "lopcodes",
            "lparser",
            "lstate",
            "lstring",
            "lstrlib",
            "ltable",
            "ltablib",
            "ltm",
            "lundump",
            "lvm",
            "lzio",
        ),
        stubs=("nosys.c",),
        flags=(
            # An error has nowhere to jump to: it traps.
            "-DLUAI_TRY(L,c,a)={ a }",
            "-DLUAI_THROW(L,c)=abort()",
            "-Dluai_jmpbuf=int",
            "-Dl_signalT=int",
            # Nothing may depend on addresses or time.
            "-Dluai_makeseed(L)=1",
            "-Dl_randomizePivot()=0",
        ),
    ),
}
