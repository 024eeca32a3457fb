#include <coppice/detail/base/access.hpp>
#include <coppice/sys.hpp>

namespace coppice::sys {

// Unlike OTP's, this is no message: the caller runs on the thread of the server, and no handler
// runs at the same time. So it also works with a server that is stuck in a coroutine.
std::optional<server_status> get_status(const process_ref& server) {
  detail::server_core* const core = detail::server_core::of(detail::access::slot(server.whereis()));
  if (core == nullptr || core->object == nullptr) return std::nullopt;
  return server_status{std::string{core->self.label()}, core->size(), core->calls_due(),
                       core->describe(core->object), core->counts()};
}

std::optional<mailbox_counts> get_counts(const process_ref& server) {
  detail::server_core* const core = detail::server_core::of(detail::access::slot(server.whereis()));
  if (core == nullptr) return std::nullopt;
  return core->counts();
}

}  // namespace coppice::sys
