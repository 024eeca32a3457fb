#include "acceptor_core.hpp"
#include "pressure.hpp"

#include <coppice/child_policy.hpp>
#include <coppice/detail/acceptor/accept_rules.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/supervisor_ref.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <new>

namespace coppice::detail {

// What the listener waits for, beside clients.
struct listener_wait {
  using signature = void(boost::system::error_code);
  enum class event : unsigned char {
    room,       // there are less connections than there may be
    one_ended,  // a connection has ended, or it is closed
    all_ended,  // there is no connection
    none,       // nothing: it waits for a request to stop
  };

  acceptor_core* core;
  event what;
  time_limit limit = infinity;
  std::uint64_t ended_before = core->ended();
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return core->home(); }
  void arm(waiter& w) {
    core->listener_ = &w;
    if (has_happened()) return w.wake();
    timer.arm(w, limit);
  }
  [[nodiscard]] bool poll() const noexcept { return has_happened() || timer.has_expired(); }
  void disarm() noexcept {
    core->listener_ = nullptr;
    timer.disarm();
  }
  template <class Handler>
  static void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }

 private:
  [[nodiscard]] bool has_happened() const noexcept {
    switch (what) {
      case event::room: return !core->is_full();
      case event::one_ended: return core->is_closed() || core->ended() != ended_before;
      case event::all_ended: return core->counts().connections == 0;
      case event::none: break;
    }
    return false;
  }
};

// The process that listens, accepts connections, and has them started.
class listener {
 public:
  listener(std::shared_ptr<acceptor_core> core, process& self) noexcept
      : core_{std::move(core)},
        self_{self},
        full_{*core_, self.id()},
        shortage_{*core_, self.id()} {
    core_->accepting_ = !core_->is_closed();
  }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener() { stop_listening(); }

  // Accepts connections until the acceptor is closed; then waits to be stopped.
  task<> run(init_ack up) {
    while (!core_->is_closed()) {
      auto step = next_step(up);
      co_await std::move(step);
    }
    stop_listening();
    up.ready();
    auto waiting = wait_for(event::none);
    co_await std::move(waiting);
  }

  // Tells whether its supervisor has asked it to stop, and will stop the connections next.
  [[nodiscard]] bool is_stopped() const noexcept {
    return self_.stop.asked() == stop_request::level::supervisor;
  }

  // Frees the port, and gives the connections the time to end by themselves.
  task<> drain() {
    stop_listening();
    if (!core_->is_closed()) core_->closed_at_ = core_->home().now();
    const time_limit left = time_left();
    if (left == time_limit{duration::zero()}) co_return;
    auto waiting = wait_for(event::all_ended, left);
    co_await std::move(waiting);
  }

 private:
  using event = listener_wait::event;
  using wait = deferred_wait<listener_wait>;

  [[nodiscard]] wait wait_for(event what, time_limit limit = infinity) const {
    return wait{{core_.get(), what, limit}};
  }

  task<> next_step(init_ack up) {
    if (socket_ == nullptr) return open(up);
    return core_->is_full() ? wait_for_room() : accept();
  }

  // If it cannot listen, its start has failed; unless it could before, and only lacks what others
  // may give back: then it waits for that as it does when it accepts.
  task<> open(init_ack up) {
    auto socket = core_->setup().make_socket(access::make<executor>(self_, self_.id().number()));
    boost::system::error_code ec;
    try {
      core_->local_endpoint_ = socket->listen(core_->known_endpoint(), core_->options());
    } catch (const boost::system::system_error& e) {
      ec = e.code();
      if (!core_->local_endpoint_.has_value() || !is_shortage(ec)) throw;
    }
    up.ready();
    if (ec) {
      socket.reset();
      auto pausing = pause(ec);
      co_await std::move(pausing);
    } else {
      socket_ = std::move(socket);
      core_->socket_ = socket_.get();
    }
  }

  task<> accept() {
    auto accepting = socket_->accept();
    boost::system::error_code ec = co_await std::move(accepting);
    if (!ec) {
      rules_.accepted();
      ec = start_connection();
    }
    if (ec && !core_->is_closed()) {
      const accept_rules::verdict verdict = rules_.failed(ec);
      if (verdict == accept_rules::verdict::again) co_return;
      if (verdict == accept_rules::verdict::fail) throw boost::system::system_error{ec, "accept"};
      auto pausing = pause(ec);
      co_await std::move(pausing);
    }
  }

  // A connection whose supervisor is being restarted is closed, and told of as `child_refused`. One
  // for which there is no memory is closed, and counts as a shortage.
  boost::system::error_code start_connection() try {
    child_spec spec = socket_->make_child(connection_place{core_});
    spec.restart = temporary;
    spec.shutdown = core_->options().shutdown;
    if (!connections_.alive()) connections_ = core_->home().whereis(core_->setup().connections);
    dynamic_supervisor_ref{connections_}.start_child(std::move(spec));
    return {};
  } catch (const std::bad_alloc&) {
    return asio::error::no_memory;
  }

  // Whoever has a descriptor to give back is a connection, as a rule.
  task<> pause(boost::system::error_code why) {
    ++core_->counts_.shortages;
    shortage_.pause(why);
    auto waiting = wait_for(event::one_ended, rules_.next_pause());
    co_await std::move(waiting);
    shortage_.go_on();
  }

  task<> wait_for_room() {
    ++core_->counts_.times_full;
    full_.pause({});
    auto waiting = wait_for(event::room);
    co_await std::move(waiting);
    full_.go_on();
  }

  void stop_listening() noexcept {
    core_->socket_ = nullptr;
    socket_.reset();
    core_->accepting_ = false;
    core_->note_drained();
  }

  [[nodiscard]] time_limit time_left() const noexcept {
    const time_point until = core_->drained_by();
    if (until == end_of_time) return infinity;
    return std::max(until - core_->home().now(), duration::zero());
  }

  const std::shared_ptr<acceptor_core> core_;
  process& self_;
  std::unique_ptr<listening_socket> socket_;  // null: it does not listen
  accept_rules rules_;
  pressure full_;
  pressure shortage_;
  pid connections_;  // their supervisor, as far as it is known
};

task<> listen(std::shared_ptr<acceptor_core> core, init_ack up) {
  listener me{std::move(core), current_process()};
  boost::system::error_code stopped;
  auto running = me.run(up);
  try {
    co_await std::move(running);
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted || !me.is_stopped()) throw;
    stopped = e.code();
  }
  auto draining = me.drain();
  co_await std::move(draining);
  throw boost::system::system_error{stopped};
}

}  // namespace coppice::detail
