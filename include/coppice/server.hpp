#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/describe.hpp>
#include <coppice/detail/server_core.hpp>
#include <coppice/detail/stage.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice {

using server_options = detail::server_options;

/// A message that is answered: a type with a member type `reply`.
template <class M>
concept call_message = requires {
  typename M::reply;
};

/// The answer to one call, still to be given. Answer once, at any time, from anywhere; destroyed
/// unanswered, it fails the call with `errc::no_reply`.
///
/// @par Thread safety
/// Distinct objects: safe, on any thread.
/// @par Origin
/// The `From` of `handle_call/3`, with `gen_server:reply/2`. Replying twice cannot be written.
template <class R>
class reply_to {
 public:
  reply_to(reply_to&&) noexcept = default;
  reply_to& operator=(reply_to&& other) noexcept {
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~reply_to() {
    if (slot_) give_up(std::move(slot_));
  }

  /// Answers. Nobody may be waiting any more; then nothing happens.
  template <class... Value>
  requires std::constructible_from<detail::reply_value<R>, Value...>
  void operator()(Value&&... value) && {
    on_loop(std::move(slot_), [value = detail::reply_value<R>(std::forward<Value>(value)...)](
                                  detail::typed_slot<R>& slot) mutable {
      if (!slot.done()) slot.value.emplace(std::move(value));
      slot.finish();
    });
  }

  /// For coppice's own use.
  explicit reply_to(detail::slot_ptr<R> slot) noexcept : slot_{std::move(slot)} {}

 private:
  template <class F>
  static void on_loop(detail::slot_ptr<R> slot, F f) {
    if (!slot) return;
    detail::scheduler& home = slot->home;
    if (home.on_loop_thread()) {
      f(*slot.get());
    } else {
      // The count of the slot is for the loop's thread only: nothing of it is touched here.
      asio::post(home.io().get_executor(),
                 [slot = std::move(slot), f = std::move(f)]() mutable { f(*slot.get()); });
    }
  }
  static void give_up(detail::slot_ptr<R> slot) {
    on_loop(std::move(slot), [](detail::typed_slot<R>& s) { s.give_up(); });
  }

  detail::slot_ptr<R> slot_;
};

/// Told to a server that wanted to know when nothing has come for a while
/// (`this_server::idle_after`).
struct idle_timeout {};

/// What a server may ask for while it handles a message, in its constructor excepted.
///
/// @throws std::logic_error outside of a server's handlers.
namespace this_server {

/// Ends the server when this handler has returned: with that reason, after `terminate`. An answer
/// that the handler returns is sent after that.
COPPICE_API void stop(exit_reason reason = exit_reason::normal());

/// Has `handle(idle_timeout)` called if no message comes within that time after this handler. Any
/// message ends the wait, and it is not begun again by itself.
COPPICE_API void idle_after(std::chrono::steady_clock::duration time);

/// How many messages wait.
[[nodiscard]] COPPICE_API std::size_t queue_length();

/// Whose answers are still due, of the calls that were made so far.
[[nodiscard]] COPPICE_API std::size_t calls_pending();

}  // namespace this_server

namespace detail {

COPPICE_API server_core& current_server();
COPPICE_API void open_server(server_core& core, const std::string& name);
COPPICE_API exit_reason end_reason(server_core& core);
COPPICE_API void end(server_core& core, const exit_reason& reason, std::string message,
                     std::string state);
COPPICE_API operation<void(boost::system::error_code), stop_wait> stop_process(
    scheduler& home, const pid& process, exit_reason reason, std::optional<duration> limit);

// ---- What the class of a server offers

template <class S>
struct server_executor {
  using type = asio::any_io_executor;
};
template <class S>
requires requires { typename S::executor_type; }
struct server_executor<S> {
  using type = typename S::executor_type;
};

template <class S>
using server_awaitable = asio::awaitable<void, typename server_executor<S>::type>;

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

template <class T>
struct awaited {
  using type = T;
};
template <class T, class Executor>
struct awaited<asio::awaitable<T, Executor>> {
  using type = T;
};

// How the message is given to the handler: as it stands, so that a report can still tell it, unless
// the handler wants to take it apart.
template <class S, class M, class... More>
concept handles_kept = requires(S& s, const M& m, More... more) {
  s.handle(m, std::move(more)...);
};
template <class S, class M, class... More>
concept handles_moved = requires(S& s, M&& m, More... more) {
  s.handle(std::move(m), std::move(more)...);
};

template <class M>
struct reply_of {
  using type = void;
};
template <call_message M>
struct reply_of<M> {
  using type = typename M::reply;
};

template <class S, class M>
concept handles_with_token = call_message<M> &&
    (handles_kept<S, M, reply_to<typename reply_of<M>::type>> ||
     handles_moved<S, M, reply_to<typename reply_of<M>::type>>);

/// Whether a server of that class takes that message.
template <class S, class M>
concept handles = handles_kept<S, M> || handles_moved<S, M> || handles_with_token<S, M>;

template <class S, class M, class... More>
decltype(auto) call_handler(S& s, M& m, More&&... more) {
  if constexpr (handles_kept<S, M, More...>) {
    return s.handle(std::as_const(m), std::forward<More>(more)...);
  } else {
    return s.handle(std::move(m), std::forward<More>(more)...);
  }
}

template <class S, class M>
struct handler_result {
  using type = decltype(call_handler(std::declval<S&>(), std::declval<M&>()));
};
template <class S, class M>
requires handles_with_token<S, M>
struct handler_result<S, M> {
  using type = decltype(call_handler(std::declval<S&>(), std::declval<M&>(),
                                     std::declval<reply_to<typename M::reply>>()));
};

template <class S, class M>
inline constexpr bool handled_by_coroutine = is_awaitable<typename handler_result<S, M>::type>;

template <class S, class M>
consteval bool check_handler() {
  static_assert(handles<S, M>,
                "this server has no handle() for that message: add `R handle(Message)`, where R is "
                "Message::reply if it has one, or `void handle(Message, reply_to<R>)`; either may "
                "return an asio::awaitable instead");
  if constexpr (handles<S, M>) {
    using result = typename awaited<typename handler_result<S, M>::type>::type;
    if constexpr (call_message<M> && !handles_with_token<S, M>) {
      static_assert(std::is_void_v<result> == std::is_void_v<typename M::reply> &&
                        (std::is_void_v<result> || std::convertible_to<result, typename M::reply>),
                    "the handle() of that message returns something else than its Message::reply");
    } else {
      static_assert(
          std::is_void_v<result>,
          "handle() returns something, but the message has no member type `reply` (or the "
          "answer is given by the reply_to)");
    }
    if constexpr (handled_by_coroutine<S, M>) {
      static_assert(
          std::is_same_v<typename handler_result<S, M>::type,
                         asio::awaitable<result, typename server_executor<S>::type>>,
          "handlers that are coroutines return asio::awaitable<R>; or, with a member type "
          "executor_type, asio::awaitable<R, executor_type>");
    }
  }
  return true;
}

// ---- Messages on their way

template <class S>
class coroutine_envelope : public envelope {
 public:
  coroutine_envelope() noexcept : envelope{kind_type::coroutine} {}
  void handle(void*, server_core&) final {}
  virtual server_awaitable<S> run(S& server, server_core& core) = 0;

 protected:
  ~coroutine_envelope() override = default;
};

struct synchronous_envelope : envelope {
  synchronous_envelope() noexcept : envelope{kind_type::synchronous} {}

 protected:
  ~synchronous_envelope() override = default;
};

template <class S, class M, bool Coroutine = handled_by_coroutine<S, M>>
class cast_envelope final : public synchronous_envelope, public pooled {
 public:
  explicit cast_envelope(M m) : message_{std::move(m)} {}

  void handle(void* server, server_core&) override {
    call_handler(*static_cast<S*>(server), message_);
  }
  void dispose(errc) noexcept override { delete this; }
  [[nodiscard]] std::string describe() const override { return text_of(message_); }

 private:
  ~cast_envelope() override = default;
  M message_;
};

template <class S, class M>
class cast_envelope<S, M, true> final : public coroutine_envelope<S>, public pooled {
 public:
  explicit cast_envelope(M m) : message_{std::move(m)} {}

  server_awaitable<S> run(S& server, server_core&) override {
    return call_handler(server, message_);
  }
  void dispose(errc) noexcept override { delete this; }
  [[nodiscard]] std::string describe() const override { return text_of(message_); }

 private:
  ~cast_envelope() override = default;
  M message_;
};

// A call: the message and the place for its answer, in one.
template <class M>
class call_slot : public typed_slot<typename M::reply> {
 public:
  using reply = typename M::reply;

  call_slot(scheduler& s, M m) : typed_slot<reply>{s}, message{std::move(m)} {}

  [[nodiscard]] reply_to<reply> token() {
    taken_ = true;
    return reply_to<reply>{slot_ptr<reply>{this}};
  }
  template <class... Value>
  void answer(server_core& core, Value&&... value) {
    if (this->done()) return;
    this->value.emplace(std::forward<Value>(value)...);
    if (!core.wishes.stop) return this->finish();
    // Not before the server has cleaned up.
    taken_ = true;
    this->retain();
    core.last_words = this;
  }
  // The queue lets go of it.
  void let_go(errc why) noexcept {
    if (!taken_ && why != errc::died) this->fail(why);
    this->release();
  }

  M message;

 protected:
  ~call_slot() override = default;

 private:
  bool taken_ = false;
};

template <class S, class M, bool Coroutine = handled_by_coroutine<S, M>>
class call_envelope final : public call_slot<M>, public synchronous_envelope, public pooled {
 public:
  using call_slot<M>::call_slot;

  void handle(void* server, server_core& core) override {
    S& s = *static_cast<S*>(server);
    if constexpr (handles_with_token<S, M>) {
      call_handler(s, this->message, this->token());
    } else if constexpr (std::is_void_v<typename M::reply>) {
      call_handler(s, this->message);
      this->answer(core);
    } else {
      this->answer(core, call_handler(s, this->message));
    }
  }
  void dispose(errc why) noexcept override { this->let_go(why); }
  [[nodiscard]] std::string describe() const override { return text_of(this->message); }

 private:
  ~call_envelope() override = default;
  void destroy() noexcept override { delete this; }
};

template <class S, class M>
class call_envelope<S, M, true> final : public call_slot<M>,
                                        public coroutine_envelope<S>,
                                        public pooled {
 public:
  using call_slot<M>::call_slot;

  server_awaitable<S> run(S& server, server_core& core) override {
    if constexpr (handles_with_token<S, M>) {
      auto handling = call_handler(server, this->message, this->token());
      co_await std::move(handling);
    } else if constexpr (std::is_void_v<typename M::reply>) {
      auto handling = call_handler(server, this->message);
      co_await std::move(handling);
      this->answer(core);
    } else {
      auto handling = call_handler(server, this->message);
      typename M::reply result = co_await std::move(handling);
      this->answer(core, std::move(result));
    }
  }
  void dispose(errc why) noexcept override { this->let_go(why); }
  [[nodiscard]] std::string describe() const override { return text_of(this->message); }

 private:
  ~call_envelope() override = default;
  void destroy() noexcept override { delete this; }
};

template <class S>
inline constexpr char server_tag{};

// ---- A call, as the caller sees it

template <class S, class M>
struct call_wait {
  using reply = typename M::reply;

  scheduler* home_;
  process_ref target;
  std::optional<M> message;
  std::optional<duration> limit;
  std::shared_ptr<exit_reason> failure{};  // where to say how the server died, if anybody reads it
  slot_ptr<reply> slot{};
  call_envelope<S, M>* sent = nullptr;  // what the slot is part of
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *home_; }

  void prepare() {
    sent = new call_envelope<S, M>{*home_, std::move(*message)};
    message.reset();
    slot = slot_ptr<reply>{sent};
  }
  void begin(waiter& w) {
    if (sent == nullptr) prepare();
    auto& e = *sent;
    server_core* const core = server_core::of(target.whereis(), &server_tag<S>);
    if (core == nullptr || core->closed) {
      e.fail(errc::noproc);
    } else if (home_->current() == &core->self) {
      e.fail(errc::would_deadlock);
    } else {
      e.retain();
      e.server = core;
      core->calls.push_back(e);
      core->push(e);
    }
    slot->caller = &w;
    if (slot->done()) {
      w.wake();
    } else if (limit) {
      timer.begin(w, *limit);
    }
  }
  [[nodiscard]] bool ready() const noexcept { return slot->done() || timer.rung; }
  void leave() noexcept {
    if (slot) slot->caller = nullptr;
    timer.leave(*home_);
  }
  template <class Handler>
  void deliver(Handler&& h) {
    if (!slot->done()) slot->fail(errc::timeout);
    if (!slot->value) {
      if (failure) *failure = slot->reason;
      fail(std::forward<Handler>(h), slot->error);
    } else if constexpr (std::is_void_v<reply>) {
      std::forward<Handler>(h)(boost::system::error_code{});
    } else {
      std::forward<Handler>(h)(boost::system::error_code{}, std::move(*slot->value));
    }
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    fail(std::forward<Handler>(h), asio::error::operation_aborted);
  }
  template <class Handler>
  static void fail(Handler&& h, boost::system::error_code why) {
    if constexpr (std::is_void_v<reply>) {
      std::forward<Handler>(h)(why);
    } else {
      static_assert(std::default_initializable<reply>,
                    "a reply type can be made without arguments: a call that fails has no other");
      std::forward<Handler>(h)(why, reply{});
    }
  }
};

template <class R>
struct call_signature {
  using type = void(boost::system::error_code, R);
};
template <>
struct call_signature<void> {
  using type = void(boost::system::error_code);
};

}  // namespace detail

/// A call to a server. `co_await` it, or call it with any completion token. Nothing is sent before.
template <class S, class M>
class [[nodiscard]] server_call {
 public:
  using signature = typename detail::call_signature<typename M::reply>::type;

  /// For coppice's own use.
  explicit server_call(detail::call_wait<S, M> state) : state_{std::move(state)} {}

  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    return initiate(prepare(), token);
  }
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) & {
    return initiate(prepare(), token);
  }

  /// How the server ended, after the call has failed with `errc::died`. For that the call is kept
  /// in a variable: `auto asking = ref.call(m); co_await std::move(asking);`
  [[nodiscard]] exit_reason failure() const {
    if (slot_) return slot_->reason;
    return failure_ ? *failure_ : exit_reason{};
  }

 private:
  // The place for the answer is shared on the loop's thread only.
  detail::call_wait<S, M> prepare() {
    if (state_.home_->on_loop_thread()) {
      state_.prepare();
      slot_ = state_.slot;
    } else {
      state_.failure = failure_ = std::make_shared<exit_reason>();
    }
    return std::move(state_);
  }

  template <class Token>
  static auto initiate(detail::call_wait<S, M> state, Token& token) {
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, detail::call_wait<S, M> s) {
          using handler_type = std::decay_t<decltype(handler)>;
          if (s.home_->on_loop_thread()) {
            start<handler_type>(std::move(s), std::forward<decltype(handler)>(handler));
          } else {
            elsewhere<handler_type>(std::move(s), std::forward<decltype(handler)>(handler));
          }
        },
        token, std::move(state));
  }

  template <class Handler>
  static void start(detail::call_wait<S, M> s, Handler handler) {
    detail::scheduler& home = *s.home_;
    auto* w = new detail::wait_operation<detail::call_wait<S, M>, Handler>{home, std::move(s),
                                                                           std::move(handler)};
    w->start();
  }

  // Of another thread: the call is made on the loop, and the answer taken back. A cancellation of
  // the caller's does not reach over.
  template <class Handler>
  static void elsewhere(detail::call_wait<S, M> s, Handler handler) {
    detail::scheduler& home = *s.home_;
    auto ex = asio::get_associated_executor(handler);
    auto answer = [work = asio::make_work_guard(ex),
                   handler = std::move(handler)](auto... result) mutable {
      auto back = work.get_executor();
      asio::dispatch(back, [work = std::move(work), handler = std::move(handler),
                            result = std::tuple{std::move(result)...}]() mutable {
        std::apply(std::move(handler), std::move(result));
      });
    };
    asio::post(home.io().get_executor(), [s = std::move(s), answer = std::move(answer)]() mutable {
      start<decltype(answer)>(std::move(s), std::move(answer));
    });
  }

  detail::call_wait<S, M> state_;
  detail::slot_ptr<typename M::reply> slot_{};
  std::shared_ptr<exit_reason> failure_{};
};

/// A server, by pid, by name, or however a `process_ref` finds it.
///
/// @tparam S The server's class.
/// @par Thread safety
/// `cast` and `call`: safe, on any thread; one made with a function that finds the process
/// excepted.
template <class S>
class server_ref {
 public:
  server_ref(process_ref to) : to_{std::move(to)} {}
  server_ref(pid process) : to_{process} {}
  /// A name on the io_context of the calling process.
  server_ref(std::string_view name) : to_{name} {}
  server_ref(const char* name) : to_{name} {}
  server_ref(boost::asio::io_context& io, std::string_view name) : to_{io, name} {}

  /// `auto reply = co_await ref.call(message);` sends it and waits for the answer.
  ///
  /// Fails with `errc::noproc` (there is no such server), `errc::died` (it ended before it
  /// answered; `failure()` of the call tells how), `errc::timeout`, `errc::would_deadlock` (it
  /// called itself), `errc::no_reply` (whoever was to answer threw the chance away), or
  /// `errc::overloaded`.
  ///
  /// @param limit For how long to wait; nothing: without limit. The server does not hear of it, and
  /// what
  ///   it answers later is thrown away.
  /// @throws std::logic_error at once, if the reference is empty.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`; what the server answers is thrown away.
  /// @par Thread safety
  /// Safe. From another thread the answer comes through the token's own executor; it cannot be
  /// cancelled then.
  /// @par Origin
  /// `gen_server:call/3`.
  template <call_message M>
  [[nodiscard]] server_call<S, M> call(
      M message,
      std::optional<std::chrono::steady_clock::duration> limit = std::chrono::seconds{5}) const {
    static_assert(detail::check_handler<S, M>());
    return server_call<S, M>{{&home(), to_, std::move(message), limit}};
  }

  /// Sends a message and does not wait. To a server that is gone it is a silent no-op, told by the
  /// result. From another thread, or while the loop does not run, the message is posted, and the
  /// result is always `delivered`.
  ///
  /// @par Complexity
  /// Constant; one pooled node.
  /// @par Origin
  /// `gen_server:cast/2`.
  template <class M>
  send_result cast(M message) const {
    static_assert(!call_message<M>, "a message with a member type `reply` is called, not cast");
    static_assert(detail::check_handler<S, M>());
    detail::scheduler& s = home();
    std::unique_ptr<detail::envelope, detail::envelope::disposer> e{
        new detail::cast_envelope<S, M>{std::move(message)}};
    if (s.on_loop_thread()) return put(to_, *e.release());
    asio::post(s.io().get_executor(),
               [to = to_, e = std::move(e)]() mutable { put(to, *e.release()); });
    return send_result::delivered;
  }

  /// Asks the server to stop and waits until it is gone. What came before is handled first; then
  /// `terminate` runs.
  ///
  /// Fails with `errc::noproc`, `errc::would_deadlock`, `errc::timeout` (it goes on stopping), or
  /// `errc::unexpected_exit` if it ended with another reason.
  ///
  /// @par Origin
  /// `gen_server:stop/3`.
  [[nodiscard]] auto stop(
      exit_reason reason = exit_reason::normal(),
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) const {
    return detail::stop_process(home(), to_.whereis(), std::move(reason), limit);
  }

  /// The living process, or an empty pid.
  [[nodiscard]] pid whereis() const { return to_.whereis(); }

 private:
  [[nodiscard]] detail::scheduler& home() const {
    if (to_.home() == nullptr) throw std::logic_error{"coppice: a reference to no server"};
    return *to_.home();
  }

  static send_result put(const process_ref& to, detail::envelope& e) {
    detail::server_core* const core = detail::server_core::of(to.whereis(), &detail::server_tag<S>);
    if (core == nullptr) {
      e.dispose(errc::noproc);
      return send_result::closed;
    }
    return core->push(e);
  }

  process_ref to_;
};

namespace detail {

// ---- The process

template <class S>
struct next_wait {
  server_core* core;
  S* server;

  [[nodiscard]] scheduler& home() const noexcept { return core->home; }
  void begin(waiter& w) {
    core->receiver = &w;
    core->set_idle_timer();
    if (core->front() != nullptr || core->wishes.stop || core->idle_over) w.wake();
  }
  [[nodiscard]] bool ready() const { return core->work(server); }
  void leave() const noexcept { core->receiver = nullptr; }
  template <class Handler>
  static void deliver(Handler&& h) {
    std::forward<Handler>(h)();
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)();
  }
};

template <class S>
envelope* wrap_exit_signal(server_core&, const pid& from, const exit_reason& reason) {
  return new cast_envelope<S, exit_signal>{exit_signal{from, reason}};
}
template <class S>
envelope* wrap_down(const down& d) {
  return new cast_envelope<S, down>{d};
}

template <class S, class... Args>
class server_body final : public typed_body<typename server_executor<S>::type>, public pooled {
 public:
  using executor_type = typename server_executor<S>::type;

  template <class... Given>
  server_body(std::string name, server_options o, Given&&... args)
      : typed_body<executor_type>{true},
        name_{std::move(name)},
        options_{o},
        args_{std::forward<Given>(args)...} {}

  void prepare(process& p) override {
    p.more().server = std::make_shared<server_core>(p, &server_tag<S>, options_.mailbox);
  }

  server_awaitable<S> call(process& p) override { return run(p, *this); }

 private:
  // Nothing reaches the server once its frame goes.
  struct closing {
    server_core* core;
    ~closing() { core->close(); }
  };

  static server_awaitable<S> run(process& p, const server_body& body) {
    server_core& core = *p.extras->server;
    const closing at_end{&core};
    open(core, body.name_);
    S server = std::apply([](const auto&... args) { return S(args...); }, body.args_);
    if constexpr (requires { server.init(); }) {
      auto starting = run_init(server);
      co_await std::move(starting);
    }
    p.home.acknowledge(p, {});

    while (!core.wishes.stop && !core.failure) {
      co_await operation<void(), next_wait<S>>{{&core, &server}};
      if (core.wishes.stop || core.failure) break;
      try {
        auto handling = handle_next(server, core);
        co_await std::move(handling);
      } catch (...) {
        core.failure = std::current_exception();
      }
    }

    core.ending = true;
    std::string message;
    std::string state;
    if (core.failure && p.home.listened_to()) {
      if (core.failed != nullptr) message = core.failed->describe();
      state = text_of(server);
    }
    exit_reason reason = end_reason(core);
    if constexpr (requires { server.terminate(std::as_const(reason)); }) {
      try {
        auto ending = run_terminate(server, reason);
        co_await std::move(ending);
      } catch (...) {
        core.failure = std::current_exception();
        reason = end_reason(core);
      }
    }
    end(core, reason, std::move(message), std::move(state));
  }

  static void open(server_core& core, const std::string& name) {
    open_server(core, name);
    if constexpr (handles<S, exit_signal>) core.wrap_signal = &wrap_exit_signal<S>;
    if constexpr (handles<S, down>) core.wrap_down = &wrap_down<S>;
  }

  // What only a coroutine can do.
  static server_awaitable<S> handle_next(S& server, server_core& core) {
    if (core.front() != nullptr) {
      if (core.front()->kind != envelope::kind_type::coroutine) co_return;
      auto& e = static_cast<coroutine_envelope<S>&>(core.take());
      core.failed = &e;  // until it is known to be otherwise
      auto running = e.run(server, core);
      co_await std::move(running);
      core.failed = nullptr;
      e.dispose(errc::no_reply);
      core.has_handled();
      co_return;
    }
    if (!std::exchange(core.idle_over, false)) co_return;
    if constexpr (handles<S, idle_timeout>) {
      auto running = run_idle(server);
      co_await std::move(running);
    }
  }

  // The hooks, each of which may be a coroutine.
  static server_awaitable<S> run_init(S& server) {
    if constexpr (is_awaitable<decltype(server.init())>) {
      auto running = server.init();
      co_await std::move(running);
    } else {
      server.init();
    }
    co_return;
  }
  static server_awaitable<S> run_terminate(S& server, const exit_reason& reason) {
    if constexpr (is_awaitable<decltype(server.terminate(reason))>) {
      auto running = server.terminate(reason);
      co_await std::move(running);
    } else {
      server.terminate(reason);
    }
    co_return;
  }
  static server_awaitable<S> run_idle(S& server) {
    idle_timeout told;
    if constexpr (handled_by_coroutine<S, idle_timeout>) {
      auto running = call_handler(server, told);
      co_await std::move(running);
    } else {
      call_handler(server, told);
    }
    co_return;
  }

  std::string name_;
  server_options options_;
  std::tuple<Args...> args_;
};

template <class S, class... Args>
body_ptr make_server(std::string name, server_options o, Args&&... args) {
  static_assert(
      std::constructible_from<S, const std::decay_t<Args>&...>,
      "the server's class has no constructor for these arguments; they are copied for each "
      "start");
  return body_ptr{
      new server_body<S, std::decay_t<Args>...>{std::move(name), o, std::forward<Args>(args)...}};
}

}  // namespace detail

/// A server as a child of a supervisor: a class whose objects live in a process of their own and
/// handle messages one at a time.
///
/// The class is a plain one. What it may have:
///
/// - `R handle(M)` for each message type `M`; `M::reply` is R, or `M` has no such member and is
/// cast. A
///   message is handed over as it stands; a `handle(M&&)` may take it apart.
/// - `void handle(M, reply_to<R>)` to answer later, or elsewhere.
/// - Either as a coroutine: `asio::awaitable<R> handle(M)`. The next message waits until it is
/// done. (A
///   member type `executor_type` says with which executor type, if not the default one.)
/// - `init()`, plain or a coroutine: the server is up when it has returned; an exception out of it
/// or out
///   of the constructor is a failed start.
/// - `terminate(const exit_reason&)`, plain or a coroutine: called on every way out but kill.
/// - `handle(exit_signal)`, for the ends of linked processes; without it, an abnormal one ends the
///   server. `handle(down)` for monitors. `handle(idle_timeout)`.
///
/// A handler that throws ends the server with that exception.
///
/// @tparam S The class.
/// @param name Id of the child, and the name under which the server is registered.
/// @param args Constructor arguments; copied for each start.
/// @par Origin
/// `gen_server`. It traps exits: a supervisor's shutdown is handled in order with the messages, and
/// `terminate` runs.
template <class S, class... Args>
[[nodiscard]] child_spec server(std::string name, Args&&... args) {
  child_spec spec{.id = name};
  spec.start = start_function{
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...)};
  return spec;
}

/// The same with options: a bounded queue.
template <class S, class... Args>
[[nodiscard]] child_spec server_with(server_options options, std::string name, Args&&... args) {
  child_spec spec{.id = name};
  spec.start =
      start_function{detail::make_server<S>(std::move(name), options, std::forward<Args>(args)...)};
  return spec;
}

/// Starts a server that nobody supervises. Messages to it wait until it is up; if it does not come
/// up, calls fail with `errc::died` and the reason.
///
/// @param name Under which it is registered; may be empty.
template <class S, class... Args>
server_ref<S> start_server(boost::asio::io_context& io, std::string name, Args&&... args) {
  const std::string label = name;
  return server_ref<S>{detail::spawn_body(
      detail::scheduler::of(io),
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...),
      label)};
}

/// Starts a server linked to the calling process, which is its parent: it stops when that ends.
///
/// @throws std::logic_error outside of processes.
template <class S, class... Args>
server_ref<S> start_server_link(std::string name, Args&&... args) {
  const std::string label = name;
  return server_ref<S>{detail::spawn_linked(
      detail::make_server<S>(std::move(name), server_options{}, std::forward<Args>(args)...),
      label)};
}

namespace this_server {

/// Handles that message next, before any that waits, as a step of its own: those who wait for the
/// server to come up, or for an answer, are told first.
///
/// @par Origin
/// `{continue, Term}`.
template <class S, class M>
void continue_with(S& self, M message) {
  static_assert(!call_message<M>, "a message to oneself is cast");
  static_assert(detail::check_handler<S, M>());
  static_cast<void>(self);
  detail::current_server().push_front(*new detail::cast_envelope<S, M>{std::move(message)});
}

/// Has `handle(down)` called when that process ends, or soon, as noproc, if it has.
///
/// @return The id found in the message.
COPPICE_API std::uint64_t monitor(const pid& process);

}  // namespace this_server

}  // namespace coppice
