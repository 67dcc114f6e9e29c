// deathof FILE COMMAND [ARG...]: runs COMMAND and tells how it really ended.
//
// A shell cannot tell `exit 143` from a death by SIGTERM; a test of "dies of that signal" must.
// FILE.pid holds COMMAND's pid as soon as it runs, FILE.death "exit N" or "signal N" when it has ended; both appear
// whole (written beside and renamed). INT, QUIT, HUP, TERM, PIPE and CHLD are set back to their defaults first, for a
// shell without job control starts background commands with INT and QUIT ignored.
// Exits 0 when COMMAND was waited for, 2 when something here failed.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  _exit(2);
}

static void publish(const char* base, const char* suffix, const char* text) {
  char path[4096];
  char beside[4096 + 8];
  snprintf(path, sizeof path, "%s%s", base, suffix);
  snprintf(beside, sizeof beside, "%s.new", path);
  FILE* file = fopen(beside, "we");
  if (file == NULL || fputs(text, file) == EOF || fclose(file) == EOF || rename(beside, path) != 0)
    fail(path);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: deathof FILE COMMAND [ARG...]\n", stderr);
    return 2;
  }
  const int reset[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGCHLD};
  for (size_t i = 0; i < sizeof reset / sizeof *reset; ++i) signal(reset[i], SIG_DFL);

  // The pid is published before COMMAND runs, so that COMMAND may rely on it too.
  char text[64];
  int go[2];
  if (pipe(go) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    char byte;
    close(go[1]);
    if (read(go[0], &byte, 1) < 0) fail("read");
    close(go[0]);
    execvp(argv[2], argv + 2);
    fail(argv[2]);
  }
  close(go[0]);
  snprintf(text, sizeof text, "%d\n", (int)child);
  publish(argv[1], ".pid", text);
  close(go[1]);
  // A test may signal the whole group; this process only reports.
  for (size_t i = 0; i < 5; ++i) signal(reset[i], SIG_IGN);
  int status = 0;
  while (waitpid(child, &status, 0) != child) {
  }
  if (WIFSIGNALED(status)) {
    snprintf(text, sizeof text, "signal %d\n", WTERMSIG(status));
  } else {
    snprintf(text, sizeof text, "exit %d\n", WEXITSTATUS(status));
  }
  publish(argv[1], ".death", text);
  return 0;
}
