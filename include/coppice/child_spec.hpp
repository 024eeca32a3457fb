#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/make_body.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/supervision/rare.hpp>
#include <coppice/detail/supervisor/bound_template.hpp>
#include <coppice/restart_backoff.hpp>
#include <coppice/restart_limit.hpp>
#include <coppice/start_gate.hpp>
#include <coppice/time_limit.hpp>

#include <any>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

/// The body of a child: any callable that returns an `asio::awaitable<void>` or a `task<>`, called
/// anew for each start. If it takes an `init_ack`, the child is up when it says so there.
///
/// Copies share the callable, which therefore need not be copyable. It lives at least as long as
/// any process that was started from it, so a coroutine lambda may use its captures.
class start_function {
 public:
  /// No function; refused wherever a spec is used.
  start_function() noexcept = default;

  /// Any callable that returns a process body.
  template <class F>
    requires(!std::same_as<std::decay_t<F>, start_function>) && detail::process_function<F>
  start_function(F&& f) : body_{detail::make_body(std::forward<F>(f))} {}

  /// Whether there is a function.
  explicit operator bool() const noexcept {
    return static_cast<bool>(body_) || static_cast<bool>(template_);
  }

 private:
  friend struct detail::access;

  explicit start_function(detail::body_ptr b) noexcept : body_{std::move(b)} {}
  explicit start_function(std::function<detail::body_ptr(const std::any&)> f)
      : template_{std::make_shared<const std::function<detail::body_ptr(const std::any&)>>(
            std::move(f))} {}

  [[nodiscard]] const detail::body_ptr& get_body() const noexcept { return body_; }
  [[nodiscard]] bool is_template() const noexcept { return static_cast<bool>(template_); }
  [[nodiscard]] detail::body_ptr with_argument(const std::any& argument) const {
    return (*template_)(argument);
  }

  detail::body_ptr body_;
  std::shared_ptr<const std::function<detail::body_ptr(const std::any&)>> template_;
};

/// How a supervisor starts, restarts and stops one child.
struct child_spec {
  /// Names the child within its supervisor. Must not be empty, nor in use there. To a dynamic
  /// supervisor it is no more than a label: any text, be it empty or in use.
  std::string id{};
  /// Called for each start, with nothing kept from the last one. What it captured by reference must
  /// outlive the supervisor.
  start_function start{};
  coppice::restart restart = coppice::restart::permanent;  ///< When it is started again.
  /// 5 s for a worker and `infinity` for a supervisor, unless given.
  std::optional<coppice::shutdown> shutdown{};
  child_type type = child_type::worker;  ///< What it is; `supervisor` sets that.
  /// Counts for the automatic shutdown of its supervisor. Not for permanent children.
  bool significant = false;
  /// For how long it may take to acknowledge its start before it is killed, and has failed to
  /// start. Above zero. No limit by default, as in OTP.
  time_limit start_limit = infinity;
  /// A pause before each restart. Without one the child is restarted at once, as in OTP.
  detail::rare<restart_backoff> backoff{};
  /// A budget of the child's own, beside that of its supervisor.
  detail::rare<coppice::restart_limit> restart_limit{};
  /// Within which time it has to make progress, again and again, or it ends with the reason `hung`,
  /// and is restarted as after any crash. Progress is an await that completes, whatever it awaits,
  /// or a `checkpoint`. So a body that may rightly wait for longer gives that wait a time limit of
  /// its own. A server makes progress with each message: no handler, nor `init` or `terminate`, may
  /// take longer, whatever it awaits, and a server without a message waits as long as it likes. A
  /// body that computes for too long ends when it suspends, and not before. The frames of a process
  /// that hangs are destroyed, as those of a killed one are. What is ready when the time is over
  /// has its turn first: nobody hangs because another process has held up the loop. Above zero; not for
  /// supervisors. No limit by default: OTP has none.
  time_limit progress_limit = infinity;
  /// For how long it may finish what it has before a program that `run` runs stops its processes: a
  /// dynamic supervisor takes no further children (`errc::draining`) and waits for those that it
  /// has, a server handles what is in its queue. Not negative. Nothing by default; of no meaning
  /// for others. An `acceptor` has an option of its own for that.
  time_limit drain = std::chrono::steady_clock::duration::zero();
  /// The gates that have to be open before it is started: see `ready_of`.
  detail::rare<std::vector<start_gate>> gates{};

  /// Each of these is a copy with that field changed: what is to be said of a child beside its id
  /// and start function, after whatever made its spec.
  ///
  ///     coppice::worker("session", talk).with_restart(coppice::temporary).with_shutdown(1s)
  ///     coppice::supervisor({...}).with_shutdown(10s)
  ///
  /// Nothing is checked before the spec is used.
  ///
  /// @par Origin
  /// `Supervisor.child_spec/2`.
  [[nodiscard]] child_spec with_id(std::string new_id) const& {
    return with(child_spec{*this}, &child_spec::id, std::move(new_id));
  }
  [[nodiscard]] child_spec with_id(std::string new_id) && {
    return with(std::move(*this), &child_spec::id, std::move(new_id));
  }
  /// The same child with another `restart`.
  [[nodiscard]] child_spec with_restart(coppice::restart r) const& {
    return with(child_spec{*this}, &child_spec::restart, r);
  }
  [[nodiscard]] child_spec with_restart(coppice::restart r) && {
    return with(std::move(*this), &child_spec::restart, r);
  }
  /// The same child with another `shutdown`.
  [[nodiscard]] child_spec with_shutdown(coppice::shutdown s) const& {
    return with(child_spec{*this}, &child_spec::shutdown, s);
  }
  [[nodiscard]] child_spec with_shutdown(coppice::shutdown s) && {
    return with(std::move(*this), &child_spec::shutdown, s);
  }
  /// The same child with another `type`.
  [[nodiscard]] child_spec with_type(child_type t) const& {
    return with(child_spec{*this}, &child_spec::type, t);
  }
  [[nodiscard]] child_spec with_type(child_type t) && {
    return with(std::move(*this), &child_spec::type, t);
  }
  /// The same child, significant or not.
  [[nodiscard]] child_spec with_significant(bool s = true) const& {
    return with(child_spec{*this}, &child_spec::significant, s);
  }
  [[nodiscard]] child_spec with_significant(bool s = true) && {
    return with(std::move(*this), &child_spec::significant, s);
  }
  /// The same child with a `start_limit`: for how long its start may take.
  [[nodiscard]] child_spec with_start_limit(time_limit limit) const& {
    return with(child_spec{*this}, &child_spec::start_limit, limit);
  }
  [[nodiscard]] child_spec with_start_limit(time_limit limit) && {
    return with(std::move(*this), &child_spec::start_limit, limit);
  }
  /// The same child with a `progress_limit`.
  [[nodiscard]] child_spec with_progress_limit(time_limit limit) const& {
    return with(child_spec{*this}, &child_spec::progress_limit, limit);
  }
  [[nodiscard]] child_spec with_progress_limit(time_limit limit) && {
    return with(std::move(*this), &child_spec::progress_limit, limit);
  }
  /// The same child with a time to `drain`.
  [[nodiscard]] child_spec with_drain(time_limit time) const& {
    return with(child_spec{*this}, &child_spec::drain, time);
  }
  [[nodiscard]] child_spec with_drain(time_limit time) && {
    return with(std::move(*this), &child_spec::drain, time);
  }
  /// The same child with pauses before its restarts.
  [[nodiscard]] child_spec with_backoff(const restart_backoff& b) const& {
    return with(child_spec{*this}, &child_spec::backoff, b);
  }
  [[nodiscard]] child_spec with_backoff(const restart_backoff& b) && {
    return with(std::move(*this), &child_spec::backoff, b);
  }
  /// The same child with a budget of restarts of its own.
  [[nodiscard]] child_spec with_restart_limit(const coppice::restart_limit& l) const& {
    return with(child_spec{*this}, &child_spec::restart_limit, l);
  }
  [[nodiscard]] child_spec with_restart_limit(const coppice::restart_limit& l) && {
    return with(std::move(*this), &child_spec::restart_limit, l);
  }
  /// Adds a gate: the child is started when all its gates are open.
  [[nodiscard]] child_spec starts_when(start_gate g) const& {
    return child_spec{*this}.starts_when(std::move(g));
  }
  [[nodiscard]] child_spec starts_when(start_gate g) && {
    if (!gates) gates = std::vector<start_gate>{};
    gates->push_back(std::move(g));
    return std::move(*this);
  }

 private:
  friend struct detail::access;

  // Tells whether it says anything that OTP does not know, as few specs do.
  [[nodiscard]] bool has_terms() const noexcept {
    return backoff || restart_limit || gates || !progress_limit.is_infinity() ||
           drain != time_limit{std::chrono::steady_clock::duration::zero()};
  }
  template <class Field, class Value>
  [[nodiscard]] static child_spec with(child_spec&& spec, Field child_spec::* field,
                                       Value&& value) {
    spec.*field = std::forward<Value>(value);
    return std::move(spec);
  }
};

/// The spec of a worker: permanent, with 5 s to shut down.
///
/// @param start As a `start_function`.
template <class F>
[[nodiscard]] child_spec worker(std::string id, F&& start) {
  child_spec spec{.id = std::move(id)};
  if constexpr (detail::check_process_function<F>()) {
    spec.start = start_function{std::forward<F>(start)};
  }
  return spec;
}

/// The template of a simple_one_for_one supervisor: its children are started with an argument each,
/// by `start_child(argument)`, and restarted with the same argument. What is said of the template
/// goes for all of them.
///
/// @tparam Argument Copyable.
/// @param start Takes the argument; or an `init_ack` and the argument.
template <class Argument, class F>
  requires detail::process_function<detail::bound_template<F, Argument>>
[[nodiscard]] child_spec template_worker(std::string id, F start) {
  auto shared = std::make_shared<F>(std::move(start));
  child_spec spec{.id = std::move(id)};
  spec.start = detail::access::make<start_function>(
      std::function<detail::body_ptr(const std::any&)>{[shared](const std::any& argument) {
        return detail::make_body(
            detail::bound_template<F, Argument>{shared, std::any_cast<Argument>(argument)});
      }});
  return spec;
}

/// A type that says by itself how it is supervised.
template <class T, class... Args>
concept supervisable = requires(Args&&... args) {
  { T::child_spec(std::forward<Args>(args)...) } -> std::same_as<coppice::child_spec>;
};

/// The spec that a type has for itself: `T::child_spec(args...)`.
template <class T, class... Args>
[[nodiscard]] child_spec child(Args&&... args) {
  static_assert(supervisable<T, Args...>,
                "coppice::child<T>(args...) needs a static T::child_spec(args...) that returns a "
                "coppice::child_spec; otherwise use coppice::worker(id, function), "
                "coppice::supervisor(spec) or a child_spec written out");
  return T::child_spec(std::forward<Args>(args)...);
}

/// Checks specs as the supervisor that gets them will: non-empty distinct ids, a start function,
/// times not below zero, significant children neither permanent nor where nothing comes of them;
/// and, of children that are supervisors themselves, the specs of these.
///
/// @throws std::invalid_argument naming the child, the supervisors within it down to the broken
///   one, and the rule.
COPPICE_API void check_child_specs(std::span<const child_spec> specs,
                                   auto_shutdown mode = auto_shutdown::never);

}  // namespace coppice
