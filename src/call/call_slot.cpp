#include <coppice/detail/call/call_slot.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/process.hpp>

namespace coppice::detail {

// A call with or_kill waits for the start of a server. If the time is over and the server still has
// not acknowledged its start, the server is killed: its supervisor then goes on. A server that is
// up is left alone, even if it has not answered yet.
void kill_if_not_started(const pid& server) {
  process* const p = access::slot(server);
  if (p != nullptr && p->acknowledges && !p->answered) p->home.kill(*p);
}

}  // namespace coppice::detail
