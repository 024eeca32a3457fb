#include <coppice/partition_supervisor.hpp>

#include "supervisor_process.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/error.hpp>
#include <coppice/name.hpp>

#include <boost/system/system_error.hpp>

#include <any>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A partition supervisor (Elixir's PartitionSupervisor) is an ordinary supervisor whose children
// are made from one spec and have the ids "0", "1", ... It routes a key to the child whose number
// is the key's remainder. `setup_.partitions` is how many children it has, and `partitions_`
// over how many of them keys are spread at present, which `resize` changes.

namespace coppice {

namespace {

using detail::access;

[[noreturn]] void refuse_partitions(std::string_view name, const char* rule) {
  throw std::invalid_argument{"coppice: partition supervisor \"" + std::string{name} +
                              "\": " + rule};
}

// Makes the spec of the ordinary supervisor. A template gets the number of the partition as
// argument.
supervisor_spec as_supervisor(const partition_supervisor_spec& spec) {
  if (spec.name.empty()) refuse_partitions(spec.name, "its name must not be empty (missing name)");
  if (spec.partitions == 0)
    refuse_partitions(spec.name, "the number of its partitions must be above zero");
  if (!spec.child) refuse_partitions(spec.name, "it needs a child (missing child)");
  if (spec.strategy == strategy::simple_one_for_one) {
    refuse_partitions(spec.name, "its strategy cannot be simple_one_for_one");
  }
  supervisor_spec result{.name = spec.name,
                         .strategy = spec.strategy,
                         .intensity = spec.intensity,
                         .period = spec.period};
  result.children.reserve(spec.partitions);
  for (std::size_t i = 0; i < spec.partitions; ++i) {
    child_spec partition = spec.child(i);
    partition.id = std::to_string(i);
    if (access::is_template(partition.start)) {
      try {
        partition.start = access::make<start_function>(
            access::with_argument(partition.start, std::any{i}));
      } catch (const std::bad_any_cast&) {
        refuse_partitions(spec.name,
                          "its template must take the number of the partition, a std::size_t");
      }
    }
    result.children.push_back(std::move(partition));
  }
  return result;
}

}  // namespace

namespace detail {

namespace {

[[noreturn]] void fail(errc why) {
  throw boost::system::system_error{make_error_code(why), "a partition supervisor"};
}

// Finds the supervisor of the partitions. Returns null if there is no such process, or if it has
// been spawned and has not become a supervisor yet: a lookup finds nothing then, as it does while a
// partition is being restarted.
supervisor_process* partitions_of(const process_ref& supervisor) {
  process* const p = access::slot(supervisor);
  if (p == nullptr || p->life.is_exiting() || may_become_supervisor(*p)) return nullptr;
  supervisor_process* const s = supervisor_process::of(*p);
  if (s == nullptr || !s->has_partitions()) fail(errc::wrong_type);
  return s;
}

}  // namespace

setup_ptr setup_of(const partition_supervisor_spec& spec) {
  return setup_of(as_supervisor(spec), spec.partitions);
}

pid find_partition(const process_ref& supervisor, std::uintmax_t number) {
  supervisor_process* const s = partitions_of(supervisor);
  return s != nullptr ? s->partition_for(number) : pid{};
}

pid find_partition(std::string_view supervisor, std::uintmax_t number) {
  return find_partition(whereis(supervisor), number);
}

pid find_partition(asio::io_context& io, std::string_view supervisor, std::uintmax_t number) {
  return find_partition(whereis(io, supervisor), number);
}

pid supervisor_process::partition_for(std::uintmax_t number) {
  if (!has_partitions()) return {};
  if (partitions_ == 0) {
    throw boost::system::system_error{
        make_error_code(errc::not_found),
        "partition supervisor \"" + setup_.name + "\" was resized to no partitions"};
  }
  const auto* c =
      static_cast<const entry*>(decide_.children().find(std::to_string(number % partitions_)));
  if (c == nullptr || c->state != supervision::child_state::running) return {};
  return c->process.alive() ? c->process : pid{};
}

// A resize becomes calls to the decisions, one for each partition to stop or to start, and a queued
// one behind them, at which it is answered (`resized`). Calls are served in order, so each
// partition has been dealt with by then. Several resizes may be under way: each one asks for the
// state of every partition, so the last one is right whatever those before it have left.
//
// When partitions go, keys are no longer routed to them from now on; when partitions come, keys are
// routed to them only after they have started.
void supervisor_process::resize(resize_request& r) {
  if (!has_partitions()) {
    finish(r, errc::wrong_type);
    return;
  }
  if (r.partitions > setup_.partitions) {
    finish(r, errc::max_children);
    return;
  }
  const std::size_t fewer = std::min(partitions_, r.partitions);
  for (std::size_t i = setup_.partitions; i > r.partitions; --i) {
    decide_.terminate(std::to_string(i - 1), &r);
  }
  for (std::size_t i = fewer; i < r.partitions; ++i) {
    decide_.restart_child(std::to_string(i), &r);
  }
  decide_.queue(&r);
  latest_resize_ = &r;
  r.previous = std::exchange(partitions_, fewer);
}

// A partition that is missing was forgotten in between, and cannot be started again. Only the
// latest resize may widen the routing: a later one may have stopped some of these partitions.
void supervisor_process::resized(resize_request& r) {
  for (std::size_t i = r.previous; i < r.partitions && !r.error; ++i) {
    if (decide_.children().find(std::to_string(i)) == nullptr) r.error = errc::not_found;
  }
  if (!r.error && latest_resize_ == &r) partitions_ = r.partitions;
}

std::shared_ptr<supervisor_request> make_resize(std::size_t partitions) {
  return std::allocate_shared<resize_request>(pool_allocator<resize_request>{}, partitions);
}

}  // namespace detail

partition_child::partition_child(child_spec spec)
    : make_{[spec = std::move(spec)](std::size_t) { return spec; }} {}

std::size_t partition_supervisor_ref::partitions() const {
  detail::supervisor_process* const s = detail::partitions_of(to_);
  if (s == nullptr) detail::fail(errc::noproc);
  return s->partitions();
}

partition_supervisor_ref start_supervisor(asio::io_context& io, partition_supervisor_spec spec) {
  return partition_supervisor_ref{
      detail::start_supervisor(io, detail::setup_of(spec), nullptr).get_pid()};
}

partition_supervisor_ref start_supervisor_link(partition_supervisor_spec spec) {
  return partition_supervisor_ref{detail::start_linked(detail::setup_of(spec))};
}

child_spec partition_supervisor(partition_supervisor_spec spec) {
  return detail::supervisor_child_of(std::move(spec));
}

void check(const partition_supervisor_spec& spec) { check(as_supervisor(spec)); }

}  // namespace coppice
