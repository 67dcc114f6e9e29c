# The man pages are clean for mandoc.
need mandoc mandoc
mandoc -T lint -W warning man/*.[1-9]
