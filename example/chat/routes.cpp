#include "routes.hpp"

#include "names.hpp"

namespace chat {

namespace {

using kind = route::kind_type;

constexpr std::string_view rooms = "/rooms/";

route find_room(const request_line& asked, std::string_view name) {
  if (!is_room_name(name)) return {kind::not_found};
  if (asked.method != "GET") return {kind::wrong_method};
  if (!asked.is_upgrade) return {kind::upgrade_required};
  return {kind::room, std::string{name}};
}

}  // namespace

route find_route(const request_line& asked) {
  if (!asked.has_host || !asked.target.starts_with('/')) return {kind::bad_request};
  const std::string_view path = asked.target.substr(0, asked.target.find('?'));
  if (path.starts_with(rooms)) return find_room(asked, path.substr(rooms.size()));

  kind found = kind::not_found;
  if (path == "/") found = kind::page;
  if (path == "/live") found = kind::live;
  if (path == "/ready") found = kind::ready;
  if (found == kind::not_found) return {found};
  if (asked.method != "GET" && asked.method != "HEAD") return {kind::wrong_method};
  return {found};
}

}  // namespace chat
