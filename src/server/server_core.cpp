#include <coppice/detail/server/server_core.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/mailbox/mailbox_monitor.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/down.hpp>
#include <coppice/process.hpp>

#include <exception>
#include <new>
#include <utility>

namespace coppice::detail {

namespace {

// How many messages a server handles before other processes get a turn. Resuming the wait costs
// little beside 64 messages, and 64 messages do not delay the others for long.
constexpr int handle_budget = 64;

// A request to stop goes through the queue, as in OTP, where `stop` is a message of the system: the
// messages that came before it are handled first.
class stop_envelope final : public envelope, public pooled {
 public:
  explicit stop_envelope(exit_reason r) noexcept
      : envelope{kind_type::stop}, reason_{std::move(r)} {
    exempt_from_limit = true;
  }

  void handle(void*, server_core& core) override {
    if (!core.requested.stop) core.requested.stop = std::move(reason_);
  }
  void dispose(errc) noexcept override { delete this; }
  [[nodiscard]] std::string describe() const override { return "stop"; }

 private:
  ~stop_envelope() override = default;
  exit_reason reason_;
};

}  // namespace

envelope::~envelope() = default;

server_core::server_core(process& p, const void* t, mailbox_options o)
    : behaviour{t}, self{p}, home{p.home}, bound_{o} {}

// Slots that are still in the lists belong to callers on an io_context that is being destroyed.
// They are unlinked but not completed, as no process can run any more.
server_core::~server_core() {
  close();
  for (list_hook* list : {&calls, &dropped_replies}) {
    while (!list->empty()) list->front()->unlink();
  }
}

// A handler that throws destroys its reply_to on the way out. The caller is to hear how the server
// ended, and not that it got no reply. So while a message is handled, the slot is put aside until
// it is known how the handler ends; when the server is ending, `fire` completes it.
void server_core::gave_up(reply_slot& call) noexcept {
  if (handled != nullptr || is_idling) {
    dropped_replies.push_back(call);
  } else if (!ending && !closed) {
    call.fail(errc::no_reply);
  }
}

// The queue takes no messages any more, or it is full, or longer than ever before.
send_result server_core::push_at_bound(envelope& e) noexcept {
  if (refuses) {
    e.dispose(errc::noproc);
    return send_result::closed;
  }
  const send_result result = bound_.decide(size_ - exempt_);
  if (result == send_result::delivered || result == send_result::dropped_oldest) {
    if (result == send_result::dropped_oldest) drop_oldest();
    append(e);
  } else {
    e.dispose(errc::overloaded);
  }
  bound_.count(result, size_ - exempt_);
  return result;
}

// The queue is full of messages that count against the limit, so there is one to drop. This walk
// over coppice's own messages in front is linear in their number, which is small.
void server_core::drop_oldest() noexcept {
  envelope** at = &head_;
  while ((*at)->exempt_from_limit) at = &(*at)->next;
  envelope& oldest = **at;
  *at = oldest.next;
  if (tail_ == &oldest.next) tail_ = at;
  --size_;
  oldest.dispose(errc::overloaded);
}

// Puts a continuation before all messages, as gen_server's {continue, ...} does.
void server_core::push_front(envelope& e) noexcept {
  e.exempt_from_limit = true;
  if (refuses) {
    e.dispose(errc::noproc);
    return;
  }
  e.next = head_;
  if (head_ == nullptr) tail_ = &e.next;
  head_ = &e;
  ++size_;
  ++exempt_;
  if (receiver != nullptr) receiver->wake();
}

bool server_core::stop(const exit_reason& reason) noexcept {
  try {
    push(*new stop_envelope{reason});
  } catch (const std::bad_alloc&) {
    // Without memory the request does not wait for its turn.
    if (!requested.stop) requested.stop = reason;
    if (receiver != nullptr) receiver->wake();
  }
  return true;
}

void server_core::fail() noexcept {
  if (!failure) failure = std::current_exception();
  if (receiver != nullptr) receiver->wake();
}

// Takes the next message out, to be handled now. A message ends the idle time, unless it is
// coppice's own: a look into the server must not change what the server does.
envelope& server_core::take() noexcept {
  if (!head_->out_of_band) {
    if (idle_.armed()) home.cancel_timer(idle_);
    idle_over = false;
    requested.idle.reset();
  }
  handled = &pop();
  if (self.extras->watch) home.note_progress(self);
  return *handled;
}

void server_core::fail_dropped_replies() noexcept {
  while (!dropped_replies.empty()) {
    auto& slot = static_cast<reply_slot&>(*dropped_replies.front());
    slot.unlink();
    slot.fail(errc::no_reply);
  }
}

time_limit server_core::time_left() const noexcept {
  reply_slot* const call = call_in_hand();
  return call != nullptr ? time_left_of(*call) : infinity;
}

std::size_t server_core::calls_due() noexcept {
  std::size_t n = 0;
  for (list_hook* h = calls.empty() ? nullptr : calls.front(); h != nullptr; h = calls.after(h)) {
    ++n;
  }
  return n;
}

// Describing a message and a state runs user code and builds strings; so it is done only for a
// server that has failed, and only if somebody listens to reports.
crash_snapshot server_core::take_snapshot() noexcept {
  crash_snapshot seen;
  if (!failure || !home.listened_to()) return seen;
  try {
    fill(seen);
  } catch (...) {
    // The report tells what could be described.
  }
  return seen;
}

void server_core::fill(crash_snapshot& seen) {
  const reply_slot* asked = nullptr;
  if (handled != nullptr) {
    seen.message = handled->describe();
    asked = handled->slot();
    if (asked != nullptr) seen.client = asked->from;
  }
  seen.state = describe(object);
  for (list_hook* list : {&calls, &dropped_replies}) {
    for (list_hook* h = list->empty() ? nullptr : list->front(); h != nullptr; h = list->after(h)) {
      const auto* slot = static_cast<reply_slot*>(h);
      if (slot != asked && slot->from) seen.pending.push_back(slot->from);
    }
  }
}

std::exception_ptr server_core::give_back() noexcept {
  // A server that is not up has no object that could take anything; and when the io_context goes,
  // what the hooks would hand messages to may be gone already.
  if (std::exchange(refuses, true) || object == nullptr || home.is_down()) return nullptr;
  std::exception_ptr fault;
  for (std::size_t left = size_; left > 0; --left) {
    envelope& e = pop();
    try {
      e.give_back(object);
    } catch (...) {
      if (!fault) fault = std::current_exception();
    }
    // Its caller, if it is a call, hears of the end when the process is gone.
    e.dispose(errc::died);
  }
  return fault;
}

void server_core::close() noexcept {
  refuses = true;
  closed = true;
  receiver = nullptr;
  home.cancel_timer(idle_);
  monitors_.clear();
  if (handled != nullptr) std::exchange(handled, nullptr)->dispose(errc::died);
  // This slot is still there if the server was killed while it cleaned up: `fire` then completes
  // it.
  stop_reply.reset();
  // Callers of the messages in the queue are not told here. `fire` does so when the process is
  // gone, since the exit reason is known then.
  while (head_ != nullptr) pop().dispose(errc::died);
}

// This is called while the coroutine of the server is suspended in its wait for a message: ordinary
// handlers run from here, without the cost of resuming and suspending a coroutine for each message.
// The coroutine is only resumed for handlers that are coroutines, and for the end.
bool server_core::work() { return work(handle_budget); }

bool server_core::work(int most) {
  // Without a receiver, messages that a handler sends to its own server are queued and wake nobody.
  waiter* const w = std::exchange(receiver, nullptr);
  for (int left = most; !failure && !requested.stop && head_ != nullptr; --left) {
    if (left == 0) {
      receiver = w;
      w->wake();
      return false;
    }
    if (head_->kind == envelope::kind_type::coroutine) return true;
    envelope& e = take();
    try {
      e.handle(object, *this);
      e.dispose(errc::no_reply);
      has_handled();
    } catch (...) {
      // The message is not disposed of: the report shows it, and its caller hears the exit reason.
      failure = std::current_exception();
    }
  }
  if (failure || requested.stop || idle_over) return true;
  if (requested.idle) set_idle_timer();
  receiver = w;
  note_idle();
  return false;
}

// The caller is on the stack, and the handler runs as the server: as far as anybody can tell, the
// server has had a turn right after the one in which the caller has suspended.
void server_core::handle_at_once(envelope& e) {
  waiter* const w = std::exchange(receiver, nullptr);  // appending does not wake it
  append(e);
  receiver = w;
  home.run_as(self, [this, w] {
    if (!work(1)) return;
    receiver = w;
    w->wake();
  });
}

void server_core::set_idle_timer() {
  if (const auto time = std::exchange(requested.idle, std::nullopt)) {
    home.set_timer(idle_, detail::after(home.now(), *time));
  }
}

void server_core::idle_timer::expire(timer_node& node) {
  server_core& core = static_cast<idle_timer&>(node).core;
  core.idle_over = true;
  if (core.receiver != nullptr) core.receiver->wake();
}

// The process of the server is gone, and nothing of it runs any more. Only now the callers hear of
// it, so that a caller may at once start or call the next incarnation.
void server_core::fire(const pid&, const exit_reason& reason) noexcept {
  close();
  for (list_hook* list : {&calls, &dropped_replies}) {
    while (!list->empty()) {
      auto& slot = static_cast<reply_slot&>(*list->front());
      slot.unlink();
      slot.fail(errc::died, reason);
    }
  }
}

// A server's monitors are entries of its own instead of messages to a mailbox, as a server has
// none.
std::uint64_t server_core::monitor(const pid& process) {
  const std::uint64_t id = next_monitor_id();
  detail::process* const p = access::slot(process);
  if (p != nullptr) p->more();
  const auto& made = monitors_[id] = std::make_unique<server_monitor>(*this, id);
  if (p != nullptr) {
    p->extras->subscriptions.push_back(*made);
  } else {
    made->fire(process, exit_reason::noproc());
  }
  return id;
}

void server_monitor::fire(const pid& process, const exit_reason& reason) noexcept {
  try {
    if (core.wrap_down != nullptr) {
      envelope& news = *core.wrap_down({id, process, reason});
      news.exempt_from_limit = true;
      core.push(news);
    }
  } catch (...) {
    core.fail();
  }
  core.forget_monitor(id);  // it destroys this monitor
}

bool server_core::exit_signal(const pid& from, const exit_reason& reason) noexcept {
  if (closed || !opened) return false;
  // gen_server's rule: an exit signal of the parent ends the server even if it traps exits.
  const bool from_parent = from && from == self.spawner;
  if (!from_parent && wrap_signal != nullptr) {
    try {
      envelope& news = *wrap_signal(*this, from, reason);
      news.exempt_from_limit = true;
      push(news);
    } catch (...) {
      fail();
    }
  } else if (from_parent || !reason.is_normal()) {
    stop(reason);
  }
  return true;
}

}  // namespace coppice::detail
