#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace coppice {

template <class T>
class address;
template <class T>
class mailbox;

/// What a full mailbox does with one message more. That means the messages of users only: what coppice
/// itself has to tell, the ends of monitored processes and exit signals, is neither refused nor
/// dropped, and does not count.
enum class overflow {
  refuse,       ///< Refuses it; the sender is told.
  drop_oldest,  ///< Drops the oldest message to make room.
  drop_newest,  ///< Drops the new one; the sender is told.
};

struct mailbox_options {
  /// How many messages wait at the most, apart from coppice's own; at least 1. Unlimited by default.
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  /// Only of meaning with a limit.
  overflow when_full = overflow::refuse;
};

/// What became of a message.
enum class send_result {
  delivered,       ///< It waits in the mailbox; or, sent by another thread, is on its way there.
  dropped_oldest,  ///< It waits in the mailbox; the oldest one does not any more.
  refused,         ///< The mailbox is full.
  dropped,         ///< The mailbox is full, and drops what is new.
  closed,          ///< The mailbox is gone, as it is when its process has ended.
};

namespace detail {

class mailbox_core;

// A monitor whose news go to a mailbox. Kept by the mailbox until it fires.
class COPPICE_API mailbox_monitor : public exit_subscription {
 public:
  explicit mailbox_monitor(std::weak_ptr<mailbox_core> c) noexcept : core{std::move(c)} {}
  virtual ~mailbox_monitor();

  std::weak_ptr<mailbox_core> core;
  std::uint64_t id = 0;
};

// A trap whose signals go to a mailbox, tagged with the number of the sender and this bit.
inline constexpr std::uint64_t signal_tag = std::uint64_t{1} << 63;

class COPPICE_API mailbox_trap : public signal_trap {
 public:
  explicit mailbox_trap(std::weak_ptr<mailbox_core> c) noexcept : core{std::move(c)} {}
  virtual ~mailbox_trap();

  std::weak_ptr<mailbox_core> core;
};

// A message that waits for its time. Kept by the mailbox until then.
class COPPICE_API delayed_send : public timer_node {
 public:
  explicit delayed_send(scheduler& s) noexcept : timer_node{&delayed_send::due}, home{&s} {}
  virtual ~delayed_send();
  virtual void send() = 0;
  static void due(timer_node& node);

  scheduler* home;
  std::weak_ptr<mailbox_core> core;
};

// What all mailboxes have in common, whatever they carry. In the list of the scheduler on whose
// thread it is used, which tells it when its io_context goes.
class COPPICE_API mailbox_core : public list_hook {
 public:
  mailbox_core();
  mailbox_core(const mailbox_core&) = delete;
  mailbox_core& operator=(const mailbox_core&) = delete;
  virtual ~mailbox_core();

  // Takes out the messages with that tag.
  virtual void purge(std::uint64_t tag) noexcept = 0;
  virtual void clear() noexcept = 0;
  void close() noexcept;

  // Belongs to nobody's thread any more.
  void leave_home() noexcept;
  // The process that runs right now uses the mailbox, if there is one.
  void used_by_current();
  void used_by(process& p, std::uint64_t number);
  // Whether the calling thread may touch the mailbox. One that no process has used yet belongs to
  // nobody's thread.
  [[nodiscard]] bool is_open_to_caller() const noexcept {
    const scheduler* const s = home.load(std::memory_order_acquire);
    return s == nullptr || s->is_open_to_caller();
  }
  // Ends the process that uses the mailbox, if there is one, for what a message has thrown; the message
  // is lost. While the exception is being handled.
  void fail_user() noexcept;

  std::atomic<bool> closed = false;  // read on any thread
  std::atomic<scheduler*> home = nullptr;
  pid user;  // the process that used it last
  std::size_t size = 0;
  mailbox_options options;
  waiter* receiver = nullptr;
  std::unordered_map<std::uint64_t, std::shared_ptr<mailbox_monitor>> monitors;
  std::unordered_map<delayed_send*, std::shared_ptr<delayed_send>> delayed;
};

// A queue of pooled nodes.
template <class T>
class mailbox_state final : public mailbox_core {
 public:
  mailbox_state() noexcept = default;
  ~mailbox_state() override { mailbox_state::clear(); }

  send_result send(T&& message, std::uint64_t tag) {
    if (closed.load(std::memory_order_relaxed)) return send_result::closed;
    send_result result = send_result::delivered;
    if (tag == 0 && size - own_ >= options.limit) {
      switch (options.when_full) {
        case overflow::refuse: return send_result::refused;
        case overflow::drop_newest: return send_result::dropped;
        case overflow::drop_oldest: result = send_result::dropped_oldest; break;
      }
    }
    node* n = new node{nullptr, tag, std::move(message)};
    if (result == send_result::dropped_oldest) drop_oldest();
    *tail_ = n;
    tail_ = &n->next;
    ++size;
    if (tag != 0) ++own_;
    if (receiver != nullptr) receiver->wake();
    return result;
  }

  T pop() {
    const std::unique_ptr<node> first{&take(&head_)};
    return std::move(first->message);
  }

  void purge(std::uint64_t tag) noexcept override {
    for (node** at = &head_; *at != nullptr;) {
      if ((*at)->tag != tag) {
        at = &(*at)->next;
      } else {
        delete &take(at);
      }
    }
  }

  void clear() noexcept override {
    while (head_ != nullptr) delete &take(&head_);
  }

 private:
  struct node : pooled {
    node(node* n, std::uint64_t t, T&& m) : next{n}, tag{t}, message{std::move(m)} {}
    node* next;
    std::uint64_t tag;  // not 0: coppice's own
    T message;
  };

  // Takes out the node to which that link leads.
  node& take(node** link) noexcept {
    node& n = **link;
    *link = n.next;
    if (tail_ == &n.next) tail_ = link;
    if (no_users_before_ == &n.next) no_users_before_ = link;
    --size;
    if (n.tag != 0) --own_;
    return n;
  }

  // Amortised constant: the messages of coppice's own that lie in front are passed by once.
  void drop_oldest() noexcept {
    while ((*no_users_before_)->tag != 0) no_users_before_ = &(*no_users_before_)->next;
    delete &take(no_users_before_);
  }

  node* head_ = nullptr;
  node** tail_ = &head_;
  node** no_users_before_ = &head_;  // all that lies in front of this link is coppice's own
  std::size_t own_ = 0;              // so many of `size` are
};

template <class T>
struct receive_wait {
  std::shared_ptr<mailbox_state<T>> box;
  scheduler* scheduler_;

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w) {
    box->receiver = &w;
    if (w.owner != nullptr && box->user != pid{w.owner, w.number}) box->used_by(*w.owner, w.number);
    if (box->size > 0) w.wake();
  }
  [[nodiscard]] bool ready() const noexcept { return box->size > 0; }
  void leave() noexcept { box->receiver = nullptr; }
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, box->pop());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted}, T{});
  }
};

// A point in time that wakes a waiter.
struct COPPICE_API wake_timer : timer_node {
  wake_timer() noexcept : timer_node{&wake_timer::ring} {}
  wake_timer(wake_timer&& other) noexcept : timer_node{&wake_timer::ring} {
    if (other.has_rung()) position = rung;
  }
  static void ring(timer_node& node);
  [[nodiscard]] bool has_rung() const noexcept { return position == rung; }
  void forget() noexcept {
    if (has_rung()) position = idle;
  }
  void begin(waiter& w, duration time);
  void leave() noexcept;

  waiter* target = nullptr;
};

template <class T>
struct timed_receive_wait : receive_wait<T> {
  duration limit;
  wake_timer timer{};

  void begin(waiter& w) {
    receive_wait<T>::begin(w);
    if (this->box->size == 0) timer.begin(w, limit);
  }
  [[nodiscard]] bool ready() const noexcept { return timer.has_rung() || receive_wait<T>::ready(); }
  void leave() noexcept {
    receive_wait<T>::leave();
    timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    std::optional<T> result;
    if (this->box->size > 0) result.emplace(this->box->pop());
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(result));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::optional<T>{});
  }
};

}  // namespace detail

/// Where to send messages to one mailbox. Cheap to copy; does not keep the mailbox open.
///
/// @par Thread safety
/// Safe: what another thread sends is posted to the loop.
template <class T>
class address {
 public:
  /// Leads nowhere: as the address of a closed mailbox.
  address() noexcept = default;

  /// Sends a message. Never waits. To a mailbox that is gone it is a silent no-op, told by the result.
  /// From another thread the message is posted, and the result is always `delivered`.
  ///
  /// @throws Whatever moving the message throws; it is not sent then. A posted message that cannot be
  ///   moved into the mailbox ends the process that uses the mailbox.
  /// @par Complexity
  /// Constant; one pooled node.
  /// @par Origin
  /// `Pid ! Message`. Messages of one sender arrive in the order of sending.
  send_result send(T message) const { return send_tagged(std::move(message), 0); }

  /// Whether nobody can receive any more.
  [[nodiscard]] bool closed() const noexcept {
    return !box_ || box_->closed.load(std::memory_order_relaxed);
  }

  friend bool operator==(const address&, const address&) noexcept = default;

  /// For coppice's own use.
  send_result send_tagged(T message, std::uint64_t tag) const {
    if (!box_) return send_result::closed;
    if (!box_->is_open_to_caller()) return post(std::move(message));
    return box_->send(std::move(message), tag);
  }
  [[nodiscard]] std::shared_ptr<detail::mailbox_core> core() const noexcept { return box_; }

 private:
  friend class mailbox<T>;
  explicit address(std::shared_ptr<detail::mailbox_state<T>> box) noexcept : box_{std::move(box)} {}

  send_result post(T message) const {
    if (detail::scheduler* const s = box_->home.load(std::memory_order_acquire); s != nullptr) {
      s->post([box = box_, m = std::move(message)]() mutable {
        try {
          box->send(std::move(m), 0);
        } catch (...) {
          box->fail_user();
        }
      });
    }
    return send_result::delivered;
  }

  std::shared_ptr<detail::mailbox_state<T>> box_;
};

/// A queue of messages for the process that holds it.
///
/// A process makes one and gives its address away, or gets one as an argument. Closes when it is
/// destroyed, which is what happens when its process ends; waiting messages are destroyed with it, and
/// a receive that is under way completes with `operation_aborted`.
///
/// @tparam T Movable; for `receive()` default constructible too.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Exceptions
/// A message that throws when coppice moves it, or makes it of a `down` or an `exit_signal`, ends the
/// process that uses the mailbox. A destructor that throws ends the program.
template <class T>
class mailbox {
 public:
  using value_type = T;

  mailbox() : mailbox{mailbox_options{}} {}

  /// @throws std::invalid_argument if `options.limit` is 0.
  explicit mailbox(mailbox_options options) : box_{std::make_shared<detail::mailbox_state<T>>()} {
    if (options.limit == 0) throw std::invalid_argument{"coppice: mailbox limit must be at least 1"};
    box_->options = options;
  }
  mailbox(mailbox&&) noexcept = default;
  mailbox& operator=(mailbox&& other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~mailbox() {
    if (box_) box_->close();
  }

  [[nodiscard]] address<T> get_address() const noexcept { return address<T>{box_}; }

  /// How many messages wait.
  [[nodiscard]] std::size_t size() const noexcept { return box_->size; }

  /// `T message = co_await box.receive();` takes the oldest message, waiting for one if need be.
  ///
  /// One receive at a time.
  ///
  /// @throws std::logic_error outside of processes, or if a receive is under way.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no message is lost.
  [[nodiscard]] auto receive() {
    static_assert(std::default_initializable<T>,
                  "mailbox<T>::receive() needs a T that can be made without arguments (an aborted "
                  "receive has no message to give); receive(time limit) does not");
    return detail::operation<void(boost::system::error_code, T), detail::receive_wait<T>>{
        {box_, &check()}};
  }

  /// `std::optional<T> message = co_await box.receive(100ms);` waits so long at the most.
  ///
  /// A message that is there when the time runs out wins. With zero or less only what is there
  /// already, or what processes that are ready now send, is taken.
  ///
  /// @throws std::logic_error outside of processes, or if a receive is under way.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no message is lost.
  [[nodiscard]] auto receive(std::chrono::steady_clock::duration limit) {
    return detail::operation<void(boost::system::error_code, std::optional<T>),
                             detail::timed_receive_wait<T>>{{{box_, &check()}, limit}};
  }

  /// Takes the oldest message if there is one.
  [[nodiscard]] std::optional<T> try_receive() {
    if (box_->size == 0) return std::nullopt;
    return box_->pop();
  }

 private:
  detail::scheduler& check() const {
    if (box_->receiver != nullptr) {
      throw std::logic_error{"coppice: a receive of this mailbox is under way"};
    }
    return detail::here();
  }

  std::shared_ptr<detail::mailbox_state<T>> box_;
};

/// A message on its way through time.
class COPPICE_API send_timer {
 public:
  send_timer() noexcept = default;
  explicit send_timer(std::weak_ptr<detail::delayed_send> s) noexcept : send_{std::move(s)} {}

  /// Time left, or nothing if it has been sent, was cancelled, or its mailbox is gone.
  [[nodiscard]] std::optional<std::chrono::steady_clock::duration> remaining() const noexcept;

  /// Stops it. Answers as `remaining()` would have.
  std::optional<std::chrono::steady_clock::duration> cancel() noexcept;

 private:
  std::weak_ptr<detail::delayed_send> send_;
};

namespace detail {

COPPICE_API send_timer start_delayed(std::shared_ptr<delayed_send> s,
                                     std::shared_ptr<mailbox_core> core, time_point when);

template <class T>
class typed_delayed_send final : public delayed_send {
 public:
  typed_delayed_send(scheduler& s, address<T> to, T message)
      : delayed_send{s}, to_{std::move(to)}, message_{std::move(message)} {}
  void send() override { to_.send(std::move(message_)); }

 private:
  address<T> to_;
  T message_;
};

}  // namespace detail

/// Sends a message when that time has passed on the scheduler's clock.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `erlang:send_after/3`.
template <class T>
send_timer send_after(const address<T>& to, std::chrono::steady_clock::duration delay,
                      std::type_identity_t<T> message) {
  detail::scheduler& s = detail::here();
  if (to.closed()) return {};
  return detail::start_delayed(
      std::make_shared<detail::typed_delayed_send<T>>(s, to, std::move(message)), to.core(),
      detail::after(s.now(), delay));
}

/// The same at a point in time.
template <class T>
send_timer send_at(const address<T>& to, std::chrono::steady_clock::time_point when,
                   std::type_identity_t<T> message) {
  detail::scheduler& s = detail::here();
  if (to.closed()) return {};
  return detail::start_delayed(
      std::make_shared<detail::typed_delayed_send<T>>(s, to, std::move(message)), to.core(), when);
}

}  // namespace coppice
