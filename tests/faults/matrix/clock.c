/* The time of a program that is started with this in LD_PRELOAD: the true one and so many seconds more as the
   file that FAULT_CLOCK names begins with, an int64. Monotonic clocks stay as they are. Waits for a condition are
   until a time by this clock, too, as they are where the machine's own is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const int64_t none = 0;
static const time_t since_1970 = 1000000000; /* seconds: more than any machine has run */
static const volatile int64_t *ahead = &none;
static int (*true_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);

    if (file >= 0)
        close(file);
    if (found != MAP_FAILED)
        ahead = found;
}

int clock_gettime(clockid_t which, struct timespec *time)
{
    int failed;

    if (!true_clock)
        true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    failed = true_clock(which, time);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        time->tv_sec += *ahead;
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    if (!failed) {
        time->tv_sec = now.tv_sec;
        time->tv_usec = now.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *stored)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME_COARSE, &now))
        return -1;
    if (stored)
        *stored = now.tv_sec;
    return now.tv_sec;
}

static struct timespec truly(const struct timespec *until)
{
    struct timespec time = *until;

    if (time.tv_sec > since_1970) /* else it is by the monotonic clock */
        time.tv_sec -= *ahead;
    return time;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec time = truly(until);

    if (!wait) /* dlsym finds the one of before 2.3.2, for conditions of another form */
        wait = (typeof(wait))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    return wait(condition, mutex, &time);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec time = truly(until);

    if (!wait)
        wait = (typeof(wait))dlsym(RTLD_NEXT, "cnd_timedwait");
    return wait(condition, mutex, &time);
}
