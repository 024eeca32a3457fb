#pragma once

#include <coppice/application_env.hpp>
#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/config_value.hpp>
#include <coppice/detail/application/application_callback.hpp>
#include <coppice/supervisor_spec.hpp>
#include <coppice/task.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

/// A function that is called when an application is stopped, plain or a coroutine (an
/// `asio::awaitable<void>` or a `coppice::task<>`). Its awaits work as always, although the
/// application has been asked to stop.
class stop_callback {
 public:
  /// No function.
  stop_callback() noexcept = default;

  /// The function, of which copies of this share the one object.
  template <detail::stop_function<stop_callback> F>
  stop_callback(F&& f)
      : call_{[kept = std::make_shared<std::decay_t<F>>(std::forward<F>(f))] {
          return detail::call_callback<void>(kept);
        }} {}

  /// Whether there is a function.
  explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  /// Calls it. The task completes when the function, or its coroutine, is done.
  [[nodiscard]] task<void> operator()() const { return call_(); }

 private:
  std::function<task<void>()> call_;
};

/// What the start function of an application returns, if there is more to say than the spec of its
/// top supervisor.
///
/// What the application has beside its tree (a pool, a file) is captured by the two functions. It
/// is there from the start to the end of the stop, and made anew when the application is started
/// again.
struct application_tree {
  /// The top supervisor. When it ends, so does the application.
  supervisor_spec root;
  /// Called before the tree is stopped, while all of it runs. Not if the top supervisor has ended
  /// by itself. What it throws is reported, and the stop goes on.
  stop_callback prep_stop{};
  /// Called when the tree is down, however it came to its end. Not if it did not come up, nor after
  /// a kill. What it throws is reported, and the stop goes on.
  stop_callback stop{};
};

/// How an application is started: a function that returns a `supervisor_spec` or an
/// `application_tree`; or a coroutine (an `asio::awaitable` or a `coppice::task`) that returns one
/// of them. It takes the `application_env`, or nothing.
class application_function {
 public:
  /// No function.
  application_function() noexcept = default;

  /// The function, of which copies of this share the one object. It is called for each start.
  template <detail::start_function_with<application_function, application_env> F>
  application_function(F&& f) {
    using result = std::invoke_result_t<std::decay_t<F>&, const application_env&>;
    using given = typename detail::given_by<result>::type;
    set<given>([kept = std::make_shared<std::decay_t<F>>(std::forward<F>(f))](
                   const application_env& env) { return detail::call_callback<given>(kept, env); });
  }
  template <detail::start_function_with<application_function> F>
  application_function(F&& f) {
    using given = detail::given_by_call<F>;
    set<given>([kept = std::make_shared<std::decay_t<F>>(std::forward<F>(f))](
                   const application_env&) { return detail::call_callback<given>(kept); });
  }

  /// Whether there is a function.
  explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  /// Calls it. The task gives what the function, or its coroutine, returns.
  [[nodiscard]] task<application_tree> operator()(const application_env& env) const {
    return call_(env);
  }

 private:
  template <class Given, class Call>
  void set(Call call) {
    static_assert(std::same_as<Given, supervisor_spec> || std::same_as<Given, application_tree>,
                  "the start function of an application returns a coppice::supervisor_spec or a "
                  "coppice::application_tree, or is a coroutine that does");
    if constexpr (std::same_as<Given, application_tree>) {
      call_ = std::move(call);
    } else {
      call_ = [call = std::move(call)](const application_env& env) { return as_tree(call(env)); };
    }
  }
  static task<application_tree> as_tree(task<supervisor_spec> made) {
    supervisor_spec root = co_await std::move(made);
    co_return application_tree{.root = std::move(root)};
  }

  std::function<task<application_tree>(const application_env&)> call_;
};

/// An application: a part of a program that is started and stopped as a whole, with a tree of its
/// own, and an environment. What needs what is said by names.
///
///     coppice::application_spec shop() {
///       return {.name = "shop",
///               .applications = {"database"},
///               .env = {{"port", 4000}},
///               .start = [](const coppice::application_env& env) -> coppice::supervisor_spec {
///                 return {.name = "shop.supervisor", .strategy = coppice::one_for_one, ...};
///               }};
///     }
///
/// @par Origin
/// OTP's application resource file, and its application callback module. Start arguments are what
/// the start function has captured. Differs: there are no included applications, start phases,
/// take-over or fail-over, and no code is loaded.
struct application_spec {
  /// Not empty, nor in use on that io_context.
  std::string name{};
  std::string description{};  ///< For people: what it is.
  std::string version{};      ///< For people, as it stands.
  /// The applications that have to be started before this one, by their names.
  std::vector<std::string> applications{};
  /// Its keys, each with a default; `mandatory` for one that has none. See `application_env`.
  config_value::table env{};
  /// Starts its tree. Without one the application is only counted as started: a library that others
  /// need, and its environment.
  application_function start{};
  /// What its end means, unless it was asked for: of a permanent one, the end of the program; of a
  /// transient one that too, unless its top supervisor ended normally (which a supervisor never
  /// does by itself: giving up and automatic shutdown are no normal ends); of a temporary one
  /// nothing, but for a report.
  coppice::restart type = coppice::restart::permanent;
  /// For how long all of its stop may take, with both functions, before the rest is killed.
  coppice::shutdown shutdown = infinity;
};

}  // namespace coppice
