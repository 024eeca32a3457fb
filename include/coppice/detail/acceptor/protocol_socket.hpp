#pragma once

#include <coppice/controlling_process.hpp>
#include <coppice/detail/acceptor/listening_socket.hpp>
#include <coppice/detail/acceptor/socket_file.hpp>
#include <coppice/detail/coroutine/make_body.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <functional>
#include <sstream>
#include <type_traits>

namespace coppice::detail {

template <class Endpoint>
concept stream_endpoint = requires { typename Endpoint::protocol_type::acceptor; };

template <class Endpoint>
using socket_at = typename Endpoint::protocol_type::socket;

// The same on coppice's own executor type, which costs less than one that may be any.
template <class Endpoint>
using lean_socket_at =
    typename socket_at<Endpoint>::template rebind_executor<executor>::other;

template <class F, class Socket>
concept takes_socket = std::invocable<F&, Socket> &&
    (process_awaitable<std::invoke_result_t<F&, Socket>> ||
     std::same_as<std::invoke_result_t<F&, Socket>, task<void>>);

template <class F, class Endpoint>
concept connection_function =
    takes_socket<F, socket_at<Endpoint>> || takes_socket<F, lean_socket_at<Endpoint>>;

// Only exists for its static_assert, which says in words what is wrong.
template <class F, class Endpoint>
consteval bool check_connection_function() {
  static_assert(connection_function<F, Endpoint>,
                "what an acceptor does with a connection is a function that takes the socket and "
                "returns an asio::awaitable<void> or a coppice::task<>");
  return connection_function<F, Endpoint>;
}

// The socket that the function takes.
template <class F, class Endpoint>
using accepted_socket =
    std::conditional_t<takes_socket<F, socket_at<Endpoint>>, socket_at<Endpoint>,
                       lean_socket_at<Endpoint>>;

// The body of a connection's process.
template <class F, class Socket>
class connection_body {
 public:
  connection_body(connection_place place, std::shared_ptr<F> f, Socket socket) noexcept
      : place_{std::move(place)}, function_{std::move(f)}, socket_{std::move(socket)} {}

  auto operator()() {
    controlling_process(socket_);  // so far it was the listener's
    return std::invoke(*function_, std::move(socket_));
  }

 private:
  // Destroyed last: the descriptor is free when the place is.
  connection_place place_;
  std::shared_ptr<F> function_;
  Socket socket_;
};

// Tells whether there is a function: a pointer may be null, and a std::function empty.
template <class F>
bool has_target(const F& f) {
  if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) {
    return f != nullptr;
  } else if constexpr (requires { f.operator bool(); }) {
    return static_cast<bool>(f);
  } else {
    return true;
  }
}

template <class Endpoint>
std::string endpoint_text(const Endpoint& endpoint) {
  if constexpr (requires { std::string{endpoint.path()}; }) {
    return endpoint.path();
  } else {
    std::ostringstream text;
    text << endpoint;
    return text.str();
  }
}

template <class Endpoint, class F>
class protocol_socket final : public listening_socket {
  using protocol = typename Endpoint::protocol_type;
  using socket = accepted_socket<F, Endpoint>;

 public:
  protocol_socket(const executor& ex, Endpoint endpoint, std::shared_ptr<F> f)
      : endpoint_{std::move(endpoint)}, function_{std::move(f)}, acceptor_{ex}, accepted_{ex} {}

  std::any listen(const std::any& before, const acceptor_options& options) override {
    if (const auto* there = std::any_cast<Endpoint>(&before)) endpoint_ = *there;
    boost::system::error_code ec;
    listen(options, ec);
    // Without the place in the source that the code carries.
    if (ec) {
      throw boost::system::system_error{ec.value(), ec.category(),
                                        "cannot listen on " + endpoint_text(endpoint_)};
    }
    return acceptor_.local_endpoint();
  }

  void close() noexcept override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    file_.remove();
  }

  task<boost::system::error_code> accept() override {
    const auto [ec] = co_await acceptor_.async_accept(accepted_, asio::as_tuple(asio::deferred));
    co_return ec;
  }

  child_spec make_child(connection_place place) override {
    return worker("connection", connection_body<F, socket>{std::move(place), function_,
                                                      std::move(accepted_)});
  }

 private:
  static constexpr bool has_path = requires(const Endpoint& e) { std::string{e.path()}; };

  void listen(const acceptor_options& options, boost::system::error_code& ec) {
    acceptor_.open(endpoint_.protocol(), ec);
    if (ec) return;
    if (options.reuse_address) {
      acceptor_.set_option(asio::socket_base::reuse_address{true}, ec);
      if (ec) return;
    }
    // Or Asio would wait for the next client where one has gone, though others may be waiting.
    acceptor_.set_option(asio::socket_base::enable_connection_aborted{true}, ec);
    if (ec) return;
    bind(options.reuse_address, ec);
    if (!ec) acceptor_.listen(options.backlog, ec);
  }

  void bind(bool reuse_address, boost::system::error_code& ec) {
    acceptor_.bind(endpoint_, ec);
    if constexpr (has_path) {
      if (ec == asio::error::address_in_use && reuse_address &&
          socket_file::remove_dead(endpoint_.path())) {
        acceptor_.bind(endpoint_, ec);
      }
      if (!ec) file_.bound_to(endpoint_.path());
    }
  }

  Endpoint endpoint_;
  std::shared_ptr<F> function_;
  socket_file file_;
  asio::basic_socket_acceptor<protocol, executor> acceptor_;
  socket accepted_;
};

}  // namespace coppice::detail
