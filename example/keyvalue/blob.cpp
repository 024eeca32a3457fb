#include "blob.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace keyvalue {

std::string_view blob::at(std::size_t offset) const {
  if (offset >= size_) return {};
  const auto behind = std::upper_bound(blocks_.begin(), blocks_.end(), offset,
                                       [](std::size_t at, const block& b) { return at < b.begin; });
  const block& b = *std::prev(behind);
  return std::string_view{b.bytes}.substr(offset - b.begin);
}

void blob::append(std::string_view tail) {
  while (!tail.empty()) {
    if (blocks_.empty() || blocks_.back().bytes.size() >= block_size) {
      blocks_.push_back({{}, size_});
      // Of the first block, it is unknown whether it will be full.
      if (blocks_.size() > 1) blocks_.back().bytes.reserve(block_size);
    }
    std::string& last = blocks_.back().bytes;
    const std::string_view piece = tail.substr(0, block_size - last.size());
    last.append(piece);
    size_ += piece.size();
    tail.remove_prefix(piece.size());
  }
}

void blob::append(blob&& tail) {
  for (block& b : tail.blocks_) {
    blocks_.push_back({std::move(b.bytes), size_});
    size_ += blocks_.back().bytes.size();
  }
  tail.blocks_.clear();
  tail.size_ = 0;
}

std::size_t blob::shrink(std::size_t most) noexcept {
  std::size_t freed = 0;
  for (; freed < most && !blocks_.empty(); ++freed) {
    size_ = blocks_.back().begin;
    blocks_.pop_back();
  }
  return freed;
}

bool blob::hold(budget& of) noexcept {
  ++holders_;
  if (!of.take(size_ - paid_)) return false;
  paid_ = size_;
  return true;
}

void blob::release(budget& of) noexcept {
  if (--holders_ > 0) return;
  of.give_back(paid_);
  paid_ = 0;
}

}  // namespace keyvalue
