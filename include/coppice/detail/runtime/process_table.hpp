#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/process.hpp>

#include <cstddef>
#include <cstdint>
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

// A process whose frames are being destroyed, and the time at which that began. It may have ended
// by now.
struct exiting_process {
  process* block;
  std::uint64_t number;
  time_point since;
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

// Is told when a process gets ready that has the name, and when the name is free again.
class name_watch : public list_hook {
 public:
  explicit name_watch(std::string name) noexcept : name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  virtual void name_ready() = 0;
  virtual void name_gone() = 0;

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
  // Returns false if the name is taken or the process has one.
  bool add(process& p, std::string_view name);
  // Frees the name of a process, if it has one; `its_name` is where it keeps it.
  void remove(std::string& its_name) noexcept;
  // A process with extras that had not acknowledged its start has done so.
  void got_ready(process& p);

  // The watch hears of changes from now on, until it is unlinked. Tells whether a process of its
  // name is ready now.
  bool watch(name_watch& w);

 private:
  [[nodiscard]] list_hook* watches_of(std::string_view name) noexcept;
  void tell_ready(std::string_view name);

  std::unordered_map<std::string, process*> names_;
  std::unordered_map<std::string, list_hook> watches_;  // the names that anybody has ever watched
};

}  // namespace coppice::detail
