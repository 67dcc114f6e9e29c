// append FILE TEXT: adds TEXT and a newline to FILE by a single write, so that several can do so at once. A shell's printf
// makes several writes of a long text.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: append FILE TEXT\n", stderr);
    return 2;
  }
  const size_t size = strlen(argv[2]);
  char* line = malloc(size + 1);
  if (line == NULL) return 2;
  memcpy(line, argv[2], size);
  line[size] = '\n';
  const int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || write(fd, line, size + 1) != (ssize_t)(size + 1)) {
    perror(argv[1]);
    return 2;
  }
  return 0;
}
