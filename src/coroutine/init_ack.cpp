#include <coppice/init_ack.hpp>

#include <coppice/detail/wait/current_process.hpp>

#include <utility>

namespace coppice {

void init_ack::ready(std::any info) const {
  if (detail::process* p = self_.get(); p != nullptr) p->home.acknowledge(*p, std::move(info));
}

detail::exit_operation init_ack::ignore() const {
  return detail::exit_operation{{&detail::here(), exit_reason::normal(), true}};
}

detail::exit_operation init_ack::fail(exit_reason reason) const {
  return detail::exit_operation{{&detail::here(), std::move(reason)}};
}

}  // namespace coppice
