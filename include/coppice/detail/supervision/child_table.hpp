#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/supervision/restart_policy.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

struct supervised_child;

// A place in the inbox of the decisions.
struct inbox_place : list_hook {
  enum class event_type : unsigned char {
    exit,
    retry,
    add,
    terminate,
    terminate_number,
    restart,
    erase,
    serve,
    stop,
  };

  event_type type = event_type::exit;
  supervised_child* subject = nullptr;
};

enum class child_state : unsigned char {
  stopped,     // has no process
  starting,    // its process has not acknowledged its start
  running,
  stopping,    // was asked to end, or killed
  restarting,  // it waits: for its next try, the end of a pause, a gate; or it is parked
};

// The record of one child. The driver of the decisions owns it and may derive from it: the
// supervisor process adds the body, the spec and the pid. It must live until the action `forget`.
struct supervised_child : list_hook {
  std::string id;  // a mere label if the child is dynamic: such a child is not found by it
  restart when = restart::permanent;
  shutdown how = std::chrono::seconds{5};
  child_type type = child_type::worker;
  bool significant = false;
  time_limit start_limit = infinity;
  std::unique_ptr<restart_policy> policy;  // null: it is restarted as OTP does it

  child_state state = child_state::stopped;
  bool had_to_be_killed = false;
  bool by_request = false;   // its latest start was asked for by `start_child` or `restart_child`
  std::uint64_t number = 0;  // the number of its process, or of the last one it had
  std::size_t restarts = 0;

  [[nodiscard]] bool is_parked() const noexcept {
    return state == child_state::restarting && policy != nullptr && policy->is_parked();
  }

  // Only the decisions use these. A child has at most one event in the inbox that may be dealt with
  // out of turn: it is down in both cases, and a child that is down cannot end once more. The place
  // for that is here, lest the end of a child ask for memory.
  inbox_place own_event;  // its exit or its retry, in the inbox
  bool ended = false;     // its exit has arrived and was not looked at yet
  exit_reason reason;
};

// The children of one supervisor in start order, found by their ids, or by the numbers of their
// processes if they come and go. The index is made when the first of them is looked for, and kept
// from then on: most supervisors are never asked.
class COPPICE_API child_table {
 public:
  // `by_number`: the children are dynamic, and their ids name nothing.
  explicit child_table(bool by_number) noexcept : finds_by_number_{by_number} {}
  ~child_table();
  child_table(const child_table&) = delete;
  child_table& operator=(const child_table&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] supervised_child* first() noexcept { return as_child(order_.front()); }
  [[nodiscard]] supervised_child* last() noexcept { return as_child(order_.back()); }
  [[nodiscard]] supervised_child* after(supervised_child& c) noexcept {
    return as_child(order_.after(&c));
  }
  [[nodiscard]] supervised_child* before(supervised_child& c) noexcept {
    return as_child(order_.before(&c));
  }
  // Null if there is no such child. The first search takes time linear in the number of children.
  [[nodiscard]] supervised_child* find(std::string_view id);
  [[nodiscard]] supervised_child* find(std::uint64_t number);

  // Puts a child last in the start order.
  void append(supervised_child& c);
  // Takes a child out, if it is in. The child counts as stopped then.
  void remove(supervised_child& c) noexcept;
  void set_number(supervised_child& c, std::uint64_t number) {
    if (has_index_ && finds_by_number_ && !c.empty()) index_number(number, c);
    c.number = number;
  }
  // Every change of state goes through here, so that the significant children need not be counted
  // when one of them ends: there may be many siblings.
  void set_state(supervised_child& c, child_state s) noexcept {
    if (c.significant) {
      if (c.state != child_state::stopped) --active_significant_;
      if (s != child_state::stopped) ++active_significant_;
    }
    c.state = s;
  }
  // The number of significant children that are not stopped.
  [[nodiscard]] std::size_t active_significant() const noexcept { return active_significant_; }

 private:
  [[nodiscard]] supervised_child* as_child(list_hook* hook) noexcept {
    return hook != &order_ ? static_cast<supervised_child*>(hook) : nullptr;
  }
  void make_index();
  void add_to_index(supervised_child& c);
  void index_number(std::uint64_t number, supervised_child& c);

  list_hook order_;
  std::size_t size_ = 0;
  std::size_t active_significant_ = 0;
  const bool finds_by_number_;
  bool has_index_ = false;  // one of these has all children
  std::unordered_map<std::string_view, supervised_child*> by_id_;
  std::unordered_map<std::uint64_t, supervised_child*, std::hash<std::uint64_t>, std::equal_to<>,
                     pool_allocator<std::pair<const std::uint64_t, supervised_child*>>>
      by_number_;
};

}  // namespace coppice::detail
