#pragma once

#include "web_socket.hpp"

#include <coppice/task.hpp>

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>

namespace chat {

/// Answers a request for a WebSocket.
///
/// @return Null if it was none that can be granted; the client has been told.
[[nodiscard]] coppice::task<std::shared_ptr<web_socket>> accept_web_socket(
    boost::beast::tcp_stream stream,
    boost::beast::http::request<boost::beast::http::string_body> request);

}  // namespace chat
