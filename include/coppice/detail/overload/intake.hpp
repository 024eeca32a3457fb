#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <utility>

namespace coppice::detail {

// Something through which work comes into a program, such as an acceptor. All those of an
// io_context are in one list (`intakes`): so a program that is to end can close them, and wait for
// what they have let in, before it stops its processes.
class COPPICE_API intake : public list_hook {
 public:
  // Lets nothing in from now on, and for good. What was let in goes on. May be called again.
  virtual void close() noexcept = 0;
  // Tells whether it is closed, and nothing that it has let in is left.
  [[nodiscard]] virtual bool is_drained() const noexcept = 0;
  // The time until which what it has let in may go on by itself. Only of meaning once it is closed.
  [[nodiscard]] virtual time_point drained_by() const noexcept = 0;

 protected:
  intake() = default;
  ~intake() { leave(); }
  // Wakes those who wait until it is drained.
  void note_drained() noexcept;
  // Leaves the list of the io_context. Those who wait for it wait no longer.
  void leave() noexcept;

 private:
  friend struct drained_wait;

  list_hook waits_;
};

// The intakes of an io_context, from the first one on that asks for their list.
class COPPICE_API intakes final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit intakes(boost::asio::execution_context& context) : service{context} {}
  static list_hook& of(boost::asio::io_context& io);

 private:
  void shutdown() noexcept override {}

  list_hook all_;
};

// The wait until an intake is drained, or gone.
struct COPPICE_API drained_wait {
  using signature = void(boost::system::error_code);

  // The place of one who waits, in the list of the intake. It can be moved while nobody waits in
  // it.
  struct place : list_hook {
    explicit place(intake* i) noexcept : of{i} {}
    place(place&& other) noexcept : of{other.of} {}

    intake* of;  // null when it is gone
    waiter* who = nullptr;
  };

  scheduler* at;
  place mine;
  time_limit limit;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *at; }
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return is_over() || timer.has_expired(); }
  void disarm() noexcept;
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(outcome());
  }

  [[nodiscard]] bool is_over() const noexcept {
    return mine.of == nullptr || mine.of->is_drained();
  }
  // errc::timeout if it is not over.
  [[nodiscard]] boost::system::error_code outcome() const noexcept;
};

}  // namespace coppice::detail
