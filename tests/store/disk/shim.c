/* A disk that fails: preloaded into a program, it lets one call on one of its files fail and leaves
 * all others as they are. What it takes from the environment:
 *   FAULTY_DISK_FILES  names of the files, a pattern as in a shell: `events.db*`
 *   FAULTY_DISK_CALLS  `write` (also truncate), `sync` or `read`
 *   FAULTY_DISK_FAULT  `eio`; `full`: half of it is written, and from then on nothing; `short`: half of it
 *   FAULTY_DISK_AT     which of those calls, counting from 1; 0 for none
 *   FAULTY_DISK_TIMES  how many calls fail, from that one on
 * When a call fails it says so on stderr, and at the end how many calls there were.
 *
 * A sync that fails loses what was written since the last one, as Linux may: the pages count as
 * clean from then on, and a later sync that passes says nothing about them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define UNSYNCED_MAX 65536

/* What a write that no sync has followed yet has replaced. */
struct undo {
    dev_t device;
    ino_t inode;
    off_t at, size_before;
    size_t length;
    char *bytes;
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct undo unsynced[UNSYNCED_MAX];
static size_t unsynced_count;
static long calls_so_far;

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static void say(const char *text) {
    ssize_t (*real_write)(int, const void *, size_t) = real("write");
    real_write(2, text, strlen(text));
}

/* The last part of the path that `fd` was opened with, if it is one of our files. */
static int is_ours(int fd, char *name, size_t size) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    char *last = strrchr(path, '/');
    if (!last || fnmatch(setting("FAULTY_DISK_FILES"), last + 1, 0) != 0) return 0;
    snprintf(name, size, "%s", last + 1);
    return 1;
}

/* Counts a call of this kind; whether it is to fail. */
static int fails(int fd, const char *kind, const char *call) {
    char name[512], line[640];
    if (strcmp(setting("FAULTY_DISK_CALLS"), kind) != 0 || !is_ours(fd, name, sizeof name)) return 0;
    long at = atol(setting("FAULTY_DISK_AT")), times = atol(setting("FAULTY_DISK_TIMES"));
    calls_so_far++;
    if (at == 0 || calls_so_far < at || calls_so_far >= at + (times ? times : 1)) return 0;
    snprintf(line, sizeof line, "fault %s %s\n", call, name);
    say(line);
    return 1;
}

static int fault_is(const char *name) {
    return strcmp(setting("FAULTY_DISK_FAULT"), name) == 0;
}

/* Keeps what a write is about to replace. */
static void keep(int fd, off_t at, size_t length) {
    char name[512];
    struct stat file;
    if (strcmp(setting("FAULTY_DISK_CALLS"), "sync") != 0 || !is_ours(fd, name, sizeof name)) return;
    if (unsynced_count == UNSYNCED_MAX || fstat(fd, &file) != 0) {
        say("too many writes without a sync\n");
        abort();
    }
    ssize_t (*real_pread)(int, void *, size_t, off_t) = real("pread64");
    char *bytes = malloc(length ? length : 1);
    ssize_t found = real_pread(fd, bytes, length, at);
    unsynced[unsynced_count++] = (struct undo){
        file.st_dev, file.st_ino, at, file.st_size, found > 0 ? (size_t)found : 0, bytes};
}

/* Ends the wait of one file's writes: they are on disk, or lost. */
static void settle(int fd, int lost) {
    ssize_t (*real_pwrite)(int, const void *, size_t, off_t) = real("pwrite64");
    int (*real_truncate)(int, off_t) = real("ftruncate64");
    struct stat file;
    if (fstat(fd, &file) != 0) return;
    size_t kept = 0;
    if (lost) {
        for (size_t i = unsynced_count; i-- > 0;) {
            struct undo *u = &unsynced[i];
            if (u->device != file.st_dev || u->inode != file.st_ino) continue;
            if (real_pwrite(fd, u->bytes, u->length, u->at) < 0) say("an undo failed\n");
            if (real_truncate(fd, u->size_before) != 0) say("an undo failed\n");
        }
    }
    for (size_t i = 0; i < unsynced_count; i++) {
        if (unsynced[i].device == file.st_dev && unsynced[i].inode == file.st_ino) {
            free(unsynced[i].bytes);
        } else {
            unsynced[kept++] = unsynced[i];
        }
    }
    unsynced_count = kept;
}

/* How much of a write is carried out; -1 with errno set where it fails. */
static ssize_t allowed(int fd, size_t length, off_t at, const char *call) {
    static int is_full;
    if (!fails(fd, "write", call)) {
        keep(fd, at, length);
        return (ssize_t)length;
    }
    if (fault_is("short")) return (ssize_t)(length + 1) / 2;
    if (fault_is("full") && !is_full && length > 1) {
        is_full = 1;
        return (ssize_t)length / 2;
    }
    errno = fault_is("full") ? ENOSPC : EIO;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*real_write)(int, const void *, size_t) = real("write");
    pthread_mutex_lock(&lock);
    ssize_t some = allowed(fd, length, lseek(fd, 0, SEEK_CUR), "write");
    if (some >= 0) some = real_write(fd, bytes, (size_t)some);
    pthread_mutex_unlock(&lock);
    return some;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
    ssize_t (*real_pwrite)(int, const void *, size_t, off_t) = real("pwrite64");
    pthread_mutex_lock(&lock);
    ssize_t some = allowed(fd, length, at, "pwrite");
    if (some >= 0) some = real_pwrite(fd, bytes, (size_t)some, at);
    pthread_mutex_unlock(&lock);
    return some;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    return pwrite64(fd, bytes, length, at);
}

int ftruncate64(int fd, off_t size) {
    int (*real_truncate)(int, off_t) = real("ftruncate64");
    pthread_mutex_lock(&lock);
    /* A full disk, or a slow one, can make a file shorter. */
    int failed = fault_is("eio") && fails(fd, "write", "truncate");
    pthread_mutex_unlock(&lock);
    if (!failed) return real_truncate(fd, size);
    errno = EIO;
    return -1;
}

int ftruncate(int fd, off_t size) {
    return ftruncate64(fd, size);
}

static int synced(int fd, const char *call) {
    int (*real_sync)(int) = real(call);
    pthread_mutex_lock(&lock);
    int failed = fails(fd, "sync", call);
    settle(fd, failed);
    pthread_mutex_unlock(&lock);
    if (!failed) return real_sync(fd);
    errno = EIO;
    return -1;
}

int fsync(int fd) {
    return synced(fd, "fsync");
}

int fdatasync(int fd) {
    return synced(fd, "fdatasync");
}

ssize_t read(int fd, void *bytes, size_t length) {
    ssize_t (*real_read)(int, void *, size_t) = real("read");
    pthread_mutex_lock(&lock);
    int failed = fails(fd, "read", "read");
    pthread_mutex_unlock(&lock);
    if (!failed) return real_read(fd, bytes, length);
    errno = EIO;
    return -1;
}

ssize_t pread64(int fd, void *bytes, size_t length, off_t at) {
    ssize_t (*real_pread)(int, void *, size_t, off_t) = real("pread64");
    pthread_mutex_lock(&lock);
    int failed = fails(fd, "read", "pread");
    pthread_mutex_unlock(&lock);
    if (!failed) return real_pread(fd, bytes, length, at);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) {
    return pread64(fd, bytes, length, at);
}

__attribute__((destructor)) static void say_how_many(void) {
    char line[64];
    snprintf(line, sizeof line, "calls %ld\n", calls_so_far);
    say(line);
}
