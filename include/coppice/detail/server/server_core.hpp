#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/pid.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

struct down;

namespace detail {

class server_core;

// Has a server told of the end of a process.
class server_monitor final : public exit_subscription {
 public:
  server_monitor(server_core& c, std::uint64_t i) noexcept : core{c}, id{i} {}
  void fire(const pid& process, const exit_reason& reason) override;

  server_core& core;
  const std::uint64_t id;
};

// A message on its way to a server.
class COPPICE_API envelope {
 public:
  enum class kind_type : unsigned char {
    synchronous,  // handled where the server waits, without resuming its coroutine
    coroutine,    // handled by a coroutine, which that of the server awaits
    stop,         // a request to stop with `reason()`
  };

  explicit envelope(kind_type k) noexcept : kind{k} {}
  envelope(const envelope&) = delete;
  envelope& operator=(const envelope&) = delete;

  // Handles it; of synchronous ones only. May throw what the handler throws.
  virtual void handle(void* server, server_core& core) = 0;
  // Done with, handled or not. `why` is told to a caller that waits for the answer.
  virtual void dispose(errc why) noexcept = 0;
  struct disposer {
    void operator()(envelope* e) const noexcept { e->dispose(errc::noproc); }
  };
  [[nodiscard]] virtual std::string describe() const = 0;
  // Of calls: where the answer goes.
  [[nodiscard]] virtual const reply_slot* slot() const noexcept { return nullptr; }

  const kind_type kind;
  bool aside = false;  // no message to a server that wants to know when none comes
  bool kept = false;   // of coppice's own: neither refused nor dropped for want of room
  envelope* next = nullptr;

 protected:
  virtual ~envelope();
};

// What a server asks for from within its handlers (this_server).
struct server_wishes {
  std::optional<exit_reason> stop;
  std::optional<duration> idle;
};

// What there is to tell of a server that has failed, as it was before it cleaned up.
struct last_sight {
  std::string message;      // what it was handling
  std::string state;
  pid client;               // who waits for the answer to that
  std::vector<pid> pending;  // who waits for other answers
};

class state_keeper;

// What servers of all types have in common: their queue, and what happens to it when they end. Made
// by the body of the server; lives as long as its process.
class COPPICE_API server_core final : public behaviour, public exit_subscription, public answerer {
 public:
  server_core(process& p, const void* t, mailbox_options o);
  server_core(const server_core&) = delete;
  server_core& operator=(const server_core&) = delete;
  ~server_core();

  // Null if there is no such process, or it is not a server of that type.
  static server_core* of(const detail::process* p, const void* type) noexcept {
    behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
    return b != nullptr && b->type == type ? static_cast<server_core*>(b) : nullptr;
  }

  // The same whatever its type.
  static server_core* of(const detail::process* p) noexcept {
    behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
    return b != nullptr && typeid(*b) == typeid(server_core) ? static_cast<server_core*>(b)
                                                             : nullptr;
  }

  // Why that has given null.
  static errc why_none(const detail::process* p) noexcept {
    return p == nullptr || p->life.is_exiting() ? errc::noproc : errc::wrong_type;
  }

  // Takes a message. Disposes of it, or of the oldest one, if there are too many. What coppice has
  // to tell the server, and the steps with which it continues, are neither refused nor dropped.
  send_result push(envelope& e) noexcept {
    if (closed || (!e.kept && size_ - kept_ >= options_.limit)) return push_beyond_limit(e);
    append(e);
    return send_result::delivered;
  }
  void push_front(envelope& e) noexcept;
  bool stop(const exit_reason& reason) override;
  [[nodiscard]] envelope* front() const noexcept { return head_; }
  envelope& pop() noexcept {
    envelope& e = *head_;
    head_ = e.next;
    if (head_ == nullptr) tail_ = &head_;
    --size_;
    kept_ -= e.kept ? 1 : 0;
    return e;
  }
  envelope& take() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // The coroutine of the server is gone: nothing is handled any more.
  void close() noexcept;

  void has_handled() noexcept {
    handling = false;
    if (!given_up.empty()) answer_given_up();
  }

  // Handles messages while the server waits. True if its coroutine has something to do.
  bool work(void* server);
  void set_idle_timer();

  [[nodiscard]] std::size_t calls_due() noexcept;

  // Of no meaning unless it has failed and somebody listens.
  [[nodiscard]] last_sight look_back();

  std::uint64_t monitor(const pid& process);
  void forget_monitor(std::uint64_t id) noexcept { monitors_.erase(id); }

  void gave_up(reply_slot& call) noexcept override;
  void fire(const pid& process, const exit_reason& reason) override;
  [[nodiscard]] bool traps_exits() const noexcept override { return opened; }
  bool exit_signal(const pid& from, const exit_reason& reason) override;

  process& self;
  scheduler& home;
  waiter* receiver = nullptr;
  server_wishes wishes;
  std::exception_ptr failure;  // of a handler
  envelope* failed = nullptr;  // ... what it was handling
  bool idle_over = false;      // nothing has come in the time it wanted to wait
  list_hook calls;             // not answered yet
  list_hook given_up;          // ... and never will be, if the message at hand is handled
  bool handling = false;
  bool ending = false;  // its loop is over
  // Makes a message of an exit signal, for servers that handle those.
  envelope* (*wrap_signal)(server_core&, const pid&, const exit_reason&) = nullptr;
  envelope* (*wrap_down)(const down&) = nullptr;
  boost::intrusive_ptr<reply_slot> last_words;  // answered when the server has cleaned up
  bool opened = false;  // its process has run
  bool closed = false;
  const void* object = nullptr;  // of the server's class, while the server is up
  std::string (*describe)(const void* object) = nullptr;
  state_keeper* keeper = nullptr;  // if its state outlives it

 private:
  struct idle_timer : timer_node {
    explicit idle_timer(server_core& c) noexcept : timer_node{&idle_timer::expire}, core{c} {}
    static void expire(timer_node& node);
    server_core& core;
  };

  void drop_oldest() noexcept;
  send_result push_beyond_limit(envelope& e) noexcept;
  void answer_given_up() noexcept;
  void append(envelope& e) noexcept {
    e.next = nullptr;
    *tail_ = &e;
    tail_ = &e.next;
    ++size_;
    kept_ += e.kept ? 1 : 0;
    if (receiver != nullptr) receiver->wake();
  }

  mailbox_options options_;
  envelope* head_ = nullptr;
  envelope** tail_ = &head_;
  std::size_t size_ = 0;
  std::size_t kept_ = 0;  // so many of these do not count against the limit
  idle_timer idle_{*this};
  std::unordered_map<std::uint64_t, std::unique_ptr<server_monitor>> monitors_;
};

// The server at work; of that class, unless null.
COPPICE_API server_core& current_server(const void* type = nullptr);

}  // namespace detail

}  // namespace coppice
