/*
 * Preloaded into a program, notes each fsync and fdatasync below $POWER_CUT_ROOT in a folder of its own,
 * $POWER_CUT_LOG/N:
 *
 *   synced  "DEVICE:INODE" of the file or folder that was synced
 *   data    what the file had, if it was a file
 *   tree    all that was there by then: "DEVICE:INODE MODE PATH\0TARGET\0" for each
 *
 * power_cut.ts lays out what is left if the power goes after any of them. Programs may run at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root, *records;
static FILE *tree;
/* Its own work is not noted. */
static __thread int busy;

static int add_entry(const char *path, const struct stat *s, int type, struct FTW *walk) {
  (void)walk;
  char target[PATH_MAX] = "";
  if (type == FTW_SL && readlink(path, target, sizeof target - 1) < 0) return 0;
  fprintf(tree, "%lu:%lu %o %s%c%s%c", (unsigned long)s->st_dev, (unsigned long)s->st_ino, s->st_mode, path, 0,
          target, 0);
  return 0;
}

static void copy_content(const char *source, const char *destination) {
  char block[1 << 16];
  ssize_t n;
  int from = open(source, O_RDONLY), to = open(destination, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  while (from >= 0 && to >= 0 && (n = read(from, block, sizeof block)) > 0) {
    if (write(to, block, n) != n) abort();
  }
  close(from);
  close(to);
}

/* Makes the folder of the next record, and says which it is. */
static int next_record(char *folder, size_t size) {
  for (int n = 1;; n++) {
    snprintf(folder, size, "%s/%d", records, n);
    if (mkdir(folder, 0700) == 0) return n;
    if (errno != EEXIST) return 0;
  }
}

static void note(int fd) {
  char link[64], path[PATH_MAX], folder[PATH_MAX], part[PATH_MAX + 16];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  size_t below = strlen(root);
  if (strncmp(path, root, below) != 0 || (path[below] != 0 && path[below] != '/')) return;
  snprintf(part, sizeof part, "%s/lock", records);
  int lock = open(part, O_RDWR | O_CREAT, 0600);
  flock(lock, LOCK_EX);
  struct stat s;
  if (fstat(fd, &s) == 0 && next_record(folder, sizeof folder)) {
    snprintf(part, sizeof part, "%s/data", folder);
    if (S_ISREG(s.st_mode)) copy_content(link, part);
    snprintf(part, sizeof part, "%s/tree", folder);
    tree = fopen(part, "w");
    nftw(root, add_entry, 16, FTW_PHYS);
    fclose(tree);
    snprintf(part, sizeof part, "%s/synced", folder);
    FILE *synced = fopen(part, "w");
    fprintf(synced, "%lu:%lu", (unsigned long)s.st_dev, (unsigned long)s.st_ino);
    fclose(synced);
  }
  close(lock);
}

static int sync_and_note(const char *name, int fd) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = sync(fd), error = errno;
  root = getenv("POWER_CUT_ROOT");
  records = getenv("POWER_CUT_LOG");
  if (result == 0 && root && records && !busy) {
    busy = 1;
    note(fd);
    busy = 0;
  }
  errno = error;
  return result;
}

int fsync(int fd) { return sync_and_note("fsync", fd); }
int fdatasync(int fd) { return sync_and_note("fdatasync", fd); }
