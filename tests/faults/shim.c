// Faults of the disk, between a process and its C library: LD_PRELOAD=shim.so, or armed later by shim_arm().
//
// KINSPACE_FAULT=<kinds>:<n>:<once|always>:<what>:<folder> makes the nth call of those kinds on paths in that folder
// fail, or from the nth on all of them. Kinds, joined by commas: write sync rename link truncate remove make copy open
// read. What: enospc eio (the call is not made), short (half of the bytes are written, and the next write fails with
// ENOSPC), kill-before, kill-after (SIGKILL). n = 0 only counts. Everything else goes through untouched.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, RENAME = 4, LINK = 8, TRUNCATE = 16, REMOVE = 32, MAKE = 64, COPY = 128, OPEN = 256, READ = 512 };
enum { COUNT, FAIL, SHORT, KILL_BEFORE, KILL_AFTER };

static const char* const kind_names[] = {"write", "sync", "rename", "link", "truncate", "remove", "make", "copy", "open", "read"};
static unsigned kinds;  // 0: nothing is matched
static long nth;
static int always, what, number;
static char folder[PATH_MAX];
static size_t folder_length;
static atomic_long count, fired;
static atomic_int owed;  // a short write was given; the next write fails

long shim_count(void) { return count; }
long shim_fired(void) { return fired; }

// Forget what was counted and follow that specification; 0, or -1 if it can't be read.
int shim_arm(const char* text) {
  kinds = 0;
  count = fired = 0;
  owed = 0;
  if (text == NULL || *text == 0) return 0;
  char copy[PATH_MAX + 256], *rest = copy, *field[5];
  if (strlen(text) >= sizeof copy) return -1;
  strcpy(copy, text);
  for (int i = 0; i < 4; ++i) {
    field[i] = strsep(&rest, ":");
    if (rest == NULL) return -1;
  }
  field[4] = rest;
  nth = atol(field[1]);
  always = strcmp(field[2], "always") == 0;
  number = strcmp(field[3], "eio") == 0 ? EIO : ENOSPC;
  what = nth == 0                                ? COUNT
         : strcmp(field[3], "kill-before") == 0 ? KILL_BEFORE
         : strcmp(field[3], "kill-after") == 0  ? KILL_AFTER
         : strcmp(field[3], "short") == 0       ? SHORT
                                                : FAIL;
  if (strlen(field[4]) >= sizeof folder) return -1;
  strcpy(folder, field[4]);
  folder_length = strlen(folder);
  unsigned wanted = 0;
  for (char *kind, *list = field[0]; (kind = strsep(&list, ",")) != NULL;) {
    unsigned found = 0;
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; ++i)
      if (strcmp(kind, kind_names[i]) == 0) found = 1u << i;
    if (found == 0) return -1;
    wanted |= found;
  }
  kinds = wanted;
  return 0;
}

__attribute__((constructor)) static void from_environment(void) {
  const char* text = getenv("KINSPACE_FAULT");
  if (text != NULL && shim_arm(text) != 0) {
    fprintf(stderr, "KINSPACE_FAULT can't be read: %s\n", text);
    abort();
  }
}

static int inside(const char* path) {
  return strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == 0);
}

static int of_descriptor(int descriptor, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return 1;
}

static int of_path(int at, const char* name, char* path) {
  if (name == NULL || strlen(name) >= PATH_MAX) return 0;
  if (name[0] == '/') return strcpy(path, name) != NULL;
  if (at == AT_FDCWD ? getcwd(path, PATH_MAX) == NULL : !of_descriptor(at, path)) return 0;
  if (strlen(path) + strlen(name) + 2 >= PATH_MAX) return 0;
  strcat(path, "/");
  return strcat(path, name) != NULL;
}

// What is to become of a call of that kind on that path: COUNT means that it is made as it is.
static int judged(unsigned kind, const char* path) {
  if (!inside(path) || (what == SHORT && kind != WRITE)) return COUNT;
  if (atomic_exchange(&owed, 0)) return FAIL;
  long turn = atomic_fetch_add(&count, 1) + 1;
  if (what == COUNT || (always ? turn < nth : turn != nth)) return COUNT;
  atomic_fetch_add(&fired, 1);
  if (what == KILL_BEFORE) kill(getpid(), SIGKILL);
  return what;
}

static int judge_descriptor(unsigned kind, int descriptor) {
  char path[PATH_MAX];
  int before = errno, verdict = COUNT;
  if ((kinds & kind) && of_descriptor(descriptor, path)) verdict = judged(kind, path);
  errno = before;
  return verdict;
}

static int judge_path(unsigned kind, int at, const char* name) {
  char path[PATH_MAX];
  int before = errno, verdict = COUNT;
  if ((kinds & kind) && of_path(at, name, path)) verdict = judged(kind, path);
  errno = before;
  return verdict;
}

static void* real(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

static long after(int verdict, long result) {
  if (verdict == KILL_AFTER) kill(getpid(), SIGKILL);
  return result;
}

// FAIL, or a short write of nothing: the call is not made.
#define REFUSE(verdict)    \
  if ((verdict) == FAIL) { \
    errno = number;        \
    return -1;             \
  }

// A call of the C library, passed on unless the verdict is against it.
#define CALL(type, name, declared, passed, judge)           \
  type name declared {                                      \
    static type(*next) declared;                            \
    if (next == NULL) next = (type(*) declared)real(#name); \
    int verdict = judge;                                    \
    REFUSE(verdict)                                         \
    return (type)after(verdict, (long)next passed);         \
  }

// The same for a write of `bytes`, which may be cut in half.
#define CALL_WRITE(name, declared, passed, bytes)                 \
  ssize_t name declared {                                         \
    static ssize_t(*next) declared;                               \
    if (next == NULL) next = (ssize_t(*) declared)real(#name);    \
    int verdict = judge_descriptor(WRITE, descriptor);            \
    if (verdict == SHORT) {                                       \
      if (bytes < 2) verdict = FAIL; /* no half of it */          \
      else bytes /= 2, owed = 1;                                  \
    }                                                             \
    REFUSE(verdict)                                               \
    return after(verdict, next passed);                           \
  }

// Vectors are cut to their first piece; if there is but one it stays whole, and the next write fails.
#define PIECES (verdict == SHORT && pieces > 1 ? 1 : pieces)
#define CALL_WRITEV(name, declared, passed)                       \
  ssize_t name declared {                                         \
    static ssize_t(*next) declared;                               \
    if (next == NULL) next = (ssize_t(*) declared)real(#name);    \
    int verdict = judge_descriptor(WRITE, descriptor);            \
    if (verdict == SHORT) owed = 1;                               \
    REFUSE(verdict)                                               \
    return after(verdict, next passed);                           \
  }

CALL_WRITE(write, (int descriptor, const void* body, size_t bytes), (descriptor, body, bytes), bytes)
CALL_WRITE(pwrite, (int descriptor, const void* body, size_t bytes, off_t at), (descriptor, body, bytes, at), bytes)
CALL_WRITE(pwrite64, (int descriptor, const void* body, size_t bytes, off64_t at), (descriptor, body, bytes, at), bytes)
CALL_WRITEV(writev, (int descriptor, const struct iovec* body, int pieces), (descriptor, body, PIECES))
CALL_WRITEV(pwritev, (int descriptor, const struct iovec* body, int pieces, off_t at), (descriptor, body, PIECES, at))
CALL_WRITEV(pwritev64, (int descriptor, const struct iovec* body, int pieces, off64_t at), (descriptor, body, PIECES, at))
CALL_WRITEV(pwritev2, (int descriptor, const struct iovec* body, int pieces, off_t at, int flags), (descriptor, body, PIECES, at, flags))

CALL(int, fsync, (int descriptor), (descriptor), judge_descriptor(SYNC, descriptor))
CALL(int, fdatasync, (int descriptor), (descriptor), judge_descriptor(SYNC, descriptor))
CALL(int, sync_file_range, (int descriptor, off64_t at, off64_t bytes, unsigned flags), (descriptor, at, bytes, flags), judge_descriptor(SYNC, descriptor))
CALL(int, ftruncate, (int descriptor, off_t bytes), (descriptor, bytes), judge_descriptor(TRUNCATE, descriptor))
CALL(int, ftruncate64, (int descriptor, off64_t bytes), (descriptor, bytes), judge_descriptor(TRUNCATE, descriptor))
CALL(int, fallocate, (int descriptor, int mode, off_t at, off_t bytes), (descriptor, mode, at, bytes), judge_descriptor(TRUNCATE, descriptor))

CALL(int, rename, (const char* from, const char* to), (from, to), judge_path(RENAME, AT_FDCWD, to))
CALL(int, renameat, (int there, const char* from, int at, const char* to), (there, from, at, to), judge_path(RENAME, at, to))
CALL(int, renameat2, (int there, const char* from, int at, const char* to, unsigned flags), (there, from, at, to, flags), judge_path(RENAME, at, to))
CALL(int, link, (const char* from, const char* to), (from, to), judge_path(LINK, AT_FDCWD, to))
CALL(int, linkat, (int there, const char* from, int at, const char* to, int flags), (there, from, at, to, flags), judge_path(LINK, at, to))
CALL(int, unlink, (const char* name), (name), judge_path(REMOVE, AT_FDCWD, name))
CALL(int, unlinkat, (int at, const char* name, int flags), (at, name, flags), judge_path(REMOVE, at, name))
CALL(int, rmdir, (const char* name), (name), judge_path(REMOVE, AT_FDCWD, name))
CALL(int, mkdir, (const char* name, mode_t mode), (name, mode), judge_path(MAKE, AT_FDCWD, name))
CALL(int, mkdirat, (int at, const char* name, mode_t mode), (at, name, mode), judge_path(MAKE, at, name))

CALL(ssize_t, copy_file_range, (int from, off64_t* start, int to, off64_t* at, size_t bytes, unsigned flags), (from, start, to, at, bytes, flags), judge_descriptor(COPY, to))
CALL(ssize_t, sendfile, (int to, int from, off_t* start, size_t bytes), (to, from, start, bytes), judge_descriptor(COPY, to))
CALL(ssize_t, sendfile64, (int to, int from, off64_t* start, size_t bytes), (to, from, start, bytes), judge_descriptor(COPY, to))

CALL(ssize_t, read, (int descriptor, void* body, size_t bytes), (descriptor, body, bytes), judge_descriptor(READ, descriptor))
CALL(ssize_t, pread, (int descriptor, void* body, size_t bytes, off_t at), (descriptor, body, bytes, at), judge_descriptor(READ, descriptor))
CALL(ssize_t, pread64, (int descriptor, void* body, size_t bytes, off64_t at), (descriptor, body, bytes, at), judge_descriptor(READ, descriptor))

// Opening counts where it makes a file that was not there.
static int judge_open(int at, const char* name, int flags) {
  int before = errno, makes = (flags & O_CREAT) && (kinds & OPEN) && faccessat(at, name, F_OK, 0) != 0;
  errno = before;
  return makes ? judge_path(OPEN, at, name) : COUNT;
}

#define MODE                                                                   \
  mode_t mode = 0;                                                             \
  if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                 \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    mode = va_arg(more, mode_t);                                               \
    va_end(more);                                                              \
  }

#define CALL_OPEN(name)                                                                    \
  int name(const char* path, int flags, ...) {                                             \
    static int (*next)(const char*, int, ...);                                             \
    if (next == NULL) next = (int (*)(const char*, int, ...))real(#name);                  \
    MODE int verdict = judge_open(AT_FDCWD, path, flags);                                  \
    REFUSE(verdict)                                                                        \
    return (int)after(verdict, next(path, flags, mode));                                   \
  }

#define CALL_OPENAT(name)                                                                  \
  int name(int at, const char* path, int flags, ...) {                                     \
    static int (*next)(int, const char*, int, ...);                                        \
    if (next == NULL) next = (int (*)(int, const char*, int, ...))real(#name);             \
    MODE int verdict = judge_open(at, path, flags);                                        \
    REFUSE(verdict)                                                                        \
    return (int)after(verdict, next(at, path, flags, mode));                               \
  }

CALL_OPEN(open)
CALL_OPEN(open64)
CALL_OPENAT(openat)
CALL_OPENAT(openat64)

// What is called past the C library's wrappers, by those who don't rely on them: of the same kinds.
long syscall(long which, ...) {
  static long (*next)(long, ...);
  if (next == NULL) next = (long (*)(long, ...))real("syscall");
  long a[6];
  va_list more;
  va_start(more, which);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(more, long);
  va_end(more);
  int verdict = COUNT;
  if (which == SYS_renameat2) verdict = judge_path(RENAME, (int)a[2], (const char*)a[3]);
  if (which == SYS_copy_file_range) verdict = judge_descriptor(COPY, (int)a[2]);
  REFUSE(verdict)
  return after(verdict, next(which, a[0], a[1], a[2], a[3], a[4], a[5]));
}
