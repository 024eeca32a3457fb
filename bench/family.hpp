#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

/// How large a workload is, where it is to be another size than in the tables.
using size = std::optional<long>;

/// One side of one row: does its work once and returns what one operation costs, in the row's unit.
struct series {
  std::string row;
  std::string side;
  std::function<double()> measure;
};

/// Rows that are measured in turn, in one process: A B A B ...
struct family {
  std::string name;
  std::vector<series> all;
  bool sized = false;  // whether it can be of another size

  void add(std::string row, std::string side, std::function<double()> measure) {
    all.push_back({std::move(row), std::move(side), std::move(measure)});
  }
};

/// A measurement that did not do what it claims to measure.
struct invalid : std::logic_error {
  using std::logic_error::logic_error;
};

inline void expect(bool holds, const char* what) {
  if (!holds) throw invalid{what};
}

/// Which power of ten that is.
///
/// @throws invalid if it is none.
inline int power_of_ten(long n) {
  int power = 0;
  for (; n > 1; n /= 10) {
    expect(n % 10 == 0, "the size of this workload is a power of ten");
    ++power;
  }
  return power;
}

inline double nanoseconds(clock::duration d) {
  return std::chrono::duration<double, std::nano>{d}.count();
}

}  // namespace bench
