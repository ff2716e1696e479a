// Preloaded into a node by the chaos test: its disk and its date obey a mapped file. libfiu and
// libfaketime cannot do this here: both call into malloc before jemalloc is ready, and stand still.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {  // little endian, written by faults.py
  int64_t date_offset_s;
  int64_t sync_fails;   // errno of fsync and fdatasync; 0 = none
  int64_t write_fails;  // errno of pwrite and pwritev; 0 = none
};

static const struct control nothing;
static const volatile struct control* control = &nothing;

static int (*real_clock_gettime)(clockid_t, struct timespec*);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec*, int, off_t);

__attribute__((constructor)) static void begin(void) {
  *(void**)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  *(void**)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  *(void**)&real_fsync = dlsym(RTLD_NEXT, "fsync");
  *(void**)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  *(void**)&real_pwritev = dlsym(RTLD_NEXT, "pwritev");
  const char* path = getenv("CHAOS_CONTROL");
  const int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* at = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) control = at;
  close(file);
}

int clock_gettime(clockid_t id, struct timespec* out) {
  const int done = real_clock_gettime != NULL ? real_clock_gettime(id, out)
                                              : (int)syscall(SYS_clock_gettime, id, out);
  if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    out->tv_sec += control->date_offset_s;
  return done;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

static int fails(int64_t error) {
  if (error == 0) return 0;
  errno = (int)error;
  return 1;
}

int fdatasync(int file) { return fails(control->sync_fails) ? -1 : real_fdatasync(file); }

int fsync(int file) { return fails(control->sync_fails) ? -1 : real_fsync(file); }

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return fails(control->write_fails) ? -1 : real_pwrite(file, data, size, at);
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t at) {
  return fails(control->write_fails) ? -1 : real_pwritev(file, parts, count, at);
}

ssize_t pwrite64(int file, const void* data, size_t size, off_t at) {
  return pwrite(file, data, size, at);
}

ssize_t pwritev64(int file, const struct iovec* parts, int count, off_t at) {
  return pwritev(file, parts, count, at);
}
