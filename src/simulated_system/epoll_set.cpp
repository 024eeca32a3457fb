#include "epoll_set.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace coppice::detail {

void descriptor::changed() const {
  for (epoll_entry* const e : watched_by_) e->in.list(*e);
}

epoll_set::~epoll_set() {
  while (!entries_.empty()) remove(entries_.begin()->first);
}

int epoll_set::add(int number, descriptor& d, const epoll_event& e) {
  auto& entry = entries_[number];
  if (entry) return -EEXIST;
  entry = std::make_unique<epoll_entry>(*this, d, e);
  d.watched_by_.push_back(entry.get());
  if (d.readiness() != 0) list(*entry);
  return 0;
}

int epoll_set::change(int number, const epoll_event& e) {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return -ENOENT;
  found->second->wanted = e;
  if (found->second->of.readiness() != 0) list(*found->second);
  return 0;
}

int epoll_set::remove(int number) {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return -ENOENT;
  drop(*found->second);
  std::erase(found->second->of.watched_by_, found->second.get());
  entries_.erase(found);
  return 0;
}

void epoll_set::forget(descriptor& d) {
  while (!d.watched_by_.empty()) {
    epoll_entry& e = *d.watched_by_.back();
    epoll_set& set = e.in;
    const auto found =
        std::find_if(set.entries_.begin(), set.entries_.end(),
                     [&](const auto& entry) { return entry.second.get() == &e; });
    set.remove(found->first);
  }
}

namespace {

std::uint32_t events_of(const epoll_entry& e) noexcept {
  return e.of.readiness() & (e.wanted.events | EPOLLERR | EPOLLHUP);
}

}  // namespace

bool epoll_set::has_ready() const noexcept {
  return std::any_of(ready_.begin(), ready_.end(),
                     [](const epoll_entry* e) { return events_of(*e) != 0; });
}

int epoll_set::take_ready(std::span<epoll_event> into) {
  std::vector<epoll_entry*>& candidates = taken_;  // whose room is used again
  candidates.swap(ready_);
  for (epoll_entry* const e : candidates) e->listed = false;
  // Some wait for the next time, but not all.
  std::size_t most = candidates.size();
  if (drawn_ && most > 1) {
    for (std::size_t i = most - 1; i > 0; --i) {
      std::swap(candidates[i], candidates[order_.below(i + 1)]);
    }
    if (order_.chance(0.5)) most = 1 + order_.below(most);
  }
  std::size_t told = 0;
  for (epoll_entry* const e : candidates) {
    const std::uint32_t now = events_of(*e);
    if (now == 0) continue;
    if (told == std::min(into.size(), most)) {
      list(*e);
      continue;
    }
    into[told++] = {now, e->wanted.data};
    if ((e->wanted.events & EPOLLET) == 0) list(*e);
  }
  candidates.clear();
  return static_cast<int>(told);
}

void epoll_set::list(epoll_entry& e) {
  if (std::exchange(e.listed, true)) return;
  ready_.push_back(&e);
}

void epoll_set::drop(const epoll_entry& e) {
  if (e.listed) std::erase(ready_, &e);
}

}  // namespace coppice::detail
