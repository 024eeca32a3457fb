#pragma once

#include <cstddef>

namespace keyvalue {

/// How much memory all connections together may take up for what is on its way, in and out.
///
/// Whoever finds too little left is refused, and does not wait. That would be no `semaphore`: who
/// waits keeps what he has, and those who have the rest may be waiting for the same.
class budget {
 public:
  explicit budget(std::size_t limit) noexcept : left_{limit} {}
  budget(const budget&) = delete;
  budget& operator=(const budget&) = delete;

  /// @return Whether there was as much left; otherwise nothing is taken.
  [[nodiscard]] bool take(std::size_t size) noexcept {
    if (size > left_) return false;
    left_ -= size;
    return true;
  }
  void give_back(std::size_t size) noexcept { left_ += size; }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

  /// What somebody has of it, which comes back in the end.
  class share {
   public:
    explicit share(budget& of) noexcept : of_{of} {}
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share() { of_.give_back(size_); }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// @return Whether there was as much left; otherwise it stays as it was.
    [[nodiscard]] bool resize(std::size_t size) noexcept {
      if (size > size_ && !of_.take(size - size_)) return false;
      if (size < size_) of_.give_back(size_ - size);
      size_ = size;
      return true;
    }
    void clear() noexcept {
      of_.give_back(size_);
      size_ = 0;
    }

   private:
    budget& of_;
    std::size_t size_ = 0;
  };

 private:
  std::size_t left_;
};

}  // namespace keyvalue
