// A system with nothing in it: no files, no clock, no environment. Linked before wasi-libc, so that
// a program which could ask for these, and never does, imports nothing.
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <wasi/api.h>

char *getenv(const char *name) { return NULL; }
int getpid(void) { return 1; }
time_t time(time_t *now) { return 0; }
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  *now = (struct timeval){0};
  return 0;
}
FILE *fopen(const char *restrict path, const char *restrict mode) { return NULL; }
FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict file) {
  return NULL;
}

__wasi_errno_t __wasi_fd_close(__wasi_fd_t fd) { return __WASI_ERRNO_BADF; }
__wasi_errno_t __wasi_fd_fdstat_get(__wasi_fd_t fd, __wasi_fdstat_t *stat) {
  return __WASI_ERRNO_BADF;
}
__wasi_errno_t __wasi_fd_read(__wasi_fd_t fd, const __wasi_iovec_t *iovs, size_t length,
                              __wasi_size_t *size) {
  return __WASI_ERRNO_BADF;
}
__wasi_errno_t __wasi_fd_seek(__wasi_fd_t fd, __wasi_filedelta_t offset, __wasi_whence_t whence,
                              __wasi_filesize_t *position) {
  return __WASI_ERRNO_BADF;
}
__wasi_errno_t __wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *iovs, size_t length,
                               __wasi_size_t *size) {
  return __WASI_ERRNO_BADF;
}
_Noreturn void __wasi_proc_exit(__wasi_exitcode_t code) { __builtin_trap(); }
