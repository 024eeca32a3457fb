#include <coppice/detail/base/access.hpp>
#include <coppice/init_ack.hpp>

#include <utility>

namespace coppice {

// The start handshake of proc_lib: a supervisor goes on with the next child only when this one has
// said that it is up, that it does not want to run, or that it has failed. `ready` may come from
// anywhere on the loop's thread and at any time, so a process that has ended is passed over. The
// other two end the calling process.

void init_ack::ready(std::any info) const {
  if (detail::process* p = detail::access::slot(self_); p != nullptr) {
    p->home.acknowledge(*p, std::move(info));
  }
}

}  // namespace coppice
