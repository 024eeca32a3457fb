#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/supervisor/key_number.hpp>
#include <coppice/detail/supervisor/partitions.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/operation.hpp>
#include <coppice/partition_index.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coppice {

/// The child that each partition runs. It has to be given: leaving it out does not compile.
class COPPICE_API partition_child {
 public:
  /// The same child for every partition, a worker or a whole tree. Its id is not used.
  ///
  /// The start function of a template is given the number of the partition:
  /// `template_worker<std::size_t>("shard", shard)`, for an `awaitable<void> shard(std::size_t)`.
  partition_child(child_spec spec);

  /// A child made for its partition: called with each number once, when the spec is used, and not
  /// for restarts.
  ///
  /// @param make Copyable.
  template <class F>
    requires(!std::same_as<std::decay_t<F>, partition_child>) &&
            std::copy_constructible<std::decay_t<F>> &&
            std::is_invocable_r_v<child_spec, std::decay_t<F>&, std::size_t>
  partition_child(F&& make) : make_{std::forward<F>(make)} {}

  /// Whether there is a function; false if it was made from an empty `std::function`.
  explicit operator bool() const noexcept { return static_cast<bool>(make_); }
  /// The spec of the child that the partition of that number runs, counted from 0. Made anew each
  /// time.
  ///
  /// @throws std::bad_function_call if there is no function; and whatever the function throws.
  [[nodiscard]] child_spec operator()(std::size_t number) const { return make_(number); }

 private:
  std::function<child_spec(std::size_t)> make_;
};

/// A supervisor of so many copies of one child, the partitions, among which work is divided by key.
///
/// It is a supervisor like any other, whose children have the ids "0", "1" and so on. What it adds
/// is `process_for` and `partition`, by which a key finds its partition without asking anybody. Use
/// it where one process would have too much to do or to wait for, and what it does can be divided:
/// a store by its keys, a dynamic supervisor by whatever its children are for.
///
///     coppice::partition_supervisor({.name = "sessions",
///                                    .child = coppice::dynamic_supervisor({}),
///                                    .partitions = 8})
///     ...
///     const coppice::dynamic_supervisor_ref mine{coppice::partition("sessions", user)};
///     mine.start_child(session);
///
/// A partition must not register a name of its own, unless that is made from its number: they would
/// all ask for the same one.
///
/// @par Origin
/// Elixir's PartitionSupervisor.
struct partition_supervisor_spec {
  /// Under which it is registered, appears in reports, and is found by `partition`. Must not be
  /// empty.
  std::string name{};
  /// As what each partition is started, restarted and stopped. Not significant. One that is
  /// temporary leaves its keys without a process when it has ended.
  partition_child child;
  /// The number of partitions. Above zero. One by default, which does for the one thread of an
  /// io_context: more of them divide waiting and state, not computing.
  ///
  /// @par Origin
  /// Differs from Elixir's default, the number of cores.
  std::size_t partitions = 1;
  /// Not simple_one_for_one.
  coppice::strategy strategy = strategy::one_for_one;
  /// As in `supervisor_spec`, for all partitions together.
  std::size_t intensity = 3;
  /// For how long a restart counts; above zero.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
};

/// A supervisor of partitions. Each has its number as its id, in listings and to `which_child`;
/// counts are those of its children.
///
/// What is not offered here is not meant to be done, though `supervisor_ref{ref.get_pid()}` would:
/// partition n is whatever child has that id.
class COPPICE_API partition_supervisor_ref : public supervisor_handle {
 public:
  using supervisor_handle::supervisor_handle;

  /// The partition that a key belongs to (`partition_index`), as long as the number of partitions
  /// is not changed; after a restart that is the new process. The integers from 0 on stand for the
  /// partitions in their order.
  ///
  /// @return An empty pid if that partition does not run right now: it is not up yet, it is
  ///   restarting or being stopped, or has ended for good. Also if the supervisor has ended.
  /// @throws boost::system::system_error with `errc::not_found` if it was resized to none, and with
  ///   `errc::wrong_type` if the process is no supervisor of partitions.
  /// @par Complexity
  /// Constant, apart from the hash of the key.
  /// @par Origin
  /// `{:via, PartitionSupervisor, {name, key}}`. Differs: a partition that is down is an empty pid,
  /// and not the pid of the process that has ended.
  template <partition_key Key>
  [[nodiscard]] pid process_for(const Key& key) const {
    return detail::find_partition(to_, detail::key_number(key));
  }

  /// The number of partitions to which keys are routed.
  ///
  /// @throws boost::system::system_error with `errc::noproc` if the supervisor has ended, or has
  ///   not begun to start its children; with `errc::wrong_type` if it is not one of partitions.
  /// @par Complexity
  /// Constant.
  /// @par Origin
  /// `PartitionSupervisor.partitions/1`.
  [[nodiscard]] std::size_t partitions() const;

  /// The entry of one partition in the listing.
  ///
  /// @param number From 0 to one less than the number of partitions it was started with.
  ///
  /// Fails with `errc::not_found`.
  /// @par Completion Signature
  /// `void(error_code, child_entry)`
  [[nodiscard]] operation<void(boost::system::error_code, child_entry)> auto which_child(
      std::size_t number) const {
    return supervisor_ref{to_}.which_child(std::to_string(number));
  }

  /// Changes how many partitions there are, up to the number it was started with:
  /// `std::size_t before = co_await shards.resize(4);`
  ///
  /// Those that are too many get no more keys from here on; then they are stopped, the last one
  /// first. Those that are missing are started, and get their keys when all of them are up. Their
  /// specs are kept in between, and a restart of them all by the strategy brings them back, without
  /// keys. Many keys change their partition; what the partitions know does not move with them.
  ///
  /// Completes when that is done, with the number there was when it was called. Fails with
  /// `errc::max_children` above the number it was started with, with `errc::start_failed` if a
  /// partition did not start, and with `errc::not_found` if a temporary one is gone for good; keys
  /// are routed as before then, and it may be called again. Fails with `errc::wrong_type` if the
  /// supervisor is not one of partitions.
  ///
  /// @param partitions Zero is allowed: no key has a partition until it is resized again.
  /// @par Origin
  /// `PartitionSupervisor.resize!/2`. Differs: after a failure, partitions that did start are no
  /// obstacle to another try.
  /// @par Completion Signature
  /// `void(error_code, std::size_t)`
  [[nodiscard]] operation<void(boost::system::error_code, std::size_t)> auto resize(
      std::size_t partitions) const {
    return detail::deferred_wait<detail::resize_wait>{{detail::make_resize(partitions), to_}};
  }
};

/// The partition that a key belongs to, found by the name of its supervisor. As
/// `partition_supervisor_ref::process_for`, and an empty pid if there is no process of that name.
///
/// A pid is what is wanted wherever coppice asks for a process. Ask anew each time rather than
/// keeping it: it is that of the process which is there now. A call to an empty pid fails with
/// `errc::noproc`.
///
/// @throws boost::system::system_error with `errc::not_found` if it was resized to none, and with
///   `errc::wrong_type` if the process is no supervisor of partitions.
/// @throws std::logic_error outside of processes.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Complexity
/// Constant, apart from the hashes of name and key.
/// @par Origin
/// `GenServer.whereis({:via, PartitionSupervisor, {name, key}})`.
template <partition_key Key>
[[nodiscard]] pid partition(std::string_view supervisor, const Key& key) {
  return detail::find_partition(supervisor, detail::key_number(key));
}

/// The same from outside of processes.
///
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
template <partition_key Key>
[[nodiscard]] pid partition(asio::io_context& io, std::string_view supervisor, const Key& key) {
  return detail::find_partition(io, supervisor, detail::key_number(key));
}

/// Starts a partition supervisor on the io_context, as `start_supervisor` does any other.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Origin
/// `PartitionSupervisor.start_link/1`, without the link.
COPPICE_API partition_supervisor_ref start_supervisor(asio::io_context& io,
                                                      partition_supervisor_spec spec);

/// Starts a partition supervisor linked to the calling process, whose end, for whatever reason,
/// stops it with that reason.
///
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `PartitionSupervisor.start_link/1`.
COPPICE_API partition_supervisor_ref start_supervisor_link(partition_supervisor_spec spec);

/// The spec of a partition supervisor as a child of another: permanent, with unlimited time to shut
/// down, its name as its id. It has all of its partitions again when it is restarted. A spec that
/// breaks a rule is refused as that of a `supervisor` is.
///
/// @par Origin
/// `PartitionSupervisor.child_spec/1`.
[[nodiscard]] COPPICE_API child_spec partition_supervisor(partition_supervisor_spec spec);

/// Checks the spec of a partition supervisor, its child included, without starting anything: calls
/// the function of its child for each partition.
///
/// @throws std::invalid_argument naming the supervisor or the partition and the rule it breaks.
COPPICE_API void check(const partition_supervisor_spec& spec);

}  // namespace coppice
