#pragma once

#include "chance/random_stream.hpp"
#include "process_faults.hpp"
#include "simulated_system/simulated_system.hpp"

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coppice::detail {

// Draws which of the ready processes runs next. The work of one process stays in its order.
class drawn_order final : public work_order {
 public:
  // `changes`: how often the priorities change, with simulated_order::priorities.
  // `has_to_stop`: is called after each step; if it returns true, no other follows in this turn of
  // the io_context.
  drawn_order(scheduler& s, simulated_system& system, simulated_order how, std::uint64_t changes,
              process_faults& faults, std::function<bool()> has_to_stop);

  void take(run_queue& ready) override;
  run_item* next() override;
  void done() noexcept override;
  [[nodiscard]] bool has_work() const noexcept override;
  [[nodiscard]] bool holds(process& p) const noexcept override;
  [[nodiscard]] bool at_once() override;
  void give_back(run_queue& ready) noexcept override;

 private:
  struct entry {
    run_item* item;
    std::uint64_t sequence;
  };
  // The work of one process, or of none.
  struct lane {
    process* owner;
    std::size_t number;  // in the order in which they came about
    std::deque<entry> items{};
    std::int64_t priority = 0;
    // Nothing of that process runs before.
    std::uint64_t held_number = 0;
    duration held_until{};
    bool spared = false;  // it has been late, and is not in its next step
  };

  [[nodiscard]] static bool is_older(const lane* a, const lane* b) noexcept;
  lane& lane_of(process* owner);
  [[nodiscard]] bool is_held(const lane& l) const noexcept;
  lane* choose();
  // Returns false if the process does not run now.
  bool endure(lane& l);
  void hold(lane& l, duration until);

  scheduler& home_;
  simulated_system& system_;
  const simulated_order how_;
  process_faults& faults_;
  const std::function<bool()> has_to_stop_;
  random_stream draws_;
  std::deque<lane> lanes_;
  std::vector<lane*> busy_;  // those with items, the oldest first
  std::unordered_map<process*, lane*> by_owner_;
  std::uint64_t sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<std::uint64_t> changes_;  // the steps before which a priority changes, the last first
  std::int64_t lowest_ = 0;
  lane* latest_ = nullptr;
  int in_a_row_ = 0;
  bool without_memory_ = false;  // the step that is about to begin suffers that
  bool has_stopped_ = false;
};

}  // namespace coppice::detail
