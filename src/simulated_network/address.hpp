#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <tuple>

namespace coppice::detail {

// An address of the simulated network: an IP address and a port.
struct address {
  int family = AF_INET;
  std::array<unsigned char, 16> ip{};  // of IPv4 the first four
  std::uint16_t port = 0;

  friend bool operator==(const address&, const address&) = default;
  friend bool operator<(const address& a, const address& b) noexcept {
    return std::tie(a.family, a.ip, a.port) < std::tie(b.family, b.ip, b.port);
  }

  [[nodiscard]] bool is_any() const noexcept {
    return std::all_of(ip.begin(), ip.end(), [](unsigned char c) { return c == 0; });
  }

  static address loopback(int family, std::uint16_t port) noexcept {
    address a{family, {}, port};
    if (family == AF_INET) {
      a.ip = {127, 0, 0, 1};
    } else {
      a.ip[15] = 1;
    }
    return a;
  }

  static std::optional<address> from(const sockaddr* given, socklen_t size) noexcept {
    address a;
    if (given->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
      sockaddr_in in{};
      std::memcpy(&in, given, sizeof in);
      std::memcpy(a.ip.data(), &in.sin_addr, sizeof in.sin_addr);
      a.port = ntohs(in.sin_port);
      return a;
    }
    if (given->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
      sockaddr_in6 in{};
      std::memcpy(&in, given, sizeof in);
      a.family = AF_INET6;
      std::memcpy(a.ip.data(), &in.sin6_addr, sizeof in.sin6_addr);
      a.port = ntohs(in.sin6_port);
      return a;
    }
    return std::nullopt;
  }

  // As getsockname gives it: cut off if there is too little room.
  void give(sockaddr* into, socklen_t* size) const noexcept {
    sockaddr_in in{};
    sockaddr_in6 in6{};
    const void* made = &in;
    socklen_t its_size = sizeof in;
    if (family == AF_INET) {
      in.sin_family = AF_INET;
      in.sin_port = htons(port);
      std::memcpy(&in.sin_addr, ip.data(), sizeof in.sin_addr);
    } else {
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port);
      std::memcpy(&in6.sin6_addr, ip.data(), sizeof in6.sin6_addr);
      made = &in6;
      its_size = sizeof in6;
    }
    if (into == nullptr || size == nullptr) return;
    std::memcpy(into, made, std::min(*size, its_size));
    *size = its_size;
  }
};

}  // namespace coppice::detail
