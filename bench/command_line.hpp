#pragma once

#include "family.hpp"

#include <string>

namespace bench {

/// A program of benchmarks, and what it was built with.
struct program {
  std::string name;
  std::string version;
  std::vector<family> (*families)(size);
};

/// Does what its command line asks for, and returns the exit status.
///
///   NAME --list     the families and their rows
///   NAME --version
///   NAME FAMILY REPETITIONS [WARM_UPS [SIZE]]
///                   all sides in turn, after one turn (or so many) to warm up
///
/// It prints a line for each measurement: row <tab> side <tab> repetition <tab> value.
int run(const program& p, int argc, char** argv);

}  // namespace bench
