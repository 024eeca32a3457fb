#pragma once

#include <coppice/config.hpp>
#include <coppice/describe.hpp>
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

// Messages on their way to a server of a certain class.

namespace coppice::detail {

// By its address, which servers are of that class. The same in all libraries: those of coppice's own
// classes are asked for from outside.
template <class S>
COPPICE_API inline constexpr char server_tag{};

// Puts a call to a server of the class with that tag into its queue, or fails it at once.
COPPICE_API void send_call(reply_slot& slot, envelope& e, const process_ref& target, const void* tag);

// Handled by a coroutine, which that of the server awaits.
template <class S>
class coroutine_envelope : public envelope {
 public:
  coroutine_envelope() noexcept : envelope{kind_type::coroutine} {}
  void handle(void*, server_core&) final {}
  virtual server_awaitable<S> run(S& server, server_core& core) = 0;

 protected:
  ~coroutine_envelope() override = default;
};

// Handled where the server waits.
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

// A call: the message, the place for its answer, and what its caller needs to wait for that.
template <class S, class M>
class call_base : public call_slot<typename M::reply>, public envelope_for<S, M>, public pooled {
 public:
  using reply = typename M::reply;

  call_base(scheduler& s, M m, call_terms t)
      : call_slot<reply>{s, std::move(t)}, message{std::move(m)} {
    this->aside = handles_itself<S, M>;
  }

  void send() final { send_call(*this, *this, this->terms.target, &server_tag<S>); }

  // The queue lets go of it.
  void dispose(errc why) noexcept final {
    if (!this->done() && !taken_ && why != errc::died) this->fail(why);
    intrusive_ptr_release(this);
  }
  [[nodiscard]] std::string describe() const final { return text_of(message); }
  [[nodiscard]] const reply_slot* slot() const noexcept final { return this; }

 protected:
  ~call_base() override = default;

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
    core.last_words.reset(this);
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

// Handled as soon as the server is up.
struct started_query {
  using reply = void;
  template <class S>
  void handle_on(S&) const noexcept {}
  friend std::string describe(const started_query&) { return "started?"; }
};

}  // namespace coppice::detail
