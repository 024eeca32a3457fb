#include <coppice/process_info.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice {

std::optional<process_info> info(const pid& target) {
  if (const detail::scheduler* home = detail::access::home(target); home != nullptr) {
    home->check_thread("info");
  }
  detail::process* const p = detail::access::slot(target);
  if (p == nullptr) return std::nullopt;
  process_info result;
  result.id = target;
  result.label = p->label();
  result.parent = p->spawner;
  // The chain ends where an ancestor has ended: the numbers differ then, and its own parent is
  // unknown.
  for (detail::process* up = detail::access::slot(p->spawner); up != nullptr;
       up = detail::access::slot(up->spawner)) {
    result.ancestors.push_back(up->id());
  }
  if (p->extras) {
    result.callers = p->extras->callers;
    result.name = p->extras->name;
    for (detail::process* peer : p->extras->links) result.links.push_back(peer->id());
    result.traps_exits = p->traps_exits();
  }
  result.started = !p->life.is_spawned();
  result.waiting_in_coppice = !p->waits.empty();
  return result;
}

}  // namespace coppice
