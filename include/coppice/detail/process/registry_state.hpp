#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

template <class Key>
struct registry_event;

namespace detail {

// Knows the io_context of a registry. The io_context may be destroyed before the registry.
class COPPICE_API registry_home {
 public:
  explicit registry_home(scheduler& s) noexcept : serial_{s.serial()} {}

  // Gives the calling process. Throws std::logic_error, which names the function of the interface,
  // if no process calls, if it belongs to another io_context, or if another thread runs the
  // io_context.
  [[nodiscard]] process& caller(const char* function) const;
  // Throws std::logic_error likewise if another thread runs the io_context.
  void check_thread(const char* function) const;
  // Gives a reference that finds no process once the io_context is gone.
  [[nodiscard]] process_ref ref(process_ref::resolver find) const;

 private:
  std::uint64_t serial_;  // the serial number of the scheduler
};

// The entries of one registry, shared by its handles. An entry is also in a list of its process,
// which drops it when the process ends, before anybody hears of that. Listeners hear of what is
// registered and unregistered by a call, but not of ends: for these there are monitors.
template <class Key, class Value>
class registry_state {
 public:
  struct entry final : registration {
    entry(registry_state& r, Key k, Value v, pid p)
        : owner{&r}, key{std::move(k)}, value{std::move(v)}, process{p} {}
    // Called when the process has ended.
    void drop() noexcept override { owner->erase(*this); }

    registry_state* owner;
    Key key;
    Value value;
    pid process;
  };

  explicit registry_state(scheduler& s) noexcept : home{s} {}

  // If there is no memory for it, nothing has been registered.
  entry& add(process& me, const Key& key, Value value) {
    process_extras& extras = me.more();
    auto made = std::make_unique<entry>(*this, key, std::move(value), me.id());
    auto& under = entries[key];
    try {
      under.push_back(std::move(made));
    } catch (...) {
      if (under.empty()) entries.erase(key);
      throw;
    }
    extras.registrations.push_back(*under.back());
    ++size;
    tell(registry_event<Key>::kind_type::registered, key, me.id());
    return *under.back();
  }

  void erase(entry& e) noexcept {
    const auto found = entries.find(e.key);
    auto& under = found->second;
    std::erase_if(under, [&e](const auto& x) { return x.get() == &e; });
    if (under.empty()) entries.erase(found);
    --size;
  }

  void remove(const Key& key, const pid& process) {
    const auto found = entries.find(key);
    if (found == entries.end()) return;
    const Key named = found->first;  // `key` may be that of an entry which is erased here
    const std::size_t removed =
        std::erase_if(found->second, [&process](const auto& e) { return e->process == process; });
    if (found->second.empty()) entries.erase(found);
    size -= removed;
    if (removed > 0) tell(registry_event<Key>::kind_type::unregistered, named, process);
  }

  [[nodiscard]] const std::vector<std::unique_ptr<entry>>& under(const Key& key) const {
    static const std::vector<std::unique_ptr<entry>> none;
    const auto found = entries.find(key);
    return found != entries.end() ? found->second : none;
  }

  void tell(typename registry_event<Key>::kind_type kind, const Key& key, const pid& process) {
    for (const auto& listener : listeners) listener({kind, key, process});
  }

  registry_home home;
  std::unordered_map<Key, std::vector<std::unique_ptr<entry>>> entries;
  std::size_t size = 0;
  std::vector<std::function<void(const registry_event<Key>&)>> listeners;
};

}  // namespace detail

}  // namespace coppice
