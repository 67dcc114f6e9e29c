/* lockexec FILE COMMAND [ARG...]
 *
 * The least that running COMMAND under a lock can cost: open, flock, exec, and nothing else. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: lockexec FILE COMMAND [ARG...]\n");
    return 2;
  }
  const int fd = open(argv[1], O_RDONLY | O_CREAT, 0666);
  if (fd < 0 || flock(fd, LOCK_EX) != 0) {
    perror(argv[1]);
    return 2;
  }
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
