#pragma once

#include "routes.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include <optional>

namespace chat {

using request = boost::beast::http::request<boost::beast::http::string_body>;
using response = boost::beast::http::response<boost::beast::http::string_body>;

/// What of a request decides where it leads.
[[nodiscard]] request_line line_of(const request& asked);

/// The answer to a request that asks for no WebSocket.
[[nodiscard]] response answer(const route& way, const request& asked, bool is_ready);

/// What a client is told whose request could not be read; nothing if it has gone, or is too slow.
[[nodiscard]] std::optional<response> refuse(boost::system::error_code failed);

}  // namespace chat
