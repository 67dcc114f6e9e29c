// flip FILE OFFSET [BIT]: changes one bit (0) of that byte of FILE, in place.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: flip FILE OFFSET [BIT]\n", stderr);
    return 2;
  }
  const off_t at = atol(argv[2]);
  const int bit = argc > 3 ? atoi(argv[3]) : 0;
  const int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  unsigned char byte = 0;
  if (fd < 0 || pread(fd, &byte, 1, at) != 1) {
    perror(argv[1]);
    return 2;
  }
  byte = (unsigned char)(byte ^ (1u << bit));
  if (pwrite(fd, &byte, 1, at) != 1) {
    perror(argv[1]);
    return 2;
  }
  return 0;
}
