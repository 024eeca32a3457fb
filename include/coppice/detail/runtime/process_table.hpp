#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/process.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice::detail {

class scheduler;

// Free slots whose runners have the same type.
struct free_slots {
  const void* kind = nullptr;  // the type; null: the slots have no runners
  process* top = nullptr;      // the first; each one refers to the next
  std::size_t count = 0;
};

// Such lists for each type. The list of a type is made when the first process of it is spawned: so
// there is one for each slot that gets free.
class COPPICE_API free_slot_lists {
 public:
  free_slots& of(const void* kind) { return latest_->kind == kind ? *latest_ : find(kind); }
  [[nodiscard]] free_slots& without_runners() noexcept { return lists_.front(); }

 private:
  free_slots& find(const void* kind);

  std::deque<free_slots> lists_{1};
  free_slots* latest_ = &lists_.front();
};

// The slots of processes. A slot never moves, and is not freed before the scheduler.
class process_slots {
 public:
  process_slots() = default;
  process_slots(const process_slots&) = delete;
  process_slots& operator=(const process_slots&) = delete;
  ~process_slots();

  process& add(scheduler& s);
  template <class F>
  void for_each(F f) {
    for (std::size_t i = 0; i < size_; ++i) f(at(i));
  }

 private:
  static constexpr std::size_t chunk = 64;

  process& at(std::size_t i) noexcept { return chunks_[i / chunk][i % chunk]; }

  std::vector<process*> chunks_;
  std::size_t size_ = 0;
};

// Processes of which some are to be dealt with later. For want of memory it may not know all of
// them by name; then it knows that there are others, which are found among all processes.
class COPPICE_API process_list {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void add(process& p) noexcept;
  // Leaves this empty.
  [[nodiscard]] process_list take() noexcept { return std::exchange(*this, {}); }
  // Calls `f` with those that have not ended since; `is_one` tells who else may be in the list.
  template <class Is, class F>
  void for_each(process_slots& all, Is is_one, F f) const {
    for (const auto& [p, number] : known_) {
      if (p->is(number)) f(*p);
    }
    if (known_.size() == size_) return;
    all.for_each([&](process& p) {
      if (!p.life.is_vacant() && is_one(p)) f(p);
    });
  }

 private:
  std::vector<std::pair<process*, std::uint64_t>> known_;
  std::size_t size_ = 0;
};

// A process whose frames are being destroyed, and the time at which that began. It may have ended
// by now.
struct exiting_process {
  process* block;
  std::uint64_t number;
  time_point since;
};

// Is told when a process gets ready that has the name, and when the name is free again.
class name_watch : public list_hook {
 public:
  explicit name_watch(std::string name) noexcept : name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  virtual void name_ready() noexcept = 0;
  virtual void name_gone() noexcept = 0;

 protected:
  ~name_watch() = default;

 private:
  const std::string name_;
};

// The registered names of an io_context.
class COPPICE_API name_table {
 public:
  // Null if nobody has the name.
  [[nodiscard]] process* find(std::string_view name) const noexcept;
  // Returns false if the name is taken or the process has one. Throws std::bad_alloc; nothing has
  // changed then.
  bool add(process& p, std::string_view name);
  // Frees the name of a process, if it has one; `its_name` is where it keeps it.
  void remove(std::string& its_name) noexcept;
  // A process with extras that had not acknowledged its start has done so.
  void got_ready(process& p) noexcept;

  // The watch hears of changes from now on, until it is unlinked. Tells whether a process of its
  // name is ready now.
  bool watch(name_watch& w);

 private:
  // A name is looked up without a copy of it, which might lie on the heap.
  struct hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>{}(name);
    }
  };
  template <class T>
  using map = std::unordered_map<std::string, T, hash, std::equal_to<>>;

  [[nodiscard]] list_hook* watches_of(std::string_view name) noexcept;
  void tell_ready(std::string_view name) noexcept;

  map<process*> names_;
  map<list_hook> watches_;  // the names that anybody has ever watched
};

}  // namespace coppice::detail
