#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace orders {

/// What the command line says; see main.cpp.
struct options {
  std::string where{};
  std::uint16_t port = 4000;
  bool at_once = false;
  std::chrono::milliseconds min{100};
  std::chrono::milliseconds max{30'000};
};

/// @return Nothing if it cannot be understood.
std::optional<options> read_options(std::span<char*> words);

}  // namespace orders
