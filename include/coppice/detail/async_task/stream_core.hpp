#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coppice::detail {

struct stream_settings {
  std::size_t max_concurrency;
  bool ordered;
  time_limit limit;
  bool kill_late;
  std::string label;
  bool linked = true;
  std::optional<process_ref> supervisor{};  // the tasks are its children; none: of nobody
  coppice::shutdown how{duration{}};        // how that supervisor stops them
};

// The part that streams of all types have in common. The handle and the coroutine that waits for
// the next item share it by a reference count, which is touched on the loop's thread only.
//
// The tasks are not linked to the consumer, since a consumer that traps exits would find their exit
// signals among its messages. The stream does the work of the links instead: a task that ends with
// another reason than normal ends the consumer, unless it traps exits, and the end of the consumer
// ends the tasks.
class COPPICE_API stream_core : public exit_subscription {
 public:
  // One item, from the start of its task until the consumer gets its result. It is in the list of
  // all items through its base, and in the list of those that are over through `done`.
  class item final : public task_listener, public list_hook, public pooled {
   public:
    item(stream_core& s, task_ptr t) : stream{s}, task{std::move(t)} { task->listener = this; }
    item(const item&) = delete;
    item& operator=(const item&) = delete;
    ~item();
    void task_over(task_core&) noexcept override { stream.ended(*this); }

    struct deadline : timer_node {
      explicit deadline(item& i) noexcept : timer_node{&deadline::expire}, late{i} {}
      static void expire(timer_node& node);
      item& late;
    };
    struct hook : list_hook {
      explicit hook(item& i) noexcept : owner{i} {}
      item& owner;
    };

    stream_core& stream;
    const task_ptr task;
    deadline timer{*this};
    hook done{*this};  // its place in `done_`, once it is over
    bool over = false;
    bool late = false;  // its time was over, and its task was killed or called off
  };

  explicit stream_core(stream_settings s) : settings_{std::move(s)} {}
  stream_core(const stream_core&) = delete;
  stream_core& operator=(const stream_core&) = delete;

  // Makes the calling process the consumer. Throws std::logic_error if another process is that, or
  // if an item is already being waited for.
  void enter();
  // Gives the next item for the consumer, or null if the consumer has to wait, or if the stream is
  // closed. Starts tasks as long as there is room. `waited` tells that the consumer has waited
  // since the last call. Throws if the stream has failed, or what its source throws.
  item* advance(bool waited);
  // Ends the stream, and kills the tasks that still run.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  void fire(const pid& process, const exit_reason& reason) noexcept final;

  // Marks the stream as busy while the consumer is in `next`.
  class turn {
   public:
    explicit turn(stream_core& s) : stream_{s} {
      s.enter();
      s.busy_ = true;
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { stream_.busy_ = false; }

   private:
    stream_core& stream_;
  };

  // Waits until a task has ended, or the stream has failed.
  struct COPPICE_API wait {
    using signature = void(boost::system::error_code);
    static constexpr wait_kind kind = wait_kind::task;

    boost::intrusive_ptr<stream_core> stream;

    [[nodiscard]] scheduler& home() const noexcept { return *stream->home_; }
    void arm(waiter& w) noexcept;
    [[nodiscard]] bool poll() const noexcept { return stream->news_; }
    void disarm() noexcept { stream->waiting_ = nullptr; }
    template <class Handler>
    static void complete(Handler&& h) {
      std::forward<Handler>(h)(boost::system::error_code{});
    }
  };

 protected:
  virtual ~stream_core();
  [[nodiscard]] scheduler& home() noexcept { return *home_; }
  [[nodiscard]] const pid& consumer() const noexcept { return consumer_; }
  // Gives the origin for the task of one more item.
  [[nodiscard]] task_origin origin(task_ptr core) const;
  void start(task_ptr core, body_ptr what);

 private:
  friend void intrusive_ptr_add_ref(stream_core* s) noexcept { ++s->references_; }
  friend void intrusive_ptr_release(stream_core* s) noexcept {
    if (--s->references_ == 0) delete s;
  }
  // Starts the task of one more item; returns false if the source is exhausted.
  virtual bool pull() = 0;
  virtual void drop_source() noexcept = 0;

  void fill();
  [[nodiscard]] item* next_done() noexcept;
  void ended(item& i) noexcept;
  void too_late(item& i) noexcept;
  void notify() noexcept;
  void drop_items(const exit_reason* why) noexcept;
  void fail_if_due();

  const stream_settings settings_;
  scheduler* home_ = nullptr;
  pid consumer_;
  list_hook items_;  // all items, in the order of the input
  list_hook done_;   // items that are over, in the order in which they ended
  std::size_t running_ = 0;
  task_ptr refused_;  // the first task that the supervisor refused to start
  bool late_ = false;
  bool exhausted_ = false;
  bool closed_ = false;
  bool busy_ = false;
  bool news_ = false;
  waiter* waiting_ = nullptr;
  std::uint32_t references_ = 0;
};

}  // namespace coppice::detail
