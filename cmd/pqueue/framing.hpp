#pragma once
/// How messages stand in a stream of bytes, going in or coming out.

struct Framing {
  enum class Kind {
    delimited,  ///< each ends with `delimiter`; going in, the last one need not
    length,     ///< its length in decimal, a newline, its bytes
    whole       ///< all there is is one; only going in
  };
  Kind kind = Kind::delimited;
  char delimiter = '\n';
};
