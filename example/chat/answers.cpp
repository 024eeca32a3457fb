#include "answers.hpp"

#include "page.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace chat {

namespace http = boost::beast::http;

namespace {

constexpr unsigned http_1_1 = 11;

response text(http::status status, std::string_view body) {
  response result{status, http_1_1};
  result.set(http::field::content_type, "text/plain; charset=utf-8");
  result.body() = std::string{body} + '\n';
  return result;
}

response page() {
  response result{http::status::ok, http_1_1};
  result.set(http::field::content_type, "text/html; charset=utf-8");
  result.set("Content-Security-Policy",
             "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
             "connect-src 'self'; img-src data:");
  result.body() = page_text;
  return result;
}

response make(const route& way, bool is_ready) {
  using kind = route::kind_type;
  switch (way.kind) {
    case kind::page: return page();
    case kind::live: return text(http::status::ok, "live");
    case kind::ready:
      if (is_ready) return text(http::status::ok, "ready");
      return text(http::status::service_unavailable, "stopping");
    case kind::wrong_method: {
      response result = text(http::status::method_not_allowed, "only to be read");
      result.set(http::field::allow, way.room.empty() ? "GET, HEAD" : "GET");
      return result;
    }
    case kind::upgrade_required: {
      response result = text(http::status::upgrade_required, "a room is a WebSocket");
      result.set(http::field::upgrade, "websocket");
      return result;
    }
    case kind::bad_request: return text(http::status::bad_request, "that is no request");
    case kind::room:
    case kind::not_found: break;
  }
  return text(http::status::not_found, "there is nothing here");
}

}  // namespace

request_line line_of(const request& asked) {
  return {.method = asked.method_string(),
          .target = asked.target(),
          .has_host = asked.version() < http_1_1 || asked.count(http::field::host) == 1,
          .is_upgrade = boost::beast::websocket::is_upgrade(asked)};
}

response answer(const route& way, const request& asked, bool is_ready) {
  response result = make(way, is_ready);
  result.version(asked.version());
  result.keep_alive(asked.keep_alive() && way.kind != route::kind_type::bad_request);
  result.content_length(result.body().size());
  if (asked.method() == http::verb::head) result.body().clear();
  return result;
}

std::optional<response> refuse(boost::system::error_code failed) {
  http::status status = http::status::bad_request;
  if (failed == http::error::header_limit || failed == http::error::buffer_overflow) {
    status = http::status::request_header_fields_too_large;
  } else if (failed == http::error::body_limit) {
    status = http::status::payload_too_large;
  } else if (failed == http::error::end_of_stream || failed == http::error::partial_message ||
             failed.category() != make_error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  response result = text(status, http::obsolete_reason(status));
  result.keep_alive(false);
  result.prepare_payload();
  return result;
}

}  // namespace chat
