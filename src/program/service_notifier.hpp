#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace coppice::detail {

// Tells the service manager that has started the program what the program does: systemd's protocol,
// one datagram a message, to the socket that $NOTIFY_SOCKET names. Without that variable nothing is
// sent. The program must not wait for the manager.
class service_notifier {
 public:
  // `wanted`: says whether anything is to be told at all.
  explicit service_notifier(bool wanted);
  service_notifier(const service_notifier&) = delete;
  service_notifier& operator=(const service_notifier&) = delete;
  ~service_notifier();

  [[nodiscard]] bool is_open() const noexcept { return socket_ >= 0; }
  // Returns false if the manager does not take the message now, but may later: it has many others.
  bool tell(std::string_view message) const noexcept;
  // How often the manager wants to hear that the program is alive; nothing if it does not.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const;

 private:
  int socket_ = -1;
  std::string address_;  // as a sockaddr_un, of just that length
};

}  // namespace coppice::detail
