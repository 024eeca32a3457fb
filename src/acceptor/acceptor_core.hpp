#pragma once

#include <coppice/acceptor_options.hpp>
#include <coppice/acceptor_ref.hpp>
#include <coppice/detail/acceptor/listening_socket.hpp>
#include <coppice/detail/overload/intake.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/supervisor_spec.hpp>
#include <coppice/task.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace coppice::detail {

// An acceptor is a supervisor with two children: a dynamic supervisor, whose children are the
// connections, and behind it the listener. Neither needs the other to be the same process as
// before: so each is restarted alone, and connections go on while the listener is down. They are
// stopped in reverse: the listener closes its socket, and ends when the connections have ended or
// the time for that is over.

// Where an acceptor has listened that has ended, for the next one of the same spec: one that is
// restarted listens at the same port, also if it was to be any. Copies of a spec share it, on
// several threads maybe; while one acceptor has the port, another one finds nothing here.
class left_endpoint {
 public:
  [[nodiscard]] std::any take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(endpoint_, {});
  }
  void leave(std::any&& endpoint) noexcept {
    const std::lock_guard lock{mutex_};
    endpoint_ = std::move(endpoint);
  }

 private:
  std::mutex mutex_;
  std::any endpoint_;
};

struct acceptor_setup {
  std::string name;
  acceptor_options options;
  make_listening_socket make_socket;
  std::string connections = name + ".connections";  // the name of their supervisor
  std::shared_ptr<left_endpoint> left = std::make_shared<left_endpoint>();
};

// The state of one acceptor, from the start of its supervisor on. The listener and the connections
// share it: a connection that cannot be cancelled may outlive the rest.
class acceptor_core final : public intake {
 public:
  // `self` is the process of the supervisor.
  acceptor_core(process& self, std::shared_ptr<const acceptor_setup> setup);
  ~acceptor_core();

  // Gives the acceptor of that supervisor, or null if it is that of none.
  static acceptor_core* of(const process& supervisor) noexcept;

  [[nodiscard]] const acceptor_setup& setup() const noexcept { return *setup_; }
  [[nodiscard]] const acceptor_options& options() const noexcept { return setup_->options; }
  [[nodiscard]] scheduler& home() const noexcept { return *home_; }

  void close() noexcept override;
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] bool is_drained() const noexcept override {
    return closed_ && !accepting_ && counts_.connections == 0;
  }
  [[nodiscard]] time_point drained_by() const noexcept override;

  // Where it listens, or has listened last. Empty if it never has.
  [[nodiscard]] const std::any& local_endpoint() const noexcept { return local_endpoint_; }
  // Where it has to listen because it has before, or one before it has. Empty if neither.
  [[nodiscard]] const std::any& known_endpoint() const noexcept {
    return local_endpoint_.has_value() ? local_endpoint_ : left_endpoint_;
  }
  [[nodiscard]] bool is_listening() const noexcept { return socket_ != nullptr; }
  [[nodiscard]] const acceptor_counts& counts() const noexcept { return counts_; }
  [[nodiscard]] bool is_full() const noexcept {
    return counts_.connections >= options().max_connections;
  }
  // The number of connections that have ended.
  [[nodiscard]] std::uint64_t ended() const noexcept {
    return counts_.accepted - counts_.connections;
  }

  // For connection_place.
  void connection_begins() noexcept;
  void connection_ends() noexcept;

 private:
  friend class listener;
  friend struct listener_wait;

  // The way from the supervisor's process to this.
  struct entry final : registration {
    explicit entry(acceptor_core& c) noexcept : of{&c} {}
    // The supervisor has ended.
    void drop() noexcept override;

    acceptor_core* of;
  };

  void leave_endpoint() noexcept;

  scheduler* const home_;
  const std::shared_ptr<const acceptor_setup> setup_;
  entry entry_{*this};
  std::any local_endpoint_;
  std::any left_endpoint_;
  listening_socket* socket_ = nullptr;  // of the listener, while that listens
  waiter* listener_ = nullptr;          // the listener, while it waits for connections to end
  bool closed_ = false;
  bool accepting_ = false;  // the listener may bring one more connection
  time_point closed_at_{};  // from here on the connections have their time to end
  acceptor_counts counts_;
};

// The listener's body.
task<> listen(std::shared_ptr<acceptor_core> core, init_ack up);

}  // namespace coppice::detail
