#include <coppice/sys.hpp>

namespace coppice::sys {

std::optional<server_status> get_status(const process_ref& server) {
  detail::process* const p = server.whereis().get();
  if (p == nullptr || !p->extras || p->extras->server == nullptr) return std::nullopt;
  detail::server_core& core = *p->extras->server;
  if (core.object == nullptr) return std::nullopt;
  return server_status{std::string{p->label()}, core.size(), core.calls_due(), core.describe(core.object)};
}

}  // namespace coppice::sys
