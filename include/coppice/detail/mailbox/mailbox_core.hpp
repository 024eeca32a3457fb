#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/pid.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

class delayed_send;
class mailbox_core;
class mailbox_monitor;

// The part of a mailbox that does not depend on the type of its messages.
class COPPICE_API mailbox_core : public loop_member {
 public:
  mailbox_core();
  mailbox_core(const mailbox_core&) = delete;
  mailbox_core& operator=(const mailbox_core&) = delete;
  virtual ~mailbox_core();

  // Takes out the messages with that tag.
  virtual void purge(std::uint64_t tag) noexcept = 0;
  virtual void clear() noexcept = 0;
  void close() noexcept;

  void leave_loop() noexcept final;
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

}  // namespace coppice::detail
