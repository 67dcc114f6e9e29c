"""beanstalk.py SOCKET put|get COUNT SIZE

One client of the beanstalkd at the Unix socket SOCKET: it puts COUNT jobs of SIZE bytes, or reserves and deletes
COUNT, one after the other.
"""

import socket
import sys


def main():
    path, verb, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    answers = server.makefile("rb")
    put = b"put 0 0 60 %d\r\n%s\r\n" % (size, b"x" * size)
    for _ in range(count):
        if verb == "put":
            server.sendall(put)
            if not answers.readline().startswith(b"INSERTED"):
                sys.exit("put was refused")
        else:
            server.sendall(b"reserve\r\n")
            word, job, length = answers.readline().split()
            answers.read(int(length) + 2)
            server.sendall(b"delete %s\r\n" % job)
            if word != b"RESERVED" or answers.readline() != b"DELETED\r\n":
                sys.exit("no job was to be had")


main()
