#pragma once

#include <coppice/acceptor_options.hpp>
#include <coppice/acceptor_ref.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/detail/acceptor/listening_socket.hpp>
#include <coppice/detail/acceptor/protocol_socket.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <utility>

namespace coppice {

/// The spec of a child that listens at an endpoint, and runs each connection as a process.
///
///     asio::awaitable<void> session(tcp::socket socket);
///
///     coppice::acceptor({tcp::v4(), 4000}, session, {.max_connections = 10'000, .drain = 5s})
///
/// It is a supervisor, permanent and with unlimited time to shut down, whose children are a dynamic
/// supervisor and a listener. It is up when it listens; if it cannot, as when the port is in use,
/// it has failed to start. `acceptor_ref` asks it things. In a header of its own, which is not in
/// `coppice.hpp`, since it includes Asio's TCP.
///
/// - Each connection is a temporary child of the dynamic supervisor, and owns the socket before its
///   body runs, as by `controlling_process`. One that crashes ends alone, and is reported.
/// - If the listener crashes it is restarted, and listens at the same port again. The connections
///   go on; clients who wait in the queue of the operating system are lost.
/// - When descriptors or memory run out (EMFILE, ENFILE, ENOBUFS, ENOMEM) the listener pauses, from
///   10 ms, and longer each time, up to 1 s; it tries again as soon as a connection has ended. That
///   is no crash, and spends nothing of any budget; nor is a client that has gone before it was
///   accepted (ECONNABORTED and the like). Reported: `acceptor_paused` when the pauses begin, and
///   `acceptor_resumed` when they are over.
/// - So is it when there are `max_connections`. Nobody is refused: clients wait in the queue of the
///   operating system until a connection has ended.
/// - When the acceptor is stopped, it stops listening first: the port is free. Then the connections
///   have the time of `drain` to end by themselves. Those that are left are asked to stop, all at
///   once, and killed when the time of `shutdown` is over.
///
/// @param endpoint Where to listen. In braces it is one of TCP; else any of a stream protocol that
///   Asio can accept, as of `asio::local::stream_protocol`. The file of a local one is removed when
///   the listener ends. Port 0: any that is free, and the same one whenever the acceptor is
///   restarted.
/// @param on_connection Called in the process of each connection with its socket. That is a
///   `tcp::socket`, or the socket type of that protocol; or the same on `coppice::executor`, which
///   costs less, if that is what the function takes. It returns an `asio::awaitable<void>` or a
///   `coppice::task<>`, lives as long as any connection, and need not be copyable.
/// @param options If they break a rule, the child is refused by what it is given to, as with a
///   `supervisor`.
/// @par Origin
/// Ranch's listeners, and Erlang's `gen_tcp:accept/1` in a process whose children the connections
/// are.
template <detail::stream_endpoint Endpoint = asio::ip::tcp::endpoint, class F>
[[nodiscard]] child_spec acceptor(Endpoint endpoint, F on_connection,
                                  acceptor_options options = {}) {
  if constexpr (detail::check_connection_function<F, Endpoint>()) {
    const bool has_function = detail::has_target(on_connection);
    std::string where = detail::endpoint_text(endpoint);
    return detail::acceptor_child(
        std::move(where), std::move(options), has_function,
        [endpoint = std::move(endpoint), f = std::make_shared<F>(std::move(on_connection))](
            const executor& ex) -> std::unique_ptr<detail::listening_socket> {
          return std::make_unique<detail::protocol_socket<Endpoint, F>>(ex, endpoint, f);
        });
  } else {
    return {};
  }
}

}  // namespace coppice
