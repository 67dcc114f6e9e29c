#pragma once
/// A kernel pipe: two descriptors, each closed on exec until a SpawnPlan maps one.

#include "ipc/fd.hpp"

namespace ipc {

struct Pipe {
  Fd read_end;
  Fd write_end;

  /// Throws Error (EMFILE, ENFILE).
  [[nodiscard]] static Pipe create();
};

}  // namespace ipc
