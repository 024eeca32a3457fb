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

// Collects the answers of several calls that are waited for together. Slots that are done are in
// the list until they are taken, in the order in which they were answered.
struct reply_collector {
  list_hook done;
  waiter* waiting = nullptr;
};

class reply_slot;
class asking_side;

// A server, as the slots of its calls know it.
class answerer {
 public:
  // The reply_to of one of its calls was destroyed unused.
  virtual void gave_up(reply_slot& call) noexcept = 0;
  [[nodiscard]] virtual pid who() const noexcept = 0;

 protected:
  ~answerer() = default;
};

// The place where the answer to one call arrives. The caller and the server share it by a reference
// count, which is touched on the loop's thread only. Only the first answer counts. Either side may
// give up first: a caller that has stopped waiting is not awaited, and a server that has ended
// fails the slots in its list.
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
  void finish() noexcept;   // called when the answer is there
  void give_up() noexcept;  // called when a reply_to is destroyed unused
  [[nodiscard]] bool done() const noexcept { return done_; }
  // The caller's side of a call; null for a slot that is not part of one.
  [[nodiscard]] virtual asking_side* asking() noexcept { return nullptr; }

  scheduler& home;
  answerer* asked = nullptr;  // the server; valid while the slot is in one of its lists
  waiter* caller = nullptr;
  reply_collector* collector = nullptr;
  pid from;                         // the process that called; empty if none did
  boost::system::error_code error;  // the outcome, if it is done without a value
  exit_reason reason;
  bool taken = false;  // the answer has been fetched

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

// A slot that is not part of a call, such as one for the answer of a stash's store.
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
