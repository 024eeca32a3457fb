#pragma once

#include <memory>
#include <utility>

namespace coppice::detail {

// An optional value that lies on the heap: for what few objects have, and the others are not to be
// larger for. A copy has a value of its own.
template <class T>
class rare {
 public:
  rare() noexcept = default;
  rare(T value) : value_{std::make_unique<T>(std::move(value))} {}
  rare(const rare& other) : value_{other ? std::make_unique<T>(*other) : nullptr} {}
  rare(rare&&) noexcept = default;
  rare& operator=(const rare& other) { return *this = rare{other}; }
  rare& operator=(rare&&) noexcept = default;
  ~rare() = default;

  explicit operator bool() const noexcept { return value_ != nullptr; }
  [[nodiscard]] T& operator*() noexcept { return *value_; }
  [[nodiscard]] const T& operator*() const noexcept { return *value_; }
  [[nodiscard]] T* operator->() noexcept { return value_.get(); }
  [[nodiscard]] const T* operator->() const noexcept { return value_.get(); }
  // Null if there is none.
  [[nodiscard]] const T* get() const noexcept { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace coppice::detail
