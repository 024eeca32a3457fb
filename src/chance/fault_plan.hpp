#pragma once

#include "random_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::detail {

// One fault that has happened: the `opportunity`-th occasion on which that kind could have.
struct fault_occurrence {
  std::string kind;
  std::uint64_t opportunity;

  friend bool operator==(const fault_occurrence&, const fault_occurrence&) = default;
};

// Decides at each occasion whether a fault happens: by chance, drawn from the seed, or from a list
// of occurrences, which is how a run is played again with some of its faults.
class fault_plan {
 public:
  using kind = std::size_t;

  explicit fault_plan(std::uint64_t seed, std::optional<std::vector<fault_occurrence>> only = {});

  // A chance below or equal to 0 never happens.
  kind add(std::string name, double chance);
  // An occasion.
  bool happens(kind k);
  // From now on no fault happens, or they do again.
  void end() noexcept { over_ = true; }
  void begin() noexcept { over_ = false; }
  [[nodiscard]] bool is_over() const noexcept { return over_; }

  [[nodiscard]] const std::vector<fault_occurrence>& occurred() const noexcept { return occurred_; }

 private:
  struct entry {
    std::string name;
    double chance;
    random_stream draws;
    std::uint64_t opportunities = 0;
    std::vector<std::uint64_t> listed{};
  };

  std::uint64_t seed_;
  std::optional<std::vector<fault_occurrence>> only_;
  std::vector<entry> kinds_;
  std::vector<fault_occurrence> occurred_;
  bool over_ = false;
};

// "kind#opportunity", separated by commas.
[[nodiscard]] std::string to_text(const std::vector<fault_occurrence>& faults);
// Throws std::invalid_argument.
[[nodiscard]] std::vector<fault_occurrence> to_faults(std::string_view text);

}  // namespace coppice::detail
