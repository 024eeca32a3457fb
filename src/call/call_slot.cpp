#include <coppice/detail/call/call_slot.hpp>

#include <coppice/detail/runtime/process.hpp>

namespace coppice::detail {

void kill_unless_up(const pid& server) {
  process* const p = server.get();
  if (p != nullptr && p->acknowledges && !p->answered) p->home.kill(*p);
}

}  // namespace coppice::detail
