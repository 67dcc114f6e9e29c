/* floor JOBS WORKERS COMMAND [ARG...]
 *
 * The least that running JOBS processes, WORKERS at a time, can cost: posix_spawn, wait, and nothing else. */

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char** environ;

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: floor JOBS WORKERS COMMAND [ARG...]\n");
    return 2;
  }
  long left = atol(argv[1]);
  long running = 0;
  while (left > 0 || running > 0) {
    if (left > 0 && running < atol(argv[2])) {
      pid_t pid;
      int error = posix_spawnp(&pid, argv[3], NULL, NULL, argv + 3, environ);
      if (error != 0) {
        fprintf(stderr, "floor: %s: %s\n", argv[3], strerror(error));
        return 1;
      }
      --left;
      ++running;
    } else if (wait(NULL) > 0) {
      --running;
    }
  }
  return 0;
}
