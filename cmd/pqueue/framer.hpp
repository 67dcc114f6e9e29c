#pragma once
/// Gives messages the form in which they are printed.

#include <cstddef>
#include <string>
#include <string_view>

#include "framing.hpp"

class Framer {
 public:
  explicit Framer(Framing framing) noexcept : framing_(framing) {}

  /// What stands before the message, and what behind it.
  void append_head(std::string& text, std::string_view message) const;
  void append_tail(std::string& text) const {
    if (framing_.kind == Framing::Kind::delimited) text += framing_.delimiter;
  }

  /// How long it becomes.
  [[nodiscard]] std::size_t size_of(std::string_view message) const;

  /// Whether a reader would take it for more than one.
  [[nodiscard]] bool is_ambiguous(std::string_view message) const noexcept {
    return framing_.kind == Framing::Kind::delimited &&
           message.find(framing_.delimiter) != std::string_view::npos;
  }

 private:
  Framing framing_;
};
