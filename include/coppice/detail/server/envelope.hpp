#pragma once

#include <coppice/config.hpp>
#include <coppice/describe.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/reply_to.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

// Messages on their way to a server. An envelope knows the type of its message and the class of the
// server; the queue, which is the same for all servers, sees only the base class. A call is one
// object with two bases: an envelope, which the queue refers to, and the slot of the answer, which
// the caller refers to. Both sides hold a reference, and the message stays where it is.

namespace coppice::detail {

// The address of this variable identifies the class of a server. It is exported, so that it is the
// same in all libraries of a program: users call the servers of coppice's own classes.
template <class S>
COPPICE_API inline constexpr char server_tag{};

// Gives a call to the target, or fails it at once if that is not a server of the class with that
// tag.
COPPICE_API void send_call(reply_slot& slot, envelope& e, const call_terms& terms, const void* tag,
                           delivery d);

// A message whose handler is a coroutine. The coroutine of the server awaits the handler, so that
// messages are still handled one at a time.
template <class S>
class coroutine_envelope : public envelope {
 public:
  coroutine_envelope() noexcept : envelope{kind_type::coroutine} {}
  void handle(void*, server_core&) final {}
  virtual server_awaitable<S> run(S& server, server_core& core) = 0;

 protected:
  ~coroutine_envelope() override = default;
};

// A message with an ordinary handler, which runs without resuming the coroutine of the server.
struct synchronous_envelope : envelope {
  synchronous_envelope() noexcept : envelope{kind_type::synchronous} {}

 protected:
  ~synchronous_envelope() override = default;
};

template <class S, class M>
using envelope_for = std::conditional_t<handled_by_coroutine<S, M>, coroutine_envelope<S>,
                                        synchronous_envelope>;

template <class S, class M>
class cast_base : public envelope_for<S, M>, public pooled {
 public:
  explicit cast_base(M m) : message{std::move(m)} {}
  void dispose(errc) noexcept final { delete this; }
  [[nodiscard]] std::string describe() const final { return text_of(message); }
  void give_back(void* object) final {
    if constexpr (takes_back<S, M>) static_cast<S*>(object)->undelivered(std::move(message));
  }

 protected:
  ~cast_base() override = default;
  M message;
};

template <class S, class M, bool Coroutine = handled_by_coroutine<S, M>>
class cast_envelope final : public cast_base<S, M> {
 public:
  using cast_base<S, M>::cast_base;
  void handle(void* object, server_core&) override {
    call_handler(*static_cast<S*>(object), this->message);
  }
};

template <class S, class M>
class cast_envelope<S, M, true> final : public cast_base<S, M> {
 public:
  using cast_base<S, M>::cast_base;
  server_awaitable<S> run(S& object, server_core&) override {
    return awaitable_in<S>(call_handler(object, this->message));
  }
};

// A call: the message, the slot for its answer, and the terms of the caller.
template <class S, class M>
class call_base : public call_slot<typename M::reply>, public envelope_for<S, M>, public pooled {
 public:
  using reply = typename M::reply;

  call_base(scheduler& s, M m, call_terms t)
      : call_slot<reply>{s, std::move(t)}, message{std::move(m)} {
    this->out_of_band = handles_itself<S, M>;
  }

  void send(delivery d) final { send_call(*this, *this, this->terms, &server_tag<S>, d); }

  // Gives back the reference of the queue. A call whose reply_to was taken is answered by that; and
  // a call that is dropped because its server died (errc::died) is completed by server_core::fire.
  void dispose(errc why) noexcept final {
    if (!this->done() && !taken_ && why != errc::died) this->fail(why);
    intrusive_ptr_release(this);
  }
  [[nodiscard]] std::string describe() const final { return text_of(message); }
  void give_back(void* object) final {
    if constexpr (takes_back<S, M>) static_cast<S*>(object)->undelivered(std::move(message));
  }
  [[nodiscard]] reply_slot* slot() noexcept final { return this; }

 protected:
  ~call_base() override = default;

  [[nodiscard]] reply_to<reply> token() {
    taken_ = true;
    return access::make<reply_to<reply>>(slot_ptr<reply>{this});
  }
  template <class... Value>
  void answer(server_core& core, Value&&... value) {
    if (this->done()) return;
    this->value.emplace(std::forward<Value>(value)...);
    if (!core.requested.stop) return this->finish();
    // The handler has asked the server to stop: the caller gets the answer after terminate().
    taken_ = true;
    core.stop_reply.reset(this);
  }

  M message;

 private:
  void destroy() noexcept final { delete this; }

  bool taken_ = false;
};

template <class S, class M, bool Coroutine = handled_by_coroutine<S, M>>
class call_envelope final : public call_base<S, M> {
 public:
  using call_base<S, M>::call_base;

  void handle(void* object, server_core& core) override {
    S& s = *static_cast<S*>(object);
    if constexpr (handles_with_token<S, M>) {
      call_handler(s, this->message, this->token());
    } else if constexpr (std::is_void_v<typename M::reply>) {
      call_handler(s, this->message);
      this->answer(core);
    } else {
      this->answer(core, call_handler(s, this->message));
    }
  }
};

template <class S, class M>
class call_envelope<S, M, true> final : public call_base<S, M> {
 public:
  using call_base<S, M>::call_base;

  server_awaitable<S> run(S& object, server_core& core) override {
    if constexpr (handles_with_token<S, M>) {
      auto handling = awaitable_in<S>(call_handler(object, this->message, this->token()));
      co_await std::move(handling);
    } else if constexpr (std::is_void_v<typename M::reply>) {
      auto handling = awaitable_in<S>(call_handler(object, this->message));
      co_await std::move(handling);
      this->answer(core);
    } else {
      auto handling = awaitable_in<S>(call_handler(object, this->message));
      typename M::reply result = co_await std::move(handling);
      this->answer(core, std::move(result));
    }
  }
};

// The message behind `ready()`. Servers handle messages only when they are up, so any message would
// do; this one handles itself, and servers of all classes take it.
struct started_query {
  using reply = void;
  template <class S>
  void handle_on(S&) const noexcept {}
  friend std::string describe(const started_query&) { return "started?"; }
};

}  // namespace coppice::detail
