#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/mailbox/queue_bound.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/pid.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

class delayed_send;
class mailbox_core;
class mailbox_monitor;

// The part of a mailbox that does not depend on the type of its messages. It is shared by the
// mailbox and its addresses. At most one receiver waits at a time. Except for `closed` and `home`,
// it is touched on the loop's thread only; other threads post their messages there.
class COPPICE_API mailbox_core : public loop_member {
 public:
  mailbox_core();
  mailbox_core(const mailbox_core&) = delete;
  mailbox_core& operator=(const mailbox_core&) = delete;
  virtual ~mailbox_core();

  // Removes the messages with that tag.
  virtual void purge(std::uint64_t tag) noexcept = 0;
  virtual void clear() noexcept = 0;
  void close() noexcept;

  void leave_loop() noexcept final;
  // Notes the current process, if there is one, as the user of the mailbox.
  void used_by_current();
  void used_by(process& p, std::uint64_t number);
  // Whoever has this may touch a mailbox that belongs to no loop, and finds that it still does not.
  // Recursive, as messages are moved meanwhile, which may send some.
  [[nodiscard]] static std::unique_lock<std::recursive_mutex> hold_homeless();
  // Ends the process that uses the mailbox, if there is one, because a message has thrown when it
  // was made or moved; the message is lost. Called while the exception is being handled.
  void fail_user() noexcept;

  std::atomic<bool> closed = false;  // read on any thread
  std::atomic<std::uint64_t> home = 0;  // the number of its scheduler, or 0; read on any thread
  pid user;                             // the process that used it last
  std::size_t size = 0;
  queue_bound bound;
  waiter* receiver = nullptr;
  std::unordered_map<std::uint64_t, std::shared_ptr<mailbox_monitor>> monitors;
  std::unordered_map<delayed_send*, std::shared_ptr<delayed_send>> delayed;

 private:
  void enter_loop(scheduler& s) noexcept;
};

// The queue: a singly linked list of pooled nodes, so that an empty mailbox has no storage and a
// message is moved once into its node and once out of it. Messages with a tag are coppice's own
// (ends of monitored processes, exit signals): they are neither refused nor dropped for want of
// room, and do not count against the limit.
template <class T>
class mailbox_state final : public mailbox_core {
 public:
  mailbox_state() noexcept = default;
  ~mailbox_state() override { mailbox_state::clear(); }

  send_result send(T&& message, std::uint64_t tag) {
    if (closed.load(std::memory_order_relaxed)) return send_result::closed;
    if (tag == 0 && !bound.has_room(size - own_)) return send_at_bound(std::move(message));
    append(new node{nullptr, tag, std::move(message)});
    return send_result::delivered;
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
    std::uint64_t tag;  // 0 for a message of a user, else coppice's own
    T message;
  };

  void append(node* n) noexcept {
    *tail_ = n;
    tail_ = &n->next;
    ++size;
    if (n->tag != 0) ++own_;
    if (receiver != nullptr) receiver->wake();
  }

  // The queue is full, or longer than ever before.
  send_result send_at_bound(T&& message) {
    const send_result result = bound.decide(size - own_);
    if (result == send_result::delivered || result == send_result::dropped_oldest) {
      // The new node comes first: if the message throws when it is moved, nothing has been dropped.
      node* n = new node{nullptr, 0, std::move(message)};
      if (result == send_result::dropped_oldest) drop_oldest();
      append(n);
    }
    bound.count(result, size - own_);
    return result;
  }

  static constexpr std::size_t cache_line = 64;  // bytes, where nothing more is known

  // Unlinks the node that `link` points to. The two pointers into the list must not be left behind
  // in a node that is about to be destroyed.
  node& take(node** link) noexcept {
    node& n = **link;
    *link = n.next;
    // The next one of many large messages is fetched into the cache while this one is handled. For
    // small ones the processor sees to that by itself.
    if constexpr (sizeof(node) > cache_line) {
      if (n.next != nullptr) {
        __builtin_prefetch(n.next);
        __builtin_prefetch(reinterpret_cast<const char*>(n.next) + cache_line);
      }
    }
    if (tail_ == &n.next) tail_ = link;
    if (no_users_before_ == &n.next) no_users_before_ = link;
    --size;
    if (n.tag != 0) --own_;
    return n;
  }

  // Amortised constant: coppice's own messages in front are stepped over once, and remembered.
  // There is a user's message behind them, as the queue is full of them.
  void drop_oldest() noexcept {
    while ((*no_users_before_)->tag != 0) no_users_before_ = &(*no_users_before_)->next;
    delete &take(no_users_before_);
  }

  node* head_ = nullptr;
  node** tail_ = &head_;
  node** no_users_before_ = &head_;  // all nodes before this link are coppice's own
  std::size_t own_ = 0;              // how many of the messages are coppice's own
};

}  // namespace coppice::detail
