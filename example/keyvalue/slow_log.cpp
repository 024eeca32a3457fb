#include "slow_log.hpp"

#include <algorithm>
#include <utility>

namespace keyvalue {

void slow_log::handle(note m) {
  m.command.number = kept_.next_number++;
  kept_.commands.push_front(std::move(m.command));
  if (kept_.commands.size() > most) kept_.commands.pop_back();
}

slow_log_answer slow_log::handle(ask m) {
  const auto first = kept_.commands.begin();
  switch (m.query.what) {
    case slow_log_query::kind::get: {
      const std::size_t count = std::min(m.query.most, kept_.commands.size());
      return std::vector(first, first + static_cast<std::ptrdiff_t>(count));
    }
    case slow_log_query::kind::length: return kept_.commands.size();
    case slow_log_query::kind::reset: break;
  }
  kept_.commands.clear();
  return {};
}

}  // namespace keyvalue
