#pragma once

#include <coppice/run.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace coppice::detail {

// Tells on stderr which rule is broken, and gives the exit code for that. The text is no report:
// reports tell what processes do, and a program may drop them.
inline int tell_bad_spec(const std::invalid_argument& why) {
  const std::string line = why.what() + std::string{"\n"};
  std::fwrite(line.data(), 1, line.size(), stderr);
  return exit_bad_spec;
}

}  // namespace coppice::detail
