/* msgloop COUNT SIZE
 *
 * The least that COUNT messages of SIZE bytes between two processes can cost in a System V message queue: a loop of
 * msgsnd, a loop of msgrcv, and nothing else. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
  long type;
  char text[8192];
};

static int receive(int queue, long count, long size) {
  struct message message;
  for (; count > 0; --count) {
    if (msgrcv(queue, &message, sizeof message.text, 0, 0) != size) return 1;
  }
  return 0;
}

static int send(int queue, long count, long size) {
  struct message message = {.type = 1};
  memset(message.text, 'x', sizeof message.text);
  for (; count > 0; --count) {
    if (msgsnd(queue, &message, (size_t)size, 0) != 0) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3 || atol(argv[2]) > 8192) {
    fprintf(stderr, "usage: msgloop COUNT SIZE\n");
    return 2;
  }
  const long count = atol(argv[1]);
  const long size = atol(argv[2]);
  const int queue = msgget(IPC_PRIVATE, 0600);
  if (queue < 0) {
    perror("msgloop: msgget");
    return 2;
  }
  const pid_t receiver = fork();
  if (receiver == 0) _exit(receive(queue, count, size));
  int failed = receiver < 0 || send(queue, count, size);
  int status = 1;
  if (receiver > 0 && !failed) waitpid(receiver, &status, 0);
  msgctl(queue, IPC_RMID, NULL);
  if (failed || status != 0) fprintf(stderr, "msgloop: it failed\n");
  return failed || status != 0;
}
