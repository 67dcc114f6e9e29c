"""mpqueue.py COUNT SIZE

COUNT messages of SIZE bytes from one process to another through a multiprocessing.Queue.
"""

import multiprocessing
import sys


def feed(queue, count, message):
    for _ in range(count):
        queue.put(message)


def main():
    count = int(sys.argv[1])
    message = "x" * int(sys.argv[2])
    queue = multiprocessing.Queue()
    feeder = multiprocessing.Process(target=feed, args=(queue, count, message))
    feeder.start()
    for _ in range(count):
        if queue.get() != message:
            sys.exit("a message is not what was put")
    feeder.join()


main()
