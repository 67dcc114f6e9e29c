/* syncappend FILE [SIZE]
 *
 * The least that one message on the disk can cost a process: it appends SIZE bytes (100) to FILE, waits for one
 * fdatasync, and ends. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char bytes[8192];
  const size_t size = argc > 2 ? (size_t)atol(argv[2]) : 100;
  if (argc < 2 || size > sizeof bytes) {
    fprintf(stderr, "usage: syncappend FILE [SIZE]\n");
    return 2;
  }
  memset(bytes, 'x', size);
  const int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fdatasync(fd) != 0) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
