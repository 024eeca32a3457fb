#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/mailbox/queue_bound.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox_counts.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/pid.hpp>
#include <coppice/time_limit.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

struct down;

namespace detail {

class server_core;

// A monitor of a server: it puts a message into the queue of the server when its process ends.
class server_monitor final : public exit_subscription {
 public:
  server_monitor(server_core& c, std::uint64_t i) noexcept : core{c}, id{i} {}
  void fire(const pid& process, const exit_reason& reason) noexcept override;

  server_core& core;
  const std::uint64_t id;
};

// A message on its way to a server. It is its own list node, and owns itself: `dispose` frees it.
// Each envelope is disposed of exactly once.
class COPPICE_API envelope {
 public:
  enum class kind_type : unsigned char {
    synchronous,  // its handler is a function, and runs without resuming the server's coroutine
    coroutine,    // its handler is a coroutine, which the server's coroutine awaits
    stop,         // it asks the server to stop
  };

  explicit envelope(kind_type k) noexcept : kind{k} {}
  envelope(const envelope&) = delete;
  envelope& operator=(const envelope&) = delete;

  // Calls the handler; not for messages with a coroutine. Throws what the handler throws.
  virtual void handle(void* server, server_core& core) = 0;
  // Calls the hook for messages that were not handled, if the class of the server has one for this.
  // Throws what the hook throws.
  virtual void give_back(void*) {}
  // Frees the message, handled or not. `why` is the error for a caller that still waits.
  virtual void dispose(errc why) noexcept = 0;
  struct disposer {
    void operator()(envelope* e) const noexcept { e->dispose(errc::noproc); }
  };
  [[nodiscard]] virtual std::string describe() const = 0;
  // The slot for the answer of a call; null for other messages.
  [[nodiscard]] virtual reply_slot* slot() noexcept { return nullptr; }

  const kind_type kind;
  // It does not end the idle time of the server, and its sender is no client.
  bool out_of_band = false;
  bool exempt_from_limit = false;  // is coppice's own: neither refused nor dropped for want of room
  envelope* next = nullptr;

 protected:
  virtual ~envelope();
};

// Requests that a server makes from within its handlers, through this_server. They take effect when
// the handler has returned.
struct server_requests {
  std::optional<exit_reason> stop;
  std::optional<duration> idle;
};

// The contents of a crash report about a server, taken before the server cleans up.
struct crash_snapshot {
  std::string message;      // the message that it was handling
  std::string state;
  pid client;               // the process that waits for the answer to it
  std::vector<pid> pending;  // processes that wait for other answers
};

class state_keeper;

// The part that servers of all classes have in common: the queue, the calls that are not answered
// yet, and what happens to both when the server ends. The body makes it when the process is
// spawned, so that messages can be sent to a server that has not started yet. The process owns it,
// and a frame that outlives an abandoned process.
//
// Every call that reaches a server is completed: by its answer, by an error when its reply_to is
// destroyed, or with the exit reason when the process is gone.
class COPPICE_API server_core final : public behaviour, public exit_subscription, public answerer {
 public:
  server_core(process& p, const void* t, mailbox_options o);
  server_core(const server_core&) = delete;
  server_core& operator=(const server_core&) = delete;
  ~server_core();

  // Gives null if there is no process, or if it is not a server of that type.
  static server_core* of(const detail::process* p, const void* type) noexcept {
    behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
    return b != nullptr && b->type == type ? static_cast<server_core*>(b) : nullptr;
  }

  // Gives the core of a server of any type.
  static server_core* of(const detail::process* p) noexcept {
    behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
    return b != nullptr && typeid(*b) == typeid(server_core) ? static_cast<server_core*>(b)
                                                             : nullptr;
  }

  // Gives the error for a caller when `of` has given null.
  static errc why_none(const detail::process* p) noexcept {
    return p == nullptr || p->life.is_exiting() ? errc::noproc : errc::wrong_type;
  }

  // Appends a message. If the queue is full, the message or the oldest one is disposed of instead,
  // as the options say. Messages of coppice's own, and continuations, do not count and are never
  // dropped.
  send_result push(envelope& e) noexcept {
    if (refuses || (!e.exempt_from_limit && !bound_.has_room(size_ - exempt_))) {
      return push_at_bound(e);
    }
    append(e);
    return send_result::delivered;
  }
  void push_front(envelope& e) noexcept;
  // Tells whether the server has nothing to do, and handles a message that comes now next.
  [[nodiscard]] bool is_idle() const noexcept {
    return receiver != nullptr && !receiver->is_woken() && head_ == nullptr &&
           self.has_nothing_pending();
  }
  // Handles a message of an idle server, within the turn of another process. The server may be gone
  // when this returns.
  void handle_at_once(envelope& e);
  bool stop(const exit_reason& reason) noexcept override;
  [[nodiscard]] envelope* front() const noexcept { return head_; }
  envelope& pop() noexcept {
    envelope& e = *head_;
    head_ = e.next;
    if (head_ == nullptr) tail_ = &head_;
    --size_;
    exempt_ -= e.exempt_from_limit ? 1 : 0;
    return e;
  }
  envelope& take() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // The server ends, and its object is still there: it gets back the messages that it has not
  // handled, in the order of their arrival. None is accepted any more. Returns the first exception
  // of a hook, or null.
  std::exception_ptr give_back() noexcept;
  // Called when the coroutine of the server is destroyed: no message is handled any more.
  void close() noexcept;

  // The message that was handled is done with.
  void has_handled() noexcept {
    handled = nullptr;
    if (!dropped_replies.empty()) fail_dropped_replies();
  }

  // Handles messages while the server's coroutine is suspended. Returns true if the coroutine is
  // needed.
  bool work();
  void set_idle_timer();
  // The server waits for a message, and has none.
  void note_idle() noexcept {
    if (drain_ != nullptr) drain_->work_done();
  }

  // Ends the server, as a handler that throws does, for the exception that is being handled: it
  // could not be told something.
  void fail() noexcept;

  [[nodiscard]] std::size_t calls_due() noexcept;
  [[nodiscard]] mailbox_counts counts() const noexcept { return bound_.counts(); }

  // The slot of the call whose handler runs; null if none runs, or if that of another message does.
  [[nodiscard]] reply_slot* call_in_hand() const noexcept {
    return handled != nullptr && !ending ? handled->slot() : nullptr;
  }
  [[nodiscard]] time_limit time_left() const noexcept override;

  // Fills a crash report; it is empty unless a handler has thrown and somebody listens to reports.
  [[nodiscard]] crash_snapshot take_snapshot() noexcept;

  std::uint64_t monitor(const pid& process);
  void forget_monitor(std::uint64_t id) noexcept { monitors_.erase(id); }

  void gave_up(reply_slot& call) noexcept override;
  void fire(const pid& process, const exit_reason& reason) noexcept override;
  [[nodiscard]] bool traps_exits() const noexcept override { return opened; }
  [[nodiscard]] bool cleans_up_at_exit() const noexcept override { return true; }
  void set_awaited(const pid& p) noexcept override { awaited_ = p; }
  [[nodiscard]] pid awaited() const noexcept override { return awaited_; }
  [[nodiscard]] pid who() const noexcept override { return self.id(); }
  void begin_drain(drain_watch& w) noexcept override { drain_ = &w; }
  [[nodiscard]] bool has_work() const noexcept override {
    return head_ != nullptr || receiver == nullptr;
  }
  [[nodiscard]] std::string_view kind() const noexcept override { return "server"; }
  [[nodiscard]] std::size_t messages() const noexcept override { return size_; }
  [[nodiscard]] bool works_by_message() const noexcept override { return true; }
  [[nodiscard]] bool is_busy() const noexcept override { return receiver == nullptr; }
  bool exit_signal(const pid& from, const exit_reason& reason) noexcept override;

  process& self;
  scheduler& home;
  waiter* receiver = nullptr;
  server_requests requested;
  std::exception_ptr failure;  // the exception of a handler or hook
  // The message that is being handled. If its handler throws or is destroyed, it stays here, for
  // the report of that, until the queue is closed.
  envelope* handled = nullptr;
  bool idle_over = false;      // the idle time is over, and the handler for it has not run yet
  list_hook calls;             // slots of calls that are not answered yet
  list_hook dropped_replies;   // slots whose reply_to was destroyed by the handler that runs now
  bool is_idling = false;      // the handler for the end of the idle time runs
  bool ending = false;         // the loop over messages is over
  // Make messages of exit signals and of ends of processes; null if the class does not handle
  // these.
  envelope* (*wrap_signal)(server_core&, const pid&, const exit_reason&) = nullptr;
  envelope* (*wrap_down)(const down&) = nullptr;
  boost::intrusive_ptr<reply_slot> stop_reply;  // a call that is answered after terminate()
  bool opened = false;  // its process has made its first step
  bool refuses = false;  // accepts no messages any more
  bool closed = false;
  void* object = nullptr;  // the object of the server's class; null unless the server is up
  std::string (*describe)(const void* object) = nullptr;
  state_keeper* keeper = nullptr;  // null unless its state is kept

 private:
  struct idle_timer : timer_node {
    explicit idle_timer(server_core& c) noexcept : timer_node{&idle_timer::expire}, core{c} {}
    static void expire(timer_node& node);
    server_core& core;
  };

  bool work(int most);
  void fill(crash_snapshot& seen);
  void drop_oldest() noexcept;
  send_result push_at_bound(envelope& e) noexcept;
  void fail_dropped_replies() noexcept;
  void append(envelope& e) noexcept {
    e.next = nullptr;
    *tail_ = &e;
    tail_ = &e.next;
    ++size_;
    exempt_ += e.exempt_from_limit ? 1 : 0;
    if (receiver != nullptr) receiver->wake();
  }

  queue_bound bound_;
  pid awaited_;
  drain_watch* drain_ = nullptr;
  envelope* head_ = nullptr;
  envelope** tail_ = &head_;
  std::size_t size_ = 0;
  std::size_t exempt_ = 0;  // how many of these do not count against the limit
  idle_timer idle_{*this};
  std::unordered_map<std::uint64_t, std::unique_ptr<server_monitor>> monitors_;
};

// Gives the server whose handler runs now. Throws std::logic_error if there is none, or if it is
// not of that class (null: any class).
COPPICE_API server_core& current_server(const void* type = nullptr);

}  // namespace detail

}  // namespace coppice
