#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/process/registry_state.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

/// A registration, or what was in its way.
struct [[nodiscard]] register_result {
  /// The process that has the key now: the caller, or the one that had it before.
  pid holder;
  /// Whether the caller has got it. If not, nothing has changed.
  bool done = false;

  /// `done`.
  explicit operator bool() const noexcept { return done; }
};

/// A process under a key, with the value that it gave.
template <class Value>
struct registry_entry {
  pid process;  ///< Who is registered.
  Value value;  ///< What it has given along.

  friend bool operator==(const registry_entry&, const registry_entry&) = default;
};

/// The message to a listener of a registry: a process has registered, or unregistered by itself.
/// Removals at a death are not told.
template <class Key>
struct registry_event {
  /// It has given it up, or has ended.
  /// A process has got the key.
  /// What there is to tell of.
  enum class kind_type {
    registered,    ///< A process has got the key.
    unregistered,  ///< It has given it up, or has ended.
  };
  kind_type kind;  ///< What has happened.
  const Key& key;  ///< The key; valid while the listener runs.
  pid process;  ///< Whose registration it is.
};

/// The common part of unique and duplicate registries: processes under keys, each with a value.
///
/// A handle: copies are the same registry. The entries of a process are gone before anybody hears
/// of its death.
///
/// @tparam Key Copyable, with `std::hash` and `==`.
/// @tparam Value Copyable.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run: whatever else another thread calls
/// throws std::logic_error. Nor may it destroy the last handle, which is not noticed. Once the
/// io_context is gone, nobody registers any more.
/// @par Origin
/// Elixir's Registry. Differs: an object, not a process, since nothing in it can crash; removal at
/// a death is immediate.
template <class Key, class Value>
class basic_registry {
 public:
  /// A process with its value.
  using entry = registry_entry<Value>;

  /// The caller gives up all that it has under the key, if anything.
  ///
  /// @throws std::logic_error outside of processes.
  void unregister(const Key& key) {
    state_->remove(key, state_->home.caller("unregister").id());
  }

  /// The keys of a process, each as often as it has it.
  [[nodiscard]] std::vector<Key> keys(const pid& process) const {
    state_->home.check_thread("keys");
    std::vector<Key> result;
    for (const auto& [key, under] : state_->entries) {
      for (const auto& e : under) {
        if (e->process == process) result.push_back(key);
      }
    }
    return result;
  }

  /// The values of one process under a key.
  [[nodiscard]] std::vector<Value> values(const Key& key, const pid& process) const {
    state_->home.check_thread("values");
    std::vector<Value> result;
    for (const auto& e : state_->under(key)) {
      if (e->process == process) result.push_back(e->value);
    }
    return result;
  }

  /// Calls the function with all entries of the key, in the order of registration; not at all if
  /// there are none. It may register and unregister.
  template <std::invocable<const std::vector<entry>&> F>
  void dispatch(const Key& key, F f) const {
    const std::vector<entry> found = all("dispatch", key);
    if (!found.empty()) std::invoke(f, found);
  }

  /// How many entries there are. Constant.
  [[nodiscard]] std::size_t count() const {
    state_->home.check_thread("count");
    return state_->size;
  }

  /// Tells of registrations from now on. The function must not throw, nor change the registry.
  ///
  /// @throws std::invalid_argument if it is empty.
  void listen(std::function<void(const registry_event<Key>&)> listener) {
    if (!listener) {
      throw std::invalid_argument{"coppice: a listener of a registry must not be empty"};
    }
    state_->home.check_thread("listen");
    state_->listeners.push_back(std::move(listener));
  }

 protected:
  explicit basic_registry(boost::asio::io_context& io)
      : state_{std::make_shared<detail::registry_state<Key, Value>>(detail::scheduler::of(io))} {}
  ~basic_registry() = default;
  basic_registry(const basic_registry&) = default;
  basic_registry& operator=(const basic_registry&) = default;

  [[nodiscard]] std::vector<entry> all(const char* function, const Key& key) const {
    state_->home.check_thread(function);
    std::vector<entry> result;
    for (const auto& e : state_->under(key)) result.push_back({e->process, e->value});
    return result;
  }

  std::shared_ptr<detail::registry_state<Key, Value>> state_;
};

/// A registry in which a key belongs to one process at a time.
template <class Key, class Value = std::monostate>
class unique_registry : public basic_registry<Key, Value> {
 public:
  /// An empty one, for processes of this io_context.
  explicit unique_registry(boost::asio::io_context& io) : basic_registry<Key, Value>{io} {}

  /// Puts the calling process under the key, unless there is one already, be it the caller.
  ///
  /// @throws std::logic_error outside of processes.
  register_result register_self(const Key& key, Value value = {}) {
    detail::process& me = this->state_->home.caller("register_self");
    if (const auto& under = this->state_->under(key); !under.empty()) {
      return {under.front()->process, false};
    }
    return {this->state_->add(me, key, std::move(value)).process, true};
  }

  /// The process that has the key, with its value.
  [[nodiscard]] std::optional<registry_entry<Value>> lookup(const Key& key) const {
    this->state_->home.check_thread("lookup");
    const auto& under = this->state_->under(key);
    if (under.empty()) return std::nullopt;
    return registry_entry<Value>{under.front()->process, under.front()->value};
  }

  /// The process that has the key, or an empty pid.
  [[nodiscard]] pid whereis(const Key& key) const {
    this->state_->home.check_thread("whereis");
    const auto& under = this->state_->under(key);
    return under.empty() ? pid{} : under.front()->process;
  }

  /// Replaces the caller's value under the key: `Value f(const Value&)`.
  ///
  /// @return The new value, or nothing if the key is not the caller's.
  /// @throws std::logic_error outside of processes.
  template <class F>
  requires std::convertible_to<std::invoke_result_t<F, const Value&>, Value> std::optional<Value>
  update_value(const Key& key, F f) {
    const pid me = this->state_->home.caller("update_value").id();
    const auto& under = this->state_->under(key);
    if (under.empty() || under.front()->process != me) return std::nullopt;
    Value next = std::invoke(f, std::as_const(under.front()->value));
    under.front()->value = next;
    return next;
  }

  /// A reference to the process that has the key at the moment of use: for `server_ref`,
  /// `agent_ref` and the like.
  ///
  /// @par Origin
  /// `{via, Registry, {Name, Key}}`.
  [[nodiscard]] process_ref via(Key key) const {
    return this->state_->home.ref(
        [self = *this, key = std::move(key)] { return self.whereis(key); });
  }
};

/// A registry in which any number of processes, and one process several times, may have a key.
template <class Key, class Value = std::monostate>
class duplicate_registry : public basic_registry<Key, Value> {
 public:
  /// An empty one, for processes of this io_context.
  explicit duplicate_registry(boost::asio::io_context& io) : basic_registry<Key, Value>{io} {}

  /// Puts the calling process under the key once more.
  ///
  /// @throws std::logic_error outside of processes.
  void register_self(const Key& key, Value value = {}) {
    this->state_->add(this->state_->home.caller("register_self"), key, std::move(value));
  }

  /// The processes under the key, in the order of registration.
  [[nodiscard]] std::vector<registry_entry<Value>> lookup(const Key& key) const {
    return this->all("lookup", key);
  }
};

}  // namespace coppice
