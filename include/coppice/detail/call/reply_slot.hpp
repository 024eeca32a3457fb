#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace coppice::detail {

// Where several calls are waited for together: those that are done lie here until they are taken.
struct reply_collector {
  list_hook done;
  waiter* waiting = nullptr;
};

class reply_slot;

// Whoever is to answer calls.
class answerer {
 public:
  // The chance to answer one of them was thrown away.
  virtual void gave_up(reply_slot& call) noexcept = 0;

 protected:
  ~answerer() = default;
};

// Where the answer to one call arrives. Shared by the caller, who waits, and by whoever is to
// answer; counted, on the loop's thread only. Answered once: what comes later is thrown away.
class COPPICE_API reply_slot : public list_hook {
 public:
  explicit reply_slot(scheduler& s) noexcept : home{s} {}
  reply_slot(const reply_slot&) = delete;
  reply_slot& operator=(const reply_slot&) = delete;

  friend void intrusive_ptr_add_ref(reply_slot* s) noexcept { ++s->references_; }
  friend void intrusive_ptr_release(reply_slot* s) noexcept {
    if (--s->references_ == 0) s->destroy();
  }
  void fail(boost::system::error_code e, exit_reason why = {}) noexcept;
  void finish() noexcept;   // the answer is there
  void give_up() noexcept;  // whoever was to answer has thrown the chance away
  [[nodiscard]] bool done() const noexcept { return done_; }

  scheduler& home;
  answerer* asked = nullptr;  // valid while this is among its calls
  waiter* caller = nullptr;
  reply_collector* collector = nullptr;
  pid from;                         // the process that called, if it was one
  boost::system::error_code error;  // of no meaning unless done without a value
  exit_reason reason;
  bool taken = false;  // by whoever fetches answers later

 protected:
  virtual ~reply_slot();

 private:
  virtual void destroy() noexcept = 0;

  std::uint32_t references_ = 0;
  bool done_ = false;
};

template <class R>
using reply_value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

template <class R>
class typed_slot : public reply_slot {
 public:
  using reply_slot::reply_slot;
  std::optional<reply_value<R>> value;

 protected:
  ~typed_slot() override = default;
};

// One that is no part of a call.
template <class R>
class free_slot final : public typed_slot<R>, public pooled {
 public:
  using typed_slot<R>::typed_slot;

 private:
  void destroy() noexcept override { delete this; }
};

template <class R>
using slot_ptr = boost::intrusive_ptr<typed_slot<R>>;

}  // namespace coppice::detail
