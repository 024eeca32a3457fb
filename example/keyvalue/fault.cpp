#include "fault.hpp"

#include "tree.hpp"

#include <coppice/exit_reason.hpp>
#include <coppice/name.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>
#include <coppice/process_info.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace keyvalue {

void crash(const char* name) {
  coppice::exit(coppice::whereis(name), coppice::exit_reason::error("a client asked for a crash"));
}

void kill_one(boost::asio::io_context& io, std::uint64_t drawn) {
  const coppice::pid root = coppice::whereis(io, tree_name);
  std::map<std::string, std::vector<coppice::pid>> kinds;
  for (const coppice::pid& p : coppice::processes(io)) {
    const auto known = coppice::info(p);
    if (known && std::ranges::find(known->ancestors, root) != known->ancestors.end()) {
      kinds[known->label].push_back(p);
    }
  }
  if (kinds.empty()) return;
  const auto kind = static_cast<std::ptrdiff_t>(drawn % kinds.size());
  const std::vector<coppice::pid>& alike = std::next(kinds.begin(), kind)->second;
  coppice::kill(alike[drawn / kinds.size() % alike.size()]);
}

}  // namespace keyvalue
